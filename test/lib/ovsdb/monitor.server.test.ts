// What is copied, and by which request: conditions that change under a live copy, and servers that know only older monitors.
// Those are the real server behind a relay that misspells the newer methods on their way to it.
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConnectionLost, EncodeError } from '../../../lib/ovsdb/index.ts';
import type { MonitorConditions, Operation, Replica, RowChange } from '../../../lib/ovsdb/index.ts';
import { eventually } from '../../eventually.ts';
import { startCluster, startServer } from '../../ovsdb-server.ts';
import type { OvsdbServer } from '../../ovsdb-server.ts';
import { Interposer } from './interposer.ts';
import { live, plainRows } from './live.ts';
import type { Live } from './live.ts';

const COLUMNS = ['name', 'external_ids', 'ports'];
const TABLES = { Logical_Switch: COLUMNS, Port_Group: ['name'] };
const ends: (() => unknown)[] = [];
let server: OvsdbServer;

async function standalone(): Promise<void> {
  const started = await startServer();
  ends.push(async () => await started.dispose());
  server = started;
}

async function clustered(): Promise<void> {
  const cluster = await startCluster({ members: 1 });
  ends.push(async () => await cluster.stop());
  server = cluster.members[0]!;
}

afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

async function interposer(replace: Readonly<Record<string, string>> = {}): Promise<Interposer> {
  const path = join(server.directory, 'interposed.sock');
  const it_ = await Interposer.listen(path, server.remote.slice('unix:'.length), { replace });
  ends.push(() => it_.close());
  return it_;
}

function session(remote: string): Live {
  const it_ = live({ remotes: [remote], tables: TABLES });
  ends.push(async () => await it_.session.stop());
  return it_;
}

interface Copy {
  readonly replica: Replica;
  readonly batches: readonly (readonly RowChange[])[];
  /** Whether it was continued, each time that it was synced. */
  readonly synced: readonly boolean[];
  names(): unknown[];
}

/** A copy of the switches alone, with conditions. */
function copyOf(it_: Live, ...conditions: MonitorConditions[string]): Copy {
  const batches: (readonly RowChange[])[] = [];
  const synced: boolean[] = [];
  const replica = it_.session.monitor(
    { tables: { Logical_Switch: ['name', 'external_ids'] }, conditions: { Logical_Switch: conditions } },
    { changed: (changes) => batches.push(changes), synced: (whether) => synced.push(whether) },
  );
  return {
    replica,
    batches,
    synced,
    names: () => [...replica.rows('Logical_Switch')].map(([, row]) => row['name']).sort(compare),
  };
}

const compare = (a: unknown, b: unknown): number => (String(a) < String(b) ? -1 : 1);

const ls = (name: string, uuid: string = randomUUID()): Operation => ({
  op: 'insert',
  table: 'Logical_Switch',
  uuid,
  row: { name },
});
const named = (name: string): readonly ['name', '==', string] => ['name', '==', name];
const wanting = (...names: string[]): MonitorConditions => ({ Logical_Switch: names.map((name) => named(name)) });

