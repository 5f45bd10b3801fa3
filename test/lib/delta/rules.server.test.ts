// Every rule of the differ on a real ovsdb-server with OVN's schema; each test fails without its rule.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { singletonId } from '../../../lib/delta/ids.ts';
import type { MemberFact, RowFact } from '../../../lib/delta/fact.ts';
import { eventually } from '../../eventually.ts';
import { startServer } from '../../ovsdb-server.ts';
import { acl, addressSet, entry, logicalSwitch, member, object, on, port, portGroup, row } from './facts.ts';
import { bench, clock, rows, wipe } from './harness.ts';
import type { Bench, BenchOptions } from './harness.ts';

let server: Awaited<ReturnType<typeof startServer>>;
let b: Bench;
const benches: Bench[] = [];

beforeAll(async () => {
  server = await startServer();
});
afterAll(async () => {
  await server.dispose();
});
beforeEach(async () => {
  await wipe(server);
  b = await open();
});
afterEach(async () => {
  await Promise.all(benches.splice(0).map((each) => each.stop()));
});

async function open(options: BenchOptions = {}): Promise<Bench> {
  const made = await bench(server, options);
  benches.push(made);
  return made;
}

/** The same world, seen by a fresh process. */
async function restart(options: BenchOptions = {}): Promise<void> {
  await b.stop();
  b = await open(options);
}

const subnet = object('s', 'Subnet');
const pod = object('p');
const other = object('q');
const sw = logicalSwitch(subnet, 's');
const pg = portGroup(subnet, 'pg');
const lsp = port(pod, 'p', sw, { columns: { addresses: new Set(['02:00:00:00:00:01 10.0.0.1']) } });
const inGroup = member(pg, 'ports', lsp.id, pod);
const ops = (): string[] => b.sent.flat().map((operation) => operation.op);

describe('inserts', () => {
  it('write a row with its derived id, its members and its parent in one transaction', async () => {
    await b.want({ s: [sw, pg], p: [lsp, inGroup] });
    expect(b.sent.length).toBe(1);
    expect(ops().toSorted()).toEqual(['insert', 'insert', 'insert']);
    expect(await rows(server, 'Logical_Switch', '_uuid', 'name', 'ports')).toEqual([
      { _uuid: sw.id, name: 's', ports: lsp.id },
    ]);
    expect(await rows(server, 'Port_Group', '_uuid', 'ports')).toEqual([{ _uuid: pg.id, ports: lsp.id }]);
    expect(b.tracker.items.size).toBe(0);
    expect([subnet, pod].every((owner) => b.tracker.applied(owner))).toBe(true);
  });

  it('into an existing parent are one mutate per row and column, whatever the number of owners', async () => {
    await b.want({ s: [sw, pg] });
    const pods = Array.from({ length: 20 }, (_, i) => object(`p${i}`));
    b.sent.length = 0;
    await b.want(
      Object.fromEntries(
        pods.map((owner, i) => {
          const made = port(owner, `p${i}`, sw);
          return [owner, [made, member(pg, 'ports', made.id, owner)]];
        }),
      ),
    );
    expect(b.sent.length).toBe(1);
    const mutates = b.sent.flat().filter(({ op }) => op === 'mutate');
    expect(mutates.map((operation) => ('table' in operation ? operation.table : '')).toSorted()).toEqual([
      'Logical_Switch',
      'Port_Group',
    ]);
    expect((await rows(server, 'Port_Group', 'ports'))[0]?.['ports']).toHaveLength(20);
  });

  it('after a lost reply are not doubled', async () => {
    await b.want({});
    const release = b.hold();
    b.tracker.replace('s', [sw]);
    b.differ.poke();
    // Another session of ours wrote the same before the reply, as a lost reply would leave it.
    await server.transact([{ op: 'insert', table: 'Logical_Switch', uuid: sw.id, row: { name: 's' } }]);
    release();
    await eventually(async () => (await b.idle(), b.tracker.items.size === 0));
    expect(await rows(server, 'Logical_Switch', 'name')).toEqual([{ name: 's' }]);
  });
});

