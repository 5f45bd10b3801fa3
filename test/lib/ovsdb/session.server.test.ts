// A session through what happens to servers: restarts, lying peers, silence, elections.
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { ConnectionLost } from '../../../lib/ovsdb/index.ts';
import type { Operation } from '../../../lib/ovsdb/index.ts';
import { eventually } from '../../eventually.ts';
import { defaultPrograms, startCluster, startServer } from '../../ovsdb-server.ts';
import type { OvsdbServer } from '../../ovsdb-server.ts';
import { Interposer } from './interposer.ts';
import { live, plainRows } from './live.ts';
import type { Live, LiveOptions } from './live.ts';

const TABLES = { Logical_Switch: ['name', 'external_ids'], Port_Group: ['name'] };
const ends: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

function session(options: Omit<LiveOptions, 'tables'>): Live {
  const started = live({ tables: TABLES, ...options });
  ends.push(async () => await started.session.stop());
  return started;
}

async function standalone(): Promise<OvsdbServer> {
  const server = await startServer();
  ends.push(async () => await server.dispose());
  return server;
}

const insert = (name: string, uuid: string = randomUUID()): Operation => ({
  op: 'insert',
  table: 'Logical_Switch',
  uuid,
  row: { name },
});
const wireInsert = (name: string): unknown => ({ op: 'insert', table: 'Logical_Switch', row: { name } });

/** Changes a database while no server has it open. */
async function offline(server: OvsdbServer, ...operations: unknown[]): Promise<void> {
  const [program, ...before] = defaultPrograms.tool;
  await promisify(execFile)(program, [
    ...before,
    'transact',
    server.file,
    JSON.stringify([server.database, ...operations]),
  ]);
}

const names = (it_: Live): unknown[] =>
  [...it_.replica.rows('Logical_Switch')].map(([, row]) => row['name']).sort(compare);
const compare = (a: unknown, b: unknown): number => (String(a) < String(b) ? -1 : 1);

