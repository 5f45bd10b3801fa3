// Every rule of the differ on a real ovsdb-server with OVN's schema; each test fails without its rule. What is written for
// a wish, and what for one that is given up.
import { describe, expect, it } from 'vitest';
import type { MemberFact, RowFact } from '../../../lib/delta/fact.ts';
import { singletonId } from '../../../lib/delta/ids.ts';
import { eventually } from '../../eventually.ts';
import { acl, addressSet, entry, logicalSwitch, member, object, on, port, row } from './facts.ts';
import { rows } from './harness.ts';
import { inGroup, lsp, other, pg, pod, scene, subnet, sw } from './scene.ts';

const b = scene();

describe('inserts', () => {
  it('write a row with its derived id, its members and its parent in one transaction', async () => {
    await b.want({ s: [sw, pg], p: [lsp, inGroup] });
    expect(b.sent.length).toBe(1);
    expect(b.ops.toSorted()).toEqual(['insert', 'insert', 'insert']);
    expect(await rows(b.server, 'Logical_Switch', '_uuid', 'name', 'ports')).toEqual([
      { _uuid: sw.id, name: 's', ports: lsp.id },
    ]);
    expect(await rows(b.server, 'Port_Group', '_uuid', 'ports')).toEqual([{ _uuid: pg.id, ports: lsp.id }]);
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
    expect((await rows(b.server, 'Port_Group', 'ports'))[0]?.['ports']).toHaveLength(20);
  });

  it('after a lost reply are not doubled', async () => {
    await b.want({});
    const release = b.hold();
    b.tracker.replace('s', [sw]);
    b.differ.poke();
    // Another session of ours wrote the same before the reply, as a lost reply would leave it.
    await b.server.transact([{ op: 'insert', table: 'Logical_Switch', uuid: sw.id, row: { name: 's' } }]);
    release();
    await eventually(async () => (await b.idle(), b.tracker.items.size === 0));
    expect(await rows(b.server, 'Logical_Switch', 'name')).toEqual([{ name: 's' }]);
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
    expect(await rows(b.server, 'ACL', 'priority', 'name')).toEqual([{ priority: 2, name: 'x' }]);
  });

  it('write maps key by key, only keys of ours, an existing key too', async () => {
    const at = (config: Record<string, string>): RowFact[] => [
      logicalSwitch(subnet, 's', { columns: { other_config: new Map(Object.entries(config)) } }),
    ];
    await b.want({ s: at({ a: '1', b: '1' }) });
    const foreign = ['other_config', 'insert', ['map', [['theirs', '1']]]];
    await b.server.transact([{ op: 'mutate', table: 'Logical_Switch', where: [], mutations: [foreign] }]);
    await b.want({ s: at({ a: '2' }) });
    expect(await rows(b.server, 'Logical_Switch', 'other_config')).toEqual([{ other_config: { a: '2', theirs: '1' } }]);
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
    expect(b.ops).toEqual(['mutate']);
    expect(await rows(b.server, 'Logical_Switch_Port', 'addresses')).toEqual([{ addresses: ['b', 'c'] }]);
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
    expect(await rows(b.server, 'Logical_Router_Port', 'networks')).toEqual([{ networks: '10.0.1.1/24' }]);
    expect(b.differ.failing.size).toBe(0);
  });

  it('repair what others changed, and leave columns alone that no fact names', async () => {
    await b.want({ s: [sw], p: [lsp] });
    const row = { addresses: 'wrong', tag: 7 };
    await b.server.transact([{ op: 'update', table: 'Logical_Switch_Port', where: [], row }]);
    const repaired = [{ addresses: '02:00:00:00:00:01 10.0.0.1', tag: 7 }];
    await eventually(async () =>
      expect(await rows(b.server, 'Logical_Switch_Port', 'addresses', 'tag')).toEqual(repaired),
    );
  });
});

