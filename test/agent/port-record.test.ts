// What is put back into a database of Open vSwitch that is another one than before.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Insert, Operation, Row, RowChange } from '../../lib/ovsdb/types.ts';
import { OvsReplica } from '../../agent/drivers/ovs-replica.ts';
import { PortRecord } from '../../agent/port-record.ts';
import { eventually } from '../eventually.ts';

let folder: string;
let path: string;
const records: PortRecord[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ports-'));
  path = join(folder, 'ports.json');
});
afterEach(async () => {
  for (const record of records.splice(0)) await record.stop();
  await rm(folder, { recursive: true });
});

const set = (...elements: readonly string[]): ReadonlySet<string> => new Set(elements);
const insert = (table: string, uuid: string, row: Row): RowChange => ({ table, uuid, new: row });
const port = (name: string): RowChange[] => {
  const ids = new Map([
    ['kubeloom-container', `${name}-container`],
    ['kubeloom-ifname', 'eth0'],
    ['pod_netns', `/run/netns/${name}`],
    ['iface-id', `${name}.ns`],
    ['ovn-installed', 'true'],
    ['ovn-installed-ts', '1'],
  ]);
  return [
    insert('Interface', `interface-${name}`, { name: `${name}_h`, type: '', external_ids: ids }),
    insert('Port', `port-${name}`, { name: `${name}_h`, interfaces: set(`interface-${name}`) }),
  ];
};

interface World {
  readonly replica: OvsReplica;
  readonly ran: string[];
  readonly written: Operation[];
}

/** A process beside a database whose root row has this id, and in which there are these rows. */
async function begin(root: string, rows: readonly RowChange[]): Promise<World> {
  const replica = new OvsReplica();
  const world: World = { replica, ran: [], written: [] };
  const record = new PortRecord({
    path,
    replica,
    ovs: {
      transact: async (operations) => {
        world.written.push(...operations);
        return await Promise.resolve([]);
      },
    },
    ids: (table, name) => `${table}/${name}`,
    run: async (argv) => {
      world.ran.push(argv.join(' '));
      const links = ['a_h', 'b_h', 'eth2'].map((ifname) => ({ ifname }));
      return await Promise.resolve(argv.includes('-j') ? JSON.stringify(links) : '');
    },
    exists: async (file) => await Promise.resolve(file !== '/run/netns/b'),
    setTimeout: () => undefined,
    log: { info: () => undefined, warn: () => undefined },
  });
  records.push(record);
  await record.start();
  replica.changed([insert('Open_vSwitch', root, { bridges: set() }), ...rows]);
  replica.synced();
  return world;
}

const bridge = insert('Bridge', 'bridge', { name: 'br-int', ports: set('port-a', 'port-b', 'port-c') });
const tunnel = [
  insert('Port', 'nic', { name: 'eth2', interfaces: set() }),
  insert('Bridge', 'tunnel', {
    name: 'br-phy',
    ports: set('nic'),
    external_ids: new Map([['kubeloom-addresses', '192.0.2.1/24 2001:db8::1/64']]),
  }),
];
const recorded = async (): Promise<{ database: string; ports: { name: string }[] }> =>
  JSON.parse(await readFile(path, 'utf8').catch(() => '{}')) as never;
const is = (database: string, ports: number) => async () => {
  const kept = await recorded();
  return kept.database === database && kept.ports.length === ports;
};

it('follows the database, and puts back what lives when that is another one', async () => {
  const first = await begin('one', [bridge, ...tunnel, ...['a', 'b', 'c'].flatMap(port)]);
  await eventually(is('one', 3));
  expect(first.written).toEqual([]);
  expect(await readFile(path, 'utf8')).not.toContain('ovn-installed');

  const second = await begin('two', []);
  await eventually(() => second.ran.length === 2);
  expect(second.ran).toEqual([
    'ip address replace 192.0.2.1/24 dev eth2',
    'ip address replace 2001:db8::1/64 dev eth2 nodad',
  ]);
  // Ports go into a bridge, which ovn-controller makes.
  expect(second.written).toEqual([]);
  expect((await recorded()).database).toBe('one');
  second.replica.changed([insert('Bridge', 'new', { name: 'br-int', ports: set() })]);
  await eventually(is('two', 0));
  const inserted = second.written.filter((one): one is Insert => one.op === 'insert' && one.table === 'Interface');
  // The namespace of b is gone, and the link of c.
  expect(inserted.map(({ row }) => row['name'])).toEqual(['a_h']);
  expect(inserted[0]?.row['external_ids']).toEqual(
    new Map([
      ['kubeloom-container', 'a-container'],
      ['kubeloom-ifname', 'eth0'],
      ['pod_netns', '/run/netns/a'],
      ['iface-id', 'a.ns'],
    ]),
  );
});

it('puts nothing back into the database that it is of', async () => {
  await begin('one', [bridge, ...port('a')]);
  await eventually(is('one', 1));
  const again = await begin('one', [bridge]);
  await eventually(is('one', 0));
  expect(again.written).toEqual([]);
});

it('does not mind a record that it cannot read', async () => {
  await writeFile(path, 'no record');
  await begin('one', [bridge, ...port('a')]);
  await eventually(async () => (await readFile(path, 'utf8')) !== 'no record');
  expect(await recorded()).toMatchObject({ database: 'one', ports: [{ name: 'a_h' }] });
});