describe('a session with one server', () => {
  it('copies what is there before it tells of it, and leaves out what the schema does not have', async () => {
    const server = await standalone();
    await server.transact([wireInsert('a'), wireInsert('b')]);
    const it_ = live({
      remotes: [server.remote],
      tables: { Logical_Switch: ['name', 'future'], Future_Table: ['x'] },
    });
    ends.push(async () => await it_.session.stop());
    await it_.ready();
    expect(it_.batches).toHaveLength(1);
    expect(it_.synced).toEqual([false]);
    expect(names(it_)).toEqual(['a', 'b']);
    expect(it_.replica.absent).toEqual(['Logical_Switch.future', 'Future_Table']);
    expect(it_.session.schema?.name).toBe('OVN_Northbound');
  });

  it('makes one difference of a restart, and none of what did not change', async () => {
    const server = await standalone();
    const [kept, renamed, gone] = [randomUUID(), randomUUID(), randomUUID()];
    const it_ = session({ remotes: [server.remote] });
    await it_.ready();
    await it_.session.transact([insert('kept', kept), insert('renamed', renamed), insert('gone', gone)]);
    const before = it_.replica.row('Logical_Switch', kept);
    const sizes: number[] = [];
    await server.kill();
    await eventually(() => it_.lost.length === 1);
    await offline(
      server,
      { op: 'update', table: 'Logical_Switch', where: [['name', '==', 'renamed']], row: { name: 'new name' } },
      { op: 'delete', table: 'Logical_Switch', where: [['name', '==', 'gone']] },
      wireInsert('added'),
    );
    sizes.push(it_.replica.size('Logical_Switch'));
    await server.start();
    await it_.ready();
    expect(sizes).toEqual([3]);
    expect(it_.batches).toHaveLength(2);
    const changes = new Map(it_.batches[1]!.map((change) => [change.old?.['name'] ?? 'added', change]));
    expect(new Set(changes.keys())).toEqual(new Set(['renamed', 'gone', 'added']));
    expect(changes.get('renamed')?.difference).toEqual({ name: 'new name' });
    expect(changes.get('gone')?.new).toBeUndefined();
    expect(it_.replica.row('Logical_Switch', kept)).toBe(before);
    expect(plainRows(it_.replica, 'Logical_Switch')).toEqual(
      await server.dump('Logical_Switch', ['_uuid', ...TABLES.Logical_Switch]),
    );
    expect(it_.synced).toEqual([false, false]);
  });

  it('tells nothing when a restart changed nothing', async () => {
    const server = await standalone();
    const it_ = session({ remotes: [server.remote] });
    await it_.ready();
    await it_.session.transact([insert('a')]);
    await server.kill();
    await server.start();
    await eventually(() => it_.synced.length === 2);
    expect(it_.batches).toHaveLength(1);
  });

  it('fails what is outstanding as uncertain and what comes later as certain', async () => {
    const server = await standalone();
    const it_ = session({ remotes: [server.remote] });
    await it_.ready();
    server.pause();
    const outstanding = it_.session.transact([insert('a')]).catch((error: unknown) => error);
    await server.kill();
    expect(await outstanding).toBeInstanceOf(ConnectionLost);
    expect(await outstanding).toMatchObject({ uncertain: true });
    await expect(it_.session.transact([insert('b')])).rejects.toSatisfy(
      (error) => error instanceof ConnectionLost && !error.uncertain,
    );
  });

  it('gives up a connection on which nothing answers', async () => {
    const server = await standalone();
    const it_ = session({ remotes: [server.remote], probeInterval: 100, connectTimeout: 200 });
    await it_.ready();
    server.pause();
    await eventually(() => it_.lost.length === 1);
    expect(it_.lost[0]).toMatch(/^no answer for \d+ ms$/);
    server.resume();
    await it_.ready();
    await it_.session.transact([insert('a')]);
    expect(await server.dump('Logical_Switch', ['name'])).toEqual([{ name: 'a' }]);
  });

  it('keeps a quiet connection: its probes are answered, and so are those of the server', async () => {
    const server = await startServer({ args: ['--remote=db:OVN_Northbound,NB_Global,connections'] });
    ends.push(async () => await server.dispose());
    const probing = join(server.directory, 'probing.sock');
    const connection = { target: `punix:${probing}`, inactivity_probe: 1000 };
    await server.transact([
      { op: 'insert', table: 'Connection', 'uuid-name': 'c', row: connection },
      { op: 'insert', table: 'NB_Global', row: { connections: ['named-uuid', 'c'] } },
    ]);
    await eventually(async () => await server.client('list-dbs', `unix:${probing}`));
    /** Waits for three messages of the kind, with nothing else to talk of. */
    const quiet = async (path: string, kind: RegExp, probeInterval: number): Promise<Live> => {
      let count = 0;
      const answers = (): Transform =>
        new Transform({
          transform(chunk: Buffer, _, done) {
            count += chunk.toString('latin1').match(kind)?.length ?? 0;
            done(null, chunk);
          },
        });
      const interposer = await Interposer.listen(`${path}.relayed`, path, { answers });
      ends.push(() => interposer.close());
      const it_ = session({ remotes: [interposer.remote], probeInterval });
      await it_.ready();
      await eventually(() => count >= 3, { within: 20_000, what: `three of ${String(kind)}` });
      return it_;
    };
    const both = await Promise.all([
      quiet(probing, /"method":"echo"/g, 0),
      quiet(server.remote.slice('unix:'.length), /"result":\[\]/g, 500),
    ]);
    expect(both.map(({ lost }) => lost)).toEqual([[], []]);
  });

  it.each([
    ['garbage', 'garbage\n', /no JSON object begins with/],
    ['broken JSON', '{"method": nope}', /is not JSON/],
    ['a reply to nothing', '{"id":4711,"result":[],"error":null}', /a reply to nothing/],
    [
      'a change of an unknown row',
      `{"method":"update3","id":null,"params":["monitor-1","${randomUUID()}",{"Logical_Switch":{"${randomUUID()}":{"modify":{"name":"x"}}}}]}`,
      /which is not in Logical_Switch/,
    ],
    [
      'a table that was not asked for',
      `{"method":"update3","id":null,"params":["monitor-1","${randomUUID()}",{"ACL":{"${randomUUID()}":{"insert":{}}}}]}`,
      /table ACL was not asked for/,
    ],
    [
      'half an update, half nonsense',
      `{"method":"update3","id":null,"params":["monitor-1","${randomUUID()}",{"Port_Group":{"${randomUUID()}":{"insert":{"name":"lie"}}},"Logical_Switch":{"${randomUUID()}":{"insert":{"name":5}}}}]}`,
      /5 is no string/,
    ],
  ])('ends at %s, and begins again with the copy as it was', async (_, bytes, reason) => {
    const server = await standalone();
    const path = join(server.directory, 'interposed.sock');
    const interposer = await Interposer.listen(path, server.remote.slice('unix:'.length));
    ends.push(() => interposer.close());
    const it_ = session({ remotes: [interposer.remote] });
    await it_.ready();
    await it_.session.transact([insert('a')]);
    interposer.inject(bytes);
    await eventually(() => it_.synced.length === 2);
    expect(it_.lost).toEqual([expect.stringMatching(reason)]);
    expect(it_.batches).toHaveLength(1);
    expect(names(it_)).toEqual(['a']);
    expect(it_.replica.size('Port_Group')).toBe(0);
    await it_.session.transact([insert('b')]);
    expect(names(it_)).toEqual(['a', 'b']);
  });

  it('refuses messages beyond the limit', async () => {
    const server = await standalone();
    const it_ = session({ remotes: [server.remote], maxMessage: 2000 });
    await eventually(() => it_.states.some(([, reason]) => reason === 'a message exceeds 2000 bytes'));
    expect(it_.session.state).not.toBe('ready');
  });

  it('leaves a server whose schema changes, and comes back with the new one', async () => {
    const server = await standalone();
    const it_ = live({ remotes: [server.remote], tables: { Logical_Switch: ['name', 'copp'] } });
    ends.push(async () => await it_.session.stop());
    await it_.ready();
    await it_.session.transact([insert('a')]);
    const schema = JSON.parse(await server.client('get-schema', server.remote, server.database)) as {
      version: string;
      tables: Record<string, { columns: Record<string, unknown> }>;
    };
    delete schema.tables['Logical_Switch']!.columns['copp'];
    schema.version = '99.0.0';
    const file = join(server.directory, 'new.ovsschema');
    await promisify(execFile)('sh', ['-c', 'printf %s "$1" > "$2"', 'sh', JSON.stringify(schema), file]);
    await server.client('convert', server.remote, file);
    await eventually(() => it_.session.schema?.version === '99.0.0' && it_.session.state === 'ready');
    // Which of the two notices the server sends first is its own affair.
    expect(it_.lost).toEqual([expect.stringMatching(/the schema has changed|the server has cancelled the monitor/)]);
    expect([...it_.replica.rows('Logical_Switch')].map(([, row]) => row)).toEqual([{ name: 'a' }]);
    expect(it_.replica.absent).toEqual(['Logical_Switch.copp']);
  });

  it('closes a copy and goes on with the others', async () => {
    const server = await standalone();
    const it_ = session({ remotes: [server.remote] });
    await it_.ready();
    const seen: number[] = [];
    const second = it_.session.monitor(
      { tables: { Logical_Switch: ['name'] } },
      { changed: (changes) => seen.push(changes.length) },
    );
    await it_.session.transact([insert('a')]);
    expect(seen).toEqual([1]);
    second.close();
    await it_.session.transact([insert('b')]);
    expect(seen).toEqual([1]);
    expect(names(it_)).toEqual(['a', 'b']);
  });

  it('copies only rows that meet the conditions', async () => {
    const server = await standalone();
    const it_ = session({ remotes: [server.remote] });
    const some = it_.session.monitor(
      { tables: { Logical_Switch: ['name'] }, conditions: { Logical_Switch: [['name', '==', 'b']] } },
      { changed: () => undefined },
    );
    await it_.ready();
    await it_.session.transact([insert('a'), insert('b')]);
    expect([...some.rows('Logical_Switch')].map(([, row]) => row['name'])).toEqual(['b']);
  });

  it('says that the server does not have the database', async () => {
    const server = await standalone();
    const it_ = session({ remotes: [server.remote], database: 'Elsewhere' });
    const [, reason] = await eventually(() => it_.states.find(([state]) => state === 'waiting'));
    expect(reason).toBe('the server does not have the database');
  });

  it('can be stopped and started again, with the difference of the time between', async () => {
    const server = await standalone();
    const it_ = session({ remotes: [server.remote] });
    await it_.ready();
    await it_.session.stop();
    await server.transact([wireInsert('a')]);
    expect(names(it_)).toEqual([]);
    it_.session.start();
    await it_.ready();
    expect(names(it_)).toEqual(['a']);
  });
});