describe('updates', () => {
  it('write what changed, once, by uuid', async () => {
    const at = (priority: number): RowFact[] => [
      pg,
      acl(subnet, pg, 'ip4', { columns: { priority, name: new Set(['x']) } }),
    ];
    await b.want({ s: at(1) });
    b.sent.length = 0;
    await b.want({ s: at(2) });
    expect(b.sent).toMatchObject([
      [{ op: 'update', table: 'ACL', row: { priority: 2 }, where: [['_uuid', '==', at(1)[1]!.id]] }],
    ]);
    expect(await rows(server, 'ACL', 'priority', 'name')).toEqual([{ priority: 2, name: 'x' }]);
  });

  it('write maps key by key, only keys of ours, an existing key too', async () => {
    const at = (config: Record<string, string>): RowFact[] => [
      logicalSwitch(subnet, 's', { columns: { other_config: new Map(Object.entries(config)) } }),
    ];
    await b.want({ s: at({ a: '1', b: '1' }) });
    const foreign = ['other_config', 'insert', ['map', [['theirs', '1']]]];
    await server.transact([{ op: 'mutate', table: 'Logical_Switch', where: [], mutations: [foreign] }]);
    await b.want({ s: at({ a: '2' }) });
    expect(await rows(server, 'Logical_Switch', 'other_config')).toEqual([{ other_config: { a: '2', theirs: '1' } }]);
    expect(b.tracker.items.size).toBe(0);
  });

  it('write sets element by element', async () => {
    const at = (...addresses: string[]): RowFact[] => [
      sw,
      port(subnet, 'p', sw, { columns: { addresses: new Set(addresses) } }),
    ];
    await b.want({ s: at('a', 'b') });
    b.sent.length = 0;
    await b.want({ s: at('b', 'c') });
    expect(ops()).toEqual(['mutate']);
    expect(await rows(server, 'Logical_Switch_Port', 'addresses')).toEqual([{ addresses: ['b', 'c'] }]);
  });

  it('of a set that may not be empty put the new in before the old goes', async () => {
    const router = row('Logical_Router', subnet, 'r', { columns: { name: 'r' } });
    const at = (network: string): RowFact[] => [
      router,
      row('Logical_Router_Port', subnet, 'rp', {
        in: on(router, 'ports'),
        columns: { name: 'rp', mac: '02:00:00:00:00:01', networks: new Set([network]) },
      }),
    ];
    await b.want({ s: at('10.0.0.1/24') });
    await b.want({ s: at('10.0.1.1/24') });
    expect(await rows(server, 'Logical_Router_Port', 'networks')).toEqual([{ networks: '10.0.1.1/24' }]);
    expect(b.differ.failing.size).toBe(0);
  });

  it('repair what others changed, and leave columns alone that no fact names', async () => {
    await b.want({ s: [sw], p: [lsp] });
    const row = { addresses: 'wrong', tag: 7 };
    await server.transact([{ op: 'update', table: 'Logical_Switch_Port', where: [], row }]);
    const repaired = [{ addresses: '02:00:00:00:00:01 10.0.0.1', tag: 7 }];
    await eventually(async () =>
      expect(await rows(server, 'Logical_Switch_Port', 'addresses', 'tag')).toEqual(repaired),
    );
  });
});