describe('members', () => {
  it('go with the last of their owners', async () => {
    const both = { p: [lsp, inGroup], q: [{ ...inGroup, owner: other }] };
    await b.want({ s: [sw, pg], ...both });
    await b.want({ p: [lsp] });
    expect(await rows(b.server, 'Port_Group', 'ports')).toEqual([{ ports: lsp.id }]);
    await b.want({ q: [] });
    expect(await rows(b.server, 'Port_Group', 'ports')).toEqual([{ ports: [] }]);
  });

  it('stay while anyone wants them: a second owner is nothing to send, nor is the withdrawal of one of two', async () => {
    await b.want({ s: [sw, pg], p: [lsp, inGroup] });
    b.sent.length = 0;
    await b.want({ q: [{ ...inGroup, owner: other }] });
    await b.want({ p: [lsp] });
    expect(b.sent).toEqual([]);
    expect([pod, other].map((owner) => b.tracker.applied(owner))).toEqual([true, true]);
    await b.want({ p: [lsp, inGroup] });
    await b.want({ q: [] });
    expect(b.sent).toEqual([]);
    expect(await rows(b.server, 'Port_Group', 'ports')).toEqual([{ ports: lsp.id }]);
    await b.want({ p: [lsp] });
    expect(b.ops).toEqual(['mutate']);
    expect(await rows(b.server, 'Port_Group', 'ports')).toEqual([{ ports: [] }]);
  });

  it('that nobody wants are taken out of columns of ours, also those of an earlier process', async () => {
    const set = addressSet(subnet, 'as');
    await b.want({
      s: [set],
      p: [member(set, 'addresses', '10.0.0.1', pod), member(set, 'addresses', '10.0.0.2', pod)],
    });
    await b.restart();
    await b.want({ s: [set], p: [member(set, 'addresses', '10.0.0.2', pod)] });
    expect(await rows(b.server, 'Address_Set', 'addresses')).toEqual([{ addresses: '10.0.0.2' }]);
  });

  it('that an earlier process left hold up nobody: the owner of the set has all that it wants', async () => {
    const set = addressSet(subnet, 'as');
    await b.want({ s: [set], p: [member(set, 'addresses', '10.0.0.1', pod)] });
    let synced = false;
    await b.restart({ inputsSynced: () => synced });
    await b.want({ s: [set] });
    expect(b.tracker.items.size).toBe(1);
    expect(b.tracker.applied(subnet)).toBe(true);
    synced = true;
    b.differ.poke();
    await b.idle();
    expect(await rows(b.server, 'Address_Set', 'addresses')).toEqual([{ addresses: [] }]);
  });

  it('of a map change their value, and two owners of one value count', async () => {
    const lb = row('Load_Balancer', subnet, 'lb', { columns: { name: 'lb' } });
    const vip = (to: string, owner = pod): MemberFact => entry(lb, 'vips', ['10.96.0.1:80', to], owner);
    await b.want({ s: [lb], p: [vip('10.0.0.1:80')] });
    await b.want({ p: [vip('10.0.0.2:80')] });
    expect(await rows(b.server, 'Load_Balancer', 'vips')).toEqual([{ vips: { '10.96.0.1:80': '10.0.0.2:80' } }]);
    await b.want({ q: [vip('10.0.0.2:80', other)], p: [] });
    expect(await rows(b.server, 'Load_Balancer', 'vips')).toEqual([{ vips: { '10.96.0.1:80': '10.0.0.2:80' } }]);
    await b.want({ q: [] });
    expect(await rows(b.server, 'Load_Balancer', 'vips')).toEqual([{ vips: {} }]);
  });

  it('of a set in which others have theirs: what refers to a row of ours and nobody wants goes', async () => {
    const router = row('Logical_Router', subnet, 'r', { columns: { name: 'r' } });
    const [kept, left] = ['kept', 'left'].map((name) => row('Load_Balancer', subnet, name, { columns: { name } }));
    const held = (lb: RowFact): MemberFact => member(router, 'load_balancer', lb.id, pod);
    await b.want({ s: [router, kept!, left!], p: [held(kept!), held(left!)] });
    const [inserted] = await b.server.transact([{ op: 'insert', table: 'Load_Balancer', row: { name: 'theirs' } }]);
    const theirs = (inserted as { uuid: [string, string] }).uuid;
    const foreign = ['load_balancer', 'insert', theirs];
    await b.server.transact([{ op: 'mutate', table: 'Logical_Router', where: [], mutations: [foreign] }]);
    await b.restart();
    await b.want({ s: [router, kept!, left!], p: [held(kept!)] });
    const [found] = await rows(b.server, 'Logical_Router', 'load_balancer');
    expect(found?.['load_balancer']).toHaveLength(2);
    expect(found?.['load_balancer']).toContain(kept!.id);
    expect(b.tracker.items.size).toBe(0);
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
    await b.server.transact([{ op: 'insert', table: 'NB_Global', row: { options } }]);
    const global = { row: 'NB_Global', id: singletonId('NB_Global') } as RowFact;
    await b.want({ c: [entry(global, 'options', ['ours', 'new'], subnet)] });
    expect(await rows(b.server, 'NB_Global', 'options')).toEqual([
      { options: { mac_prefix: 'aa:bb:cc', ours: 'new' } },
    ]);
  });
});