describe('a session with several servers', () => {
  it('goes on from the last transaction with another member, and keeps every row', async () => {
    const cluster = await startCluster();
    ends.push(async () => await cluster.stop());
    const leader = await cluster.leader();
    const [here, ...others] = cluster.members.filter((member) => member !== leader);
    const it_ = session({ remotes: [here!.remote] });
    await it_.ready();
    await it_.session.transact([insert('before')]);
    await here!.kill();
    await eventually(() => it_.lost.length === 1);
    for (let count = 0; count < 50; count += 1) await leader.transact([wireInsert(`meanwhile-${count}`)]);
    it_.session.setRemotes([...others.map((member) => member.remote), leader.remote]);
    await it_.ready();
    expect(it_.synced).toEqual([false, true]);
    expect(it_.batches).toHaveLength(3 - 1);
    expect(it_.batches[1]).toHaveLength(50);
    expect(plainRows(it_.replica, 'Logical_Switch')).toEqual(
      await leader.dump('Logical_Switch', ['_uuid', ...TABLES.Logical_Switch]),
    );
  });

  it('with leaderOnly follows the leadership: a kill -9, then a transfer', async () => {
    const cluster = await startCluster();
    ends.push(async () => await cluster.stop());
    const it_ = session({ remotes: cluster.remotes, leaderOnly: true });
    await it_.ready();
    const first = await cluster.leader();
    expect(it_.session.remote).toBe(first.remote);
    await it_.session.transact([insert('one')]);

    await first.kill();
    const second = await cluster.leader();
    await eventually(() => it_.session.remote === second.remote && it_.session.state === 'ready');
    await it_.session.transact([insert('two')]);
    expect(it_.synced).toEqual([false, true]);

    await first.start();
    await first.connected();
    await second.appctl('cluster/failure-test', 'transfer-leadership');
    await eventually(async () => !(await second.leads()));
    const third = await cluster.leader();
    await eventually(() => it_.session.remote === third.remote && it_.session.state === 'ready');
    expect(it_.lost).toContain('not the leader');
    await it_.session.transact([insert('three')]);
    expect(names(it_)).toEqual(['one', 'three', 'two']);
    expect(plainRows(it_.replica, 'Logical_Switch')).toEqual(
      await third.dump('Logical_Switch', ['_uuid', ...TABLES.Logical_Switch]),
    );
  });

  it('leaves a remote that is taken from the list', async () => {
    const [a, b] = [await standalone(), await standalone()];
    const it_ = session({ remotes: [a.remote] });
    await it_.ready();
    await b.transact([wireInsert('b')]);
    it_.session.setRemotes([b.remote]);
    await eventually(() => it_.session.remote === b.remote && it_.session.state === 'ready');
    expect(names(it_)).toEqual(['b']);
    expect(it_.lost).toEqual(['not a remote any more']);
  });

  it('waits for remotes when it has none, and tries the next when one is down', async () => {
    const server = await standalone();
    const it_ = session({ remotes: [] });
    expect(it_.session.state).toBe('waiting');
    it_.session.setRemotes(['unix:/nonexistent/db.sock', 'nonsense', server.remote]);
    await it_.ready();
    expect(it_.session.remote).toBe(server.remote);
  });
});