describe('members', () => {
  it('go with the last of their owners', async () => {
    const both = { p: [lsp, inGroup], q: [{ ...inGroup, owner: other }] };
    await b.want({ s: [sw, pg], ...both });
    await b.want({ p: [lsp] });
    expect(await rows(server, 'Port_Group', 'ports')).toEqual([{ ports: lsp.id }]);
    await b.want({ q: [] });
    expect(await rows(server, 'Port_Group', 'ports')).toEqual([{ ports: [] }]);
  });

  it('that nobody wants are taken out of columns of ours, also those of an earlier process', async () => {
    const set = addressSet(subnet, 'as');
    await b.want({
      s: [set],
      p: [member(set, 'addresses', '10.0.0.1', pod), member(set, 'addresses', '10.0.0.2', pod)],
    });
    await restart();
    await b.want({ s: [set], p: [member(set, 'addresses', '10.0.0.2', pod)] });
    expect(await rows(server, 'Address_Set', 'addresses')).toEqual([{ addresses: '10.0.0.2' }]);
  });

  it('that an earlier process left hold up nobody: the owner of the set has all that it wants', async () => {
    const set = addressSet(subnet, 'as');
    await b.want({ s: [set], p: [member(set, 'addresses', '10.0.0.1', pod)] });
    let synced = false;
    await restart({ inputsSynced: () => synced });
    await b.want({ s: [set] });
    expect(b.tracker.items.size).toBe(1);
    expect(b.tracker.applied(subnet)).toBe(true);
    synced = true;
    b.differ.poke();
    await b.idle();
    expect(await rows(server, 'Address_Set', 'addresses')).toEqual([{ addresses: [] }]);
  });

  it('of a map change their value, and two owners of one value count', async () => {
    const lb = row('Load_Balancer', subnet, 'lb', { columns: { name: 'lb' } });
    const vip = (to: string, owner = pod): MemberFact => entry(lb, 'vips', ['10.96.0.1:80', to], owner);
    await b.want({ s: [lb], p: [vip('10.0.0.1:80')] });
    await b.want({ p: [vip('10.0.0.2:80')] });
    expect(await rows(server, 'Load_Balancer', 'vips')).toEqual([{ vips: { '10.96.0.1:80': '10.0.0.2:80' } }]);
    await b.want({ q: [vip('10.0.0.2:80', other)], p: [] });
    expect(await rows(server, 'Load_Balancer', 'vips')).toEqual([{ vips: { '10.96.0.1:80': '10.0.0.2:80' } }]);
    await b.want({ q: [] });
    expect(await rows(server, 'Load_Balancer', 'vips')).toEqual([{ vips: {} }]);
  });

  it('of a singleton are keys of its one row; keys of others stay, keys of ours that nobody wants go', async () => {
    const options = [
      'map',
      [
        ['mac_prefix', 'aa:bb:cc'],
        ['ours', 'old'],
        ['mine', 'left over'],
      ],
    ];
    await server.transact([{ op: 'insert', table: 'NB_Global', row: { options } }]);
    const global = { row: 'NB_Global', id: singletonId('NB_Global') } as RowFact;
    await b.want({ c: [entry(global, 'options', ['ours', 'new'], subnet)] });
    expect(await rows(server, 'NB_Global', 'options')).toEqual([{ options: { mac_prefix: 'aa:bb:cc', ours: 'new' } }]);
  });
});

describe('deletion', () => {
  it('of a child is the removal from its parent, of a root a delete; weak references go by themselves', async () => {
    await b.want({ s: [sw, pg], p: [lsp, inGroup] });
    b.sent.length = 0;
    await b.want({ p: [] });
    expect(ops()).not.toContain('delete');
    expect(await rows(server, 'Logical_Switch_Port', 'name')).toEqual([]);
    await b.want({ s: [] });
    expect(await rows(server, 'Logical_Switch', 'name')).toEqual([]);
    expect(b.tracker.items.size).toBe(0);
  });

  it('takes rows of ours from an earlier process, and none of others', async () => {
    await b.want({ s: [sw, pg], p: [lsp] });
    await server.transact([
      { op: 'insert', table: 'Logical_Switch', row: { name: 'theirs', ports: ['named-uuid', 'x'] } },
      { op: 'insert', table: 'Logical_Switch_Port', 'uuid-name': 'x', row: { name: 'their-port' } },
      { op: 'insert', table: 'Logical_Switch', row: { name: 'old', external_ids: ['map', [['vendor', 'kube-ovn']]] } },
    ]);
    await restart();
    await b.want({});
    expect(await rows(server, 'Logical_Switch', 'name')).toEqual([{ name: 'old' }, { name: 'theirs' }]);
    expect(await rows(server, 'Logical_Switch_Port', 'name')).toEqual([{ name: 'their-port' }]);
    expect(await rows(server, 'Port_Group', 'name')).toEqual([]);
  });

  it('leaves the ports of others in a switch of ours', async () => {
    await b.want({ s: [sw], p: [lsp] });
    await server.transact([
      { op: 'insert', table: 'Logical_Switch_Port', 'uuid-name': 'x', row: { name: 'their-port' } },
      { op: 'mutate', table: 'Logical_Switch', where: [], mutations: [['ports', 'insert', ['named-uuid', 'x']]] },
    ]);
    await b.want({ p: [] });
    await restart();
    await b.want({ s: [sw] });
    expect(await rows(server, 'Logical_Switch_Port', 'name')).toEqual([{ name: 'their-port' }]);
  });

  it('waits until all inputs are synced, while everything else proceeds', async () => {
    await b.want({ s: [sw, pg], p: [lsp, inGroup] });
    let synced = false;
    await restart({ inputsSynced: () => synced });
    await b.want({ s: [sw], q: [port(other, 'q', sw)] });
    expect(await rows(server, 'Logical_Switch_Port', 'name')).toEqual([{ name: 'p' }, { name: 'q' }]);
    expect(await rows(server, 'Port_Group', 'name')).toEqual([{ name: 'pg' }]);
    synced = true;
    b.differ.poke();
    await b.idle();
    expect(await rows(server, 'Logical_Switch_Port', 'name')).toEqual([{ name: 'q' }]);
    expect(await rows(server, 'Port_Group', 'name')).toEqual([]);
  });
});