// Only a cluster remembers its transactions, so that a copy is continued by their ids.
describe.each([
  ['a standalone server', standalone, false],
  ['a cluster', clustered, true],
] as const)('the conditions of a live copy of %s', (_, start, continued) => {
  beforeEach(start);

  it('can be none, and widened to some rows and to all, and back, each as one difference', async () => {
    const it_ = session(server.remote);
    const copy = copyOf(it_, false);
    await it_.ready();
    await it_.session.transact([ls('a'), ls('b'), ls('c')]);
    expect(copy.names()).toEqual([]);
    expect(copy.batches).toEqual([]);

    await copy.replica.setConditions(wanting('a', 'b'));
    expect(copy.names()).toEqual(['a', 'b']);
    expect(copy.batches).toHaveLength(1);
    expect(copy.batches[0]!.every(({ old, new: row }) => old === undefined && row !== undefined)).toBe(true);

    await copy.replica.setConditions(wanting('b', 'c'));
    expect(copy.batches).toHaveLength(2);
    expect(copy.batches[1]).toHaveLength(2);
    expect(copy.batches[1]!.find(({ old }) => old?.['name'] === 'a')).not.toHaveProperty('new');
    expect(copy.batches[1]!.find(({ new: row }) => row?.['name'] === 'c')?.old).toBeUndefined();

    await copy.replica.setConditions({ Logical_Switch: [] });
    expect(copy.names()).toEqual(['a', 'b', 'c']);
    await copy.replica.setConditions({ Logical_Switch: [false] });
    expect(copy.names()).toEqual([]);
    expect(copy.batches).toHaveLength(4);
  });

  it('decide by the row as it is now: a rename leaves, and another enters', async () => {
    const it_ = session(server.remote);
    const copy = copyOf(it_, named('a'));
    await it_.ready();
    const [a, b] = [randomUUID(), randomUUID()];
    await it_.session.transact([ls('a', a), ls('b', b)]);
    const rename = (uuid: string, name: string): Operation => ({
      op: 'update',
      table: 'Logical_Switch',
      where: [['_uuid', '==', uuid]],
      row: { name },
    });
    await it_.session.transact([rename(a, 'x'), rename(b, 'a')]);
    expect([...copy.replica.rows('Logical_Switch')].map(([uuid]) => uuid)).toEqual([b]);
  });

  it('take effect in order when several are set at once, and once connected when set before', async () => {
    const it_ = session(server.remote);
    const copy = copyOf(it_, named('a'));
    const early = copy.replica.setConditions(wanting('b'));
    await it_.ready();
    await early;
    await it_.session.transact([ls('a'), ls('b'), ls('c')]);
    expect(copy.names()).toEqual(['b']);
    await Promise.all([
      copy.replica.setConditions(wanting('a')),
      copy.replica.setConditions(wanting('c')),
      copy.replica.setConditions(wanting('a', 'c')),
    ]);
    expect(copy.names()).toEqual(['a', 'c']);
  });

  it('hold after a reconnect, with one difference and nothing told twice', async () => {
    const relay = await interposer();
    const it_ = session(relay.remote);
    const copy = copyOf(it_, named('a'));
    await it_.ready();
    await it_.session.transact([ls('a'), ls('b'), ls('c')]);
    await copy.replica.setConditions(wanting('b'));
    const before = copy.batches.length;
    relay.cut();
    await eventually(() => it_.synced.length === 2);
    expect(copy.names()).toEqual(['b']);
    expect(copy.batches).toHaveLength(before);
    expect(copy.synced).toEqual([false, continued]);
    await server.transact([{ op: 'delete', table: 'Logical_Switch', where: [['name', '==', 'b']] }]);
    await eventually(() => copy.names().length === 0);
  });

  it('hold also when the connection dies between what changed by them and the answer', async () => {
    const relay = await interposer();
    const it_ = session(relay.remote);
    const copy = copyOf(it_, named('a'));
    await it_.ready();
    await it_.session.transact([ls('a'), ls('b'), ls('c')]);
    relay.cutBefore(/\{"id":\d/);
    const unanswered = copy.replica.setConditions(wanting('b'));
    // Back to what the server has acknowledged: the copy must not be taken for one of those conditions.
    const back = copy.replica.setConditions(wanting('a'));
    await Promise.all([unanswered, back]);
    await it_.ready();
    expect(copy.names()).toEqual(['a']);
    expect(
      copy.batches.map((changes) => changes.map(({ old, new: row }) => (row ?? old)?.['name']).sort(compare)),
    ).toEqual([['a'], ['a', 'b'], ['a', 'b']]);
    expect(copy.synced).toEqual([false, false]);
  });

  it('set while there is no connection are those of the next one', async () => {
    const it_ = session(server.remote);
    const copy = copyOf(it_, named('a'));
    await it_.ready();
    await it_.session.transact([ls('a'), ls('b')]);
    await server.kill();
    await eventually(() => it_.lost.length === 1);
    const set = copy.replica.setConditions(wanting('b'));
    expect(copy.names()).toEqual(['a']);
    await server.start();
    await set;
    expect(copy.names()).toEqual(['b']);
    expect(copy.batches.at(-1)).toHaveLength(2);
  });

  it('are refused when the schema forbids them, and rejected when the copy is closed', async () => {
    const it_ = session(server.remote);
    const copy = copyOf(it_, named('a'));
    await it_.ready();
    expect(() => copy.replica.setConditions({ Logical_Switch: [['name', '==', 5]] })).toThrow(EncodeError);
    await it_.session.transact([ls('a')]);
    expect(copy.names()).toEqual(['a']);
    server.pause();
    const set = copy.replica.setConditions(wanting('b'));
    copy.replica.close();
    await expect(set).rejects.toBeInstanceOf(ConnectionLost);
    server.resume();
    await it_.session.transact([ls('b')]);
    expect(it_.lost).toEqual([]);
  });

  it('on a column that the schema does not have are met by no row', async () => {
    const it_ = session(server.remote);
    const copy = copyOf(it_, named('a'), ['future', '==', 'x']);
    await it_.ready();
    await it_.session.transact([ls('a'), ls('b')]);
    expect(copy.names()).toEqual(['a']);
  });
});

/** The order of rows within one update is the server's own affair. */
const sorted = ({ batches }: Live): RowChange[][] =>
  batches.map((changes) => [...changes].sort((a, b) => (a.uuid < b.uuid ? -1 : 1)));

const older = {
  'monitor_cond (2.6)': { monitor_cond_since: 'monitor_cond_sinc_' },
  'monitor (RFC 7047)': { monitor_cond_since: 'monitor_cond_sinc_', monitor_cond: 'monitor_con_' },
  'monitor, and without _Server (2.5)': {
    monitor_cond_since: 'monitor_cond_sinc_',
    monitor_cond: 'monitor_con_',
    set_db_change_aware: 'set_db_change_awar_',
    _Server: '_Serve_',
  },
} as const;

describe.each(Object.entries(older))('a server with only %s', (_, replace) => {
  beforeEach(standalone);

  it('gives the same copy and the same differences, through changes of every kind and a reconnect', async () => {
    const relay = await interposer(replace);
    await server.transact([{ op: 'insert', table: 'Port_Group', row: { name: 'there before' } }]);
    const [old, new_] = [session(relay.remote), session(server.remote)];
    await Promise.all([old.ready(), new_.ready()]);
    expect(sorted(old)).toEqual(sorted(new_));
    const [a, b, p] = [randomUUID(), randomUUID(), randomUUID()];
    const where = [['_uuid', '==', a]] as const;
    const table = 'Logical_Switch';
    const transactions: Operation[][] = [
      [ls('a', a), ls('b', b)],
      [
        { op: 'insert', table: 'Logical_Switch_Port', uuid: p, row: { name: 'p' } },
        { op: 'mutate', table, where, mutations: [['ports', 'insert', new Set([p])]] },
      ],
      [
        {
          op: 'mutate',
          table,
          where,
          mutations: [
            [
              'external_ids',
              'insert',
              new Map([
                ['k', '1'],
                ['l', '2'],
              ]),
            ],
          ],
        },
      ],
      [
        { op: 'mutate', table, where, mutations: [['external_ids', 'delete', new Set(['k'])]] },
        { op: 'mutate', table, where, mutations: [['external_ids', 'insert', new Map([['k', '3']])]] },
      ],
      [{ op: 'update', table, where, row: { name: 'a2' } }],
      [{ op: 'delete', table, where: [['_uuid', '==', b]] }],
    ];
    for (const operations of transactions) await old.session.transact(operations);
    await eventually(() => new_.batches.length === old.batches.length);
    expect(sorted(old)).toEqual(sorted(new_));
    expect(old.batches).toHaveLength(1 + transactions.length);

    relay.cut();
    await eventually(() => old.lost.length === 1);
    await server.transact([{ op: 'update', table, where: [['name', '==', 'a2']], row: { name: 'a3' } }]);
    await eventually(() => old.synced.length === 2);
    // The change may have come before the new copy did, or in it.
    expect(old.batches).toHaveLength(2 + transactions.length);
    expect(old.batches.at(-1)).toMatchObject([{ uuid: a, difference: { name: 'a3' } }]);
    expect(old.synced).toEqual([false, false]);
    expect(plainRows(old.replica, table)).toEqual(await server.dump(table, ['_uuid', ...COLUMNS]));
  });
});

it('serves conditions with monitor_cond', async () => {
  await standalone();
  const relay = await interposer(older['monitor_cond (2.6)']);
  const it_ = session(relay.remote);
  await it_.ready();
  await it_.session.transact([ls('a'), ls('b')]);
  const copy = copyOf(it_, named('a'));
  await eventually(() => copy.names().length === 1);
  await copy.replica.setConditions(wanting('b'));
  expect(copy.names()).toEqual(['b']);
});

it('follows the leader of a cluster whose members have only monitor_cond', async () => {
  const cluster = await startCluster();
  ends.push(async () => await cluster.stop());
  const relays = await Promise.all(
    cluster.members.map(async (member) => {
      const path = join(member.directory, `${member.name}.interposed.sock`);
      const replace = older['monitor_cond (2.6)'];
      return await Interposer.listen(path, member.remote.slice('unix:'.length), { replace });
    }),
  );
  ends.push(() => relays.forEach((relay) => relay.close()));
  const it_ = live({ remotes: relays.map(({ remote }) => remote), tables: TABLES, leaderOnly: true });
  ends.push(async () => await it_.session.stop());
  await it_.ready();
  await it_.session.transact([ls('a')]);
  const first = await cluster.leader();
  await first.kill();
  const second = await cluster.leader();
  const { remote } = relays[cluster.members.indexOf(second)]!;
  await eventually(() => it_.session.remote === remote && it_.session.state === 'ready', { within: 20_000 });
  await it_.session.transact([ls('b')]);
  expect([...it_.replica.rows('Logical_Switch')].map(([, row]) => row['name']).sort(compare)).toEqual(['a', 'b']);
});

it('leaves a server that has only RFC 7047 when a copy has conditions, and says why', async () => {
  await standalone();
  const relay = await interposer(older['monitor (RFC 7047)']);
  const it_ = session(relay.remote);
  await it_.ready();
  const copy = copyOf(it_, named('a'));
  await eventually(() => it_.lost.includes('the server has no conditional monitors, and a copy has conditions'));
  copy.replica.close();
  await it_.ready();
  expect(it_.states.at(-1)?.[0]).toBe('ready');
});