describe('deletion', () => {
  it('of a child is the removal from its parent, of a root a delete; weak references go by themselves', async () => {
    await b.want({ s: [sw, pg], p: [lsp, inGroup] });
    b.sent.length = 0;
    await b.want({ p: [] });
    expect(b.ops).not.toContain('delete');
    expect(await rows(b.server, 'Logical_Switch_Port', 'name')).toEqual([]);
    await b.want({ s: [] });
    expect(await rows(b.server, 'Logical_Switch', 'name')).toEqual([]);
    expect(b.tracker.items.size).toBe(0);
  });

  it('takes rows of ours from an earlier process, and none of others', async () => {
    await b.want({ s: [sw, pg], p: [lsp] });
    await b.server.transact([
      { op: 'insert', table: 'Logical_Switch', row: { name: 'theirs', ports: ['named-uuid', 'x'] } },
      { op: 'insert', table: 'Logical_Switch_Port', 'uuid-name': 'x', row: { name: 'their-port' } },
      { op: 'insert', table: 'Logical_Switch', row: { name: 'old', external_ids: ['map', [['vendor', 'kube-ovn']]] } },
    ]);
    await b.restart();
    await b.want({});
    expect(await rows(b.server, 'Logical_Switch', 'name')).toEqual([{ name: 'old' }, { name: 'theirs' }]);
    expect(await rows(b.server, 'Logical_Switch_Port', 'name')).toEqual([{ name: 'their-port' }]);
    expect(await rows(b.server, 'Port_Group', 'name')).toEqual([]);
  });

  it('leaves the ports of others in a switch of ours', async () => {
    await b.want({ s: [sw], p: [lsp] });
    await b.server.transact([
      { op: 'insert', table: 'Logical_Switch_Port', 'uuid-name': 'x', row: { name: 'their-port' } },
      { op: 'mutate', table: 'Logical_Switch', where: [], mutations: [['ports', 'insert', ['named-uuid', 'x']]] },
    ]);
    await b.want({ p: [] });
    await b.restart();
    await b.want({ s: [sw] });
    expect(await rows(b.server, 'Logical_Switch_Port', 'name')).toEqual([{ name: 'their-port' }]);
  });

  it('waits until all inputs are synced, while everything else proceeds', async () => {
    await b.want({ s: [sw, pg], p: [lsp, inGroup] });
    let synced = false;
    await b.restart({ inputsSynced: () => synced });
    await b.want({ s: [sw], q: [port(other, 'q', sw)] });
    expect(await rows(b.server, 'Logical_Switch_Port', 'name')).toEqual([{ name: 'p' }, { name: 'q' }]);
    expect(await rows(b.server, 'Port_Group', 'name')).toEqual([{ name: 'pg' }]);
    synced = true;
    b.differ.poke();
    await b.idle();
    expect(await rows(b.server, 'Logical_Switch_Port', 'name')).toEqual([{ name: 'q' }]);
    expect(await rows(b.server, 'Port_Group', 'name')).toEqual([]);
  });
});