describe('references', () => {
  it('weak: an element whose target is missing waits, and OVSDB never drops one', async () => {
    await b.want({ s: [pg], q: [member(pg, 'ports', lsp.id, other)] });
    expect(ops()).toEqual(['insert']);
    expect([...b.differ.parked.keys()]).toEqual([other]);
    expect(b.tracker.applied(other)).toBe(false);
    await b.want({ p: [sw, lsp] });
    expect(await rows(server, 'Port_Group', 'ports')).toEqual([{ ports: lsp.id }]);
    expect(b.differ.parked.size).toBe(0);
    expect(b.tracker.applied(other)).toBe(true);
  });

  it('weak, in a column of a row: the row waits', async () => {
    const dhcp = row('DHCP_Options', subnet, 'd', { columns: { cidr: '10.0.0.0/24' } });
    await b.want({ s: [sw], p: [port(pod, 'p', sw, { columns: { dhcpv4_options: new Set([dhcp.id]) } })] });
    expect(await rows(server, 'Logical_Switch_Port', 'name')).toEqual([]);
    await b.want({ d: [dhcp] });
    expect(await rows(server, 'Logical_Switch_Port', 'dhcpv4_options')).toEqual([{ dhcpv4_options: dhcp.id }]);
  });

  it('strong: the owner is parked as a whole, fails nobody, and goes when the target comes', async () => {
    const group = row('Load_Balancer_Group', object('g'), 'g', { columns: { name: 'g' } });
    const { external_ids: _, ...columns } = group.columns;
    const target = { ...group, columns };
    await restart({ tables: ['Logical_Switch', 'Logical_Switch_Port', 'Load_Balancer_Group'] });
    const wanting = logicalSwitch(subnet, 's', { columns: { load_balancer_group: new Set([group.id]) } });
    await b.want({ s: [wanting, logicalSwitch(subnet, 'second')], q: [logicalSwitch(other, 'q')] });
    expect(await rows(server, 'Logical_Switch', 'name')).toEqual([{ name: 'q' }]);
    expect(b.differ.failing.size).toBe(0);
    expect(b.differ.problems(subnet)).toMatchObject([{ reason: 'Waiting' }]);
    await b.want({ g: [target] });
    expect(await rows(server, 'Logical_Switch', 'name')).toHaveLength(3);
  });

  it('child: a row without its parent waits, it does not vanish', async () => {
    await b.want({ p: [lsp] });
    expect(b.sent).toEqual([]);
    await b.want({ s: [sw] });
    expect(await rows(server, 'Logical_Switch_Port', 'name')).toEqual([{ name: 'p' }]);
    expect(b.sent.length).toBe(1);
  });

  it('child: a move between parents is one transaction and keeps the row', async () => {
    const second = logicalSwitch(subnet, 't');
    await b.want({ s: [sw, second, pg], p: [lsp, inGroup] });
    b.sent.length = 0;
    await b.want({ p: [{ ...lsp, in: on(second, 'ports') }, inGroup] });
    expect(b.sent.length).toBe(1);
    expect(await rows(server, 'Logical_Switch', 'name', 'ports')).toEqual([
      { name: 's', ports: [] },
      { name: 't', ports: lsp.id },
    ]);
    // The weak reference survives only if the row was never gone.
    expect(await rows(server, 'Port_Group', 'ports')).toEqual([{ ports: lsp.id }]);
    expect(ops()).toEqual(['mutate', 'mutate']);
  });

  it('text: what a match names goes before or with it, and stays until the last row that names it is gone', async () => {
    const peers = addressSet(object('peers'), 'peers');
    const rule = acl(subnet, pg, 'ip4.src == $peers', { needs: [peers.id] });
    await b.want({ s: [pg, rule] });
    expect(await rows(server, 'ACL', 'match')).toEqual([]);
    await b.want({ a: [peers] });
    expect(await rows(server, 'ACL', 'match')).toEqual([{ match: 'ip4.src == $peers' }]);
    await b.want({ a: [] });
    expect(await rows(server, 'Address_Set', 'name')).toEqual([{ name: 'peers' }]);
    b.sent.length = 0;
    await b.want({ s: [pg] });
    expect(await rows(server, 'Address_Set', 'name')).toEqual([]);
    expect(await rows(server, 'ACL', 'match')).toEqual([]);
  });

  it('text: of a rule that cannot be written yet keeps what its old text names', async () => {
    const [one, two] = [addressSet(object('one'), 'one'), addressSet(object('two'), 'two')];
    const rule = (set: string, needs: RowFact): RowFact =>
      row('ACL', subnet, 'rule', {
        in: on(pg, 'acls'),
        columns: { direction: 'to-lport', priority: 1, match: `ip4.src == $${set}`, action: 'drop' },
        needs: [needs.id],
      });
    await b.want({ a: [one], s: [pg, rule('one', one)] });
    await b.want({ a: [], s: [pg, rule('two', two)] });
    expect(await rows(server, 'Address_Set', 'name')).toEqual([{ name: 'one' }]);
    expect(await rows(server, 'ACL', 'match')).toEqual([{ match: 'ip4.src == $one' }]);
    await b.want({ t: [two] });
    expect(await rows(server, 'Address_Set', 'name')).toEqual([{ name: 'two' }]);
  });

  it('text: of an earlier process is respected although its needs are not known', async () => {
    const peers = addressSet(object('peers'), 'peers');
    await b.want({ a: [peers], s: [pg, acl(subnet, pg, 'ip4.src == $peers', { needs: [peers.id] })] });
    // The owner of the rule is known to be frozen, so the rule stays, and with it what it names.
    await restart({ tracker: { ownerOf: (source) => (source === 's' ? subnet : undefined) } });
    b.tracker.freeze('s', new Error('no'));
    await b.want({});
    expect(await rows(server, 'ACL', 'match')).toEqual([{ match: 'ip4.src == $peers' }]);
    expect(await rows(server, 'Address_Set', 'name')).toEqual([{ name: 'peers' }]);
    await b.want({ s: [pg] });
    expect(await rows(server, 'Address_Set', 'name')).toEqual([]);
  });
});

describe('failure', () => {
  const bad = logicalSwitch(object('bad'), 'bad');
  const badPort = (name: string): RowFact =>
    port(object('bad'), name, bad, { columns: { tag: new Set([9999]), enabled: new Set([true]) } });

  it('of one owner holds up nobody else, and is tried again', async () => {
    const good = Array.from({ length: 30 }, (_, i) => object(`p${i}`));
    const facts = Object.fromEntries(good.map((owner, i) => [owner, [port(owner, `p${i}`, sw)]]));
    await b.want({ ...facts, bad: [bad, badPort('x')], s: [sw] });
    expect(await rows(server, 'Logical_Switch_Port', 'name')).toHaveLength(30);
    expect([...b.differ.failing.keys()]).toEqual([object('bad')]);
    expect(b.differ.problems(object('bad'))).toMatchObject([{ reason: 'Rejected' }]);
    expect(good.every((owner) => b.tracker.applied(owner))).toBe(true);
    await b.want({ bad: [bad] });
    expect(b.differ.failing.size).toBe(0);
    expect(b.tracker.applied(object('bad'))).toBe(true);
  });

  it('that shows at commit only is found by taking the batch apart', async () => {
    await server.transact([{ op: 'insert', table: 'Port_Group', row: { name: 'taken' } }]);
    const good = Array.from({ length: 30 }, (_, i) => object(`p${i}`));
    const facts = Object.fromEntries(good.map((owner, i) => [owner, [portGroup(owner, `g${i}`)]]));
    await b.want({ ...facts, bad: [portGroup(object('bad'), 'taken')] });
    await eventually(() => good.every((owner) => b.tracker.applied(owner)));
    expect([...b.differ.failing.keys()]).toEqual([object('bad')]);
    expect(await rows(server, 'Port_Group', 'name')).toHaveLength(31);
    // One guilty among 31 costs a search, not 31 transactions.
    expect(b.sent.length).toBeLessThan(14);
    await server.transact([{ op: 'delete', table: 'Port_Group', where: [['name', '==', 'taken']] }]);
    await eventually(() => b.tracker.applied(object('bad')));
    expect(b.differ.failing.size).toBe(0);
  });

  it('in the middle of rows that belong together is found, and separates none that can go', async () => {
    await b.want({ s: [sw, pg] });
    await server.transact([{ op: 'insert', table: 'Port_Group', row: { name: 'taken' } }]);
    // All of them are members of one new group, and the last one wants a name that is taken.
    const group = portGroup(object('g'), 'g');
    const good = Array.from({ length: 8 }, (_, i) => object(`p${i}`));
    const facts = good.map((owner, i) => {
      const made = port(owner, `p${i}`, sw);
      return [owner, [made, member(group, 'ports', made.id, owner)]] as const;
    });
    const last = port(object('bad'), 'bad', sw);
    const bad = [last, member(group, 'ports', last.id, object('bad')), portGroup(object('bad'), 'taken')];
    await b.want({ bad, ...Object.fromEntries(facts), g: [group] });
    await eventually(() => good.every((owner) => b.tracker.applied(owner)));
    expect([...b.differ.failing.keys()]).toEqual([object('bad')]);
    expect(
      (await rows(server, 'Port_Group', 'name', 'ports')).find(({ name }) => name === 'g')?.['ports'],
    ).toHaveLength(8);
    expect(await rows(server, 'Logical_Switch_Port', 'name')).toHaveLength(8);
  });

  it('backs off longer each time, and ends with its cause', async () => {
    const starts: number[] = [];
    await restart({ clock: { ...clock, after: (ms, fn) => (starts.push(ms), clock.after(Math.min(ms, 1), fn)) } });
    await server.transact([{ op: 'insert', table: 'Port_Group', row: { name: 'taken' } }]);
    await b.want({ bad: [portGroup(object('bad'), 'taken')] });
    await eventually(() => starts.length >= 9);
    // The lower half of the range, since the jitter of this test is 0.
    expect(starts.slice(0, 9)).toEqual([250, 500, 1000, 2000, 4000, 8000, 16000, 30000, 30000]);
    await server.transact([{ op: 'delete', table: 'Port_Group', where: [['name', '==', 'taken']] }]);
    await eventually(() => b.tracker.applied(object('bad')));
    expect(b.differ.problems(object('bad'))).toEqual([]);
  });

  it('of an owner that others need parks them, and does not blame them', async () => {
    await server.transact([{ op: 'insert', table: 'Port_Group', row: { name: 'taken' } }]);
    const group = portGroup(object('bad'), 'taken');
    await b.want({ q: [acl(other, group, 'ip4')], bad: [group] });
    expect([...b.differ.failing.keys()]).toEqual([object('bad')]);
    expect([...b.differ.parked.keys()]).toEqual([other]);
  });

  it('that is frozen changes nothing of the owner', async () => {
    await b.want({ s: [sw, pg], p: [lsp, inGroup] });
    b.tracker.freeze('p', new Error('bug'));
    await server.transact([{ op: 'update', table: 'Logical_Switch_Port', where: [], row: { addresses: 'changed' } }]);
    await b.want({ s: [sw] });
    expect(await rows(server, 'Logical_Switch_Port', 'addresses')).toEqual([{ addresses: 'changed' }]);
    expect(b.differ.problems(pod)).toMatchObject([{ reason: 'InternalError', message: 'Error: bug' }]);
    await b.want({ p: [] });
    expect(await rows(server, 'Logical_Switch_Port', 'name')).toEqual([]);
  });

  it('by a second owner of a row, or a second parent, is named for both and changes nothing', async () => {
    await b.want({ s: [sw], p: [lsp] });
    const thief = { ...lsp, owner: other, columns: { ...lsp.columns, addresses: new Set(['stolen']) } };
    await b.want({ q: [thief] });
    expect(await rows(server, 'Logical_Switch_Port', 'addresses')).toEqual([
      { addresses: '02:00:00:00:00:01 10.0.0.1' },
    ]);
    for (const owner of [pod, other]) expect(b.differ.problems(owner)).toMatchObject([{ reason: 'Conflict' }]);
    const second = logicalSwitch(subnet, 't');
    await b.want({ s: [sw, second], q: [member(second, 'ports', lsp.id, other)] });
    expect(await rows(server, 'Logical_Switch', 'name', 'ports')).toEqual([
      { name: 's', ports: lsp.id },
      { name: 't', ports: [] },
    ]);
    for (const owner of [pod, other]) expect(b.differ.problems(owner)).toMatchObject([{ reason: 'Conflict' }]);
    await b.want({ q: [] });
    expect([pod, other].flatMap((owner) => b.differ.problems(owner))).toEqual([]);
  });

  it('to meet the one row that was meant is noticed', async () => {
    await b.want({ s: [sw, pg] });
    const release = b.hold();
    b.tracker.replace('s', [sw, { ...pg, columns: { ...pg.columns, name: 'renamed' } }]);
    b.differ.poke();
    await server.transact([{ op: 'delete', table: 'Port_Group', where: [] }]);
    release();
    await b.idle();
    expect(b.differ.failing.get(subnet)).toMatch(/met no row/);
    await eventually(async () => (await rows(server, 'Port_Group', 'name')).length === 1);
    expect(await rows(server, 'Port_Group', 'name')).toEqual([{ name: 'renamed' }]);
  });
});

describe('work', () => {
  it('of a restart with nothing to change is no transaction', async () => {
    await b.want({ s: [sw, pg], p: [lsp, inGroup] });
    await restart({ fence: { table: 'NB_Global', column: 'external_ids', key: 'kubeloom-epoch' } });
    await b.want({ s: [sw, pg], p: [lsp, inGroup] });
    expect(b.sent).toEqual([]);
  });

  it('that arrives while a batch is in flight collapses', async () => {
    await b.want({ s: [sw] });
    const release = b.hold();
    b.sent.length = 0;
    b.tracker.replace('p', [lsp]);
    b.differ.poke();
    for (let i = 0; i < 50; i++) {
      b.tracker.replace('q', [port(other, 'q', sw, { columns: { addresses: new Set([`${i}`]) } })]);
      b.differ.poke();
    }
    release();
    await b.idle();
    expect(b.sent.length).toBe(2);
    expect(await rows(server, 'Logical_Switch_Port', 'addresses')).toContainEqual({ addresses: '49' });
  });

  it('is cut into batches that never separate a row from what it needs', async () => {
    const counts: number[] = [];
    await restart({ caps: { owners: 3, bytes: Infinity } });
    const pods = Array.from({ length: 20 }, (_, i) => object(`p${i}`));
    const ports = pods.map((owner, i) => port(owner, `p${i}`, sw));
    const facts = pods.map((owner, i) => [owner, [ports[i]!, member(pg, 'ports', ports[i]!.id, owner)]] as const);
    await b.want({ ...Object.fromEntries(facts), s: [sw, pg] });
    for (const batch of b.sent) counts.push(batch.length);
    expect(b.sent.length).toBeGreaterThanOrEqual(7);
    expect(b.differ.counters.refusals).toBe(0);
    expect((await rows(server, 'Port_Group', 'ports'))[0]?.['ports']).toHaveLength(20);
  });

  it('is cut by its size as well', async () => {
    await restart({ caps: { owners: Infinity, bytes: 10_000 } });
    const big = Array.from({ length: 10 }, (_, i) => object(`p${i}`));
    const addresses = (i: number): Set<string> => new Set([`${i}`.repeat(4000)]);
    const facts = big.map((owner, i) => [owner, [port(owner, `p${i}`, sw, { columns: { addresses: addresses(i) } })]]);
    await b.want({ s: [sw], ...(Object.fromEntries(facts) as Record<string, RowFact[]>) });
    expect(b.sent.length).toBe(4);
    expect(await rows(server, 'Logical_Switch_Port', 'name')).toHaveLength(10);
  });

  it('that belongs together is not cut, whatever the caps', async () => {
    await restart({ caps: { owners: 1, bytes: 1 } });
    // Each needs the next: a rule its group and its set, the set's member nothing, the port its switch.
    const peers = addressSet(object('peers'), 'peers');
    const rule = acl(object('rule'), pg, 'outport == @pg && ip4.src == $peers', { needs: [pg.id, peers.id] });
    await b.want({ r: [rule], g: [pg], a: [peers] });
    expect(b.sent.map((each) => each.length)).toEqual([3]);
    await b.want({ p: [lsp, inGroup], s: [pg, sw], g: [] });
    expect(b.sent.slice(1).map((each) => each.map(({ op }) => op))).toEqual([['insert', 'insert', 'mutate']]);
  });

  it('of a text that changes what it names brings along who is to be in what it names', async () => {
    await restart({ caps: { owners: 1, bytes: 1 } });
    const selection = object('sel', 'Selection');
    const pods = Array.from({ length: 5 }, (_, i) => object(`p${i}`));
    const made = pods.map((owner, i) => port(owner, `p${i}`, sw));
    const at = (name: string): Record<string, (RowFact | MemberFact)[]> => {
      const group = portGroup(selection, name);
      return {
        ...Object.fromEntries(made.map((each) => [each.owner, [each, member(group, 'ports', each.id, each.owner)]])),
        sel: [group],
        rule: [
          row('ACL', object('rule'), 'drop', {
            in: on(group, 'acls'),
            columns: { direction: 'to-lport', priority: 1, action: 'drop', match: `outport == @${name}` },
            needs: [group.id],
          }),
        ],
      };
    };
    await b.want({ s: [sw], ...at('one') });
    b.sent.length = 0;
    await b.want(at('two'));
    const renaming = b.sent.find((each) => each.some((operation) => operation.op === 'update'));
    const insert = renaming?.find((operation) => operation.op === 'insert');
    expect(insert && 'row' in insert && insert.row['ports']).toEqual(new Set(made.map(({ id }) => id)));
    expect(await rows(server, 'Port_Group', 'name')).toEqual([{ name: 'two' }]);
  });

  it('on structural tables waits for company, pods do not', async () => {
    await restart({ structural: ['Logical_Switch', 'ACL'], structuralMs: 100 });
    await b.want({ s: [sw] });
    expect(b.sent).toEqual([]);
    await eventually(() => b.sent.length === 1);
    await b.idle();
    b.tracker.replace('a', [logicalSwitch(object('a'), 'a')]);
    b.differ.poke();
    b.tracker.replace('b', [logicalSwitch(object('b'), 'b')]);
    await b.want({ p: [lsp] });
    expect(b.sent.length).toBe(2);
    await eventually(() => b.sent.length === 3);
    await b.idle();
    expect(b.sent[2]).toHaveLength(2);
    expect(await rows(server, 'Logical_Switch', 'name')).toHaveLength(3);
  });

  it('stops while nobody may write', async () => {
    let may = false;
    await restart({ mayWrite: () => may });
    await b.want({ s: [sw] });
    expect(b.sent).toEqual([]);
    may = true;
    b.differ.poke();
    await b.idle();
    expect(await rows(server, 'Logical_Switch', 'name')).toEqual([{ name: 's' }]);
  });

  it('goes on after the server was killed in the middle', async () => {
    await b.want({ s: [sw] });
    await server.kill();
    b.tracker.replace('p', [lsp]);
    b.differ.poke();
    await server.start();
    await eventually(() => b.tracker.applied(pod), { within: 20_000 });
    expect(await rows(server, 'Logical_Switch_Port', 'name')).toEqual([{ name: 'p' }]);
  });
});
