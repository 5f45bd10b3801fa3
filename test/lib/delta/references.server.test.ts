// What refers to what, on a real ovsdb-server: nothing is sent before its target, nothing goes before what names it.
import { describe, expect, it } from 'vitest';
import type { RowFact } from '../../../lib/delta/fact.ts';
import { acl, addressSet, logicalSwitch, member, object, on, port, row } from './facts.ts';
import { rows } from './harness.ts';
import { inGroup, lsp, other, pg, pod, scene, subnet, sw } from './scene.ts';

const b = scene();

describe('references', () => {
  it('weak: an element whose target is missing waits, and OVSDB never drops one', async () => {
    await b.want({ s: [pg], q: [member(pg, 'ports', lsp.id, other)] });
    expect(b.ops).toEqual(['insert']);
    expect([...b.differ.parked.keys()]).toEqual([other]);
    expect(b.tracker.applied(other)).toBe(false);
    await b.want({ p: [sw, lsp] });
    expect(await rows(b.server, 'Port_Group', 'ports')).toEqual([{ ports: lsp.id }]);
    expect(b.differ.parked.size).toBe(0);
    expect(b.tracker.applied(other)).toBe(true);
  });

  it('weak, in a column of a row: the row waits', async () => {
    const dhcp = row('DHCP_Options', subnet, 'd', { columns: { cidr: '10.0.0.0/24' } });
    await b.want({ s: [sw], p: [port(pod, 'p', sw, { columns: { dhcpv4_options: new Set([dhcp.id]) } })] });
    expect(await rows(b.server, 'Logical_Switch_Port', 'name')).toEqual([]);
    await b.want({ d: [dhcp] });
    expect(await rows(b.server, 'Logical_Switch_Port', 'dhcpv4_options')).toEqual([{ dhcpv4_options: dhcp.id }]);
  });

  it('strong: the owner is parked as a whole, fails nobody, and goes when the target comes', async () => {
    const group = row('Load_Balancer_Group', object('g'), 'g', { columns: { name: 'g' } });
    const { external_ids: _, ...columns } = group.columns;
    const target = { ...group, columns };
    await b.restart({ tables: ['Logical_Switch', 'Logical_Switch_Port', 'Load_Balancer_Group'] });
    const wanting = logicalSwitch(subnet, 's', { columns: { load_balancer_group: new Set([group.id]) } });
    await b.want({ s: [wanting, logicalSwitch(subnet, 'second')], q: [logicalSwitch(other, 'q')] });
    expect(await rows(b.server, 'Logical_Switch', 'name')).toEqual([{ name: 'q' }]);
    expect(b.differ.failing.size).toBe(0);
    expect(b.differ.problems(subnet)).toMatchObject([{ reason: 'Waiting' }]);
    await b.want({ g: [target] });
    expect(await rows(b.server, 'Logical_Switch', 'name')).toHaveLength(3);
  });

  it('child: a row without its parent waits, it does not vanish', async () => {
    await b.want({ p: [lsp] });
    expect(b.sent).toEqual([]);
    await b.want({ s: [sw] });
    expect(await rows(b.server, 'Logical_Switch_Port', 'name')).toEqual([{ name: 'p' }]);
    expect(b.sent.length).toBe(1);
  });

  it('child: a move between parents is one transaction and keeps the row', async () => {
    const second = logicalSwitch(subnet, 't');
    await b.want({ s: [sw, second, pg], p: [lsp, inGroup] });
    b.sent.length = 0;
    await b.want({ p: [{ ...lsp, in: on(second, 'ports') }, inGroup] });
    expect(b.sent.length).toBe(1);
    expect(await rows(b.server, 'Logical_Switch', 'name', 'ports')).toEqual([
      { name: 's', ports: [] },
      { name: 't', ports: lsp.id },
    ]);
    // The weak reference survives only if the row was never gone.
    expect(await rows(b.server, 'Port_Group', 'ports')).toEqual([{ ports: lsp.id }]);
    expect(b.ops).toEqual(['mutate', 'mutate']);
  });

  it('text: what a match names goes before or with it, and stays until the last row that names it is gone', async () => {
    const peers = addressSet(object('peers'), 'peers');
    const rule = acl(subnet, pg, 'ip4.src == $peers', { needs: [peers.id] });
    await b.want({ s: [pg, rule] });
    expect(await rows(b.server, 'ACL', 'match')).toEqual([]);
    await b.want({ a: [peers] });
    expect(await rows(b.server, 'ACL', 'match')).toEqual([{ match: 'ip4.src == $peers' }]);
    await b.want({ a: [] });
    expect(await rows(b.server, 'Address_Set', 'name')).toEqual([{ name: 'peers' }]);
    b.sent.length = 0;
    await b.want({ s: [pg] });
    expect(await rows(b.server, 'Address_Set', 'name')).toEqual([]);
    expect(await rows(b.server, 'ACL', 'match')).toEqual([]);
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
    expect(await rows(b.server, 'Address_Set', 'name')).toEqual([{ name: 'one' }]);
    expect(await rows(b.server, 'ACL', 'match')).toEqual([{ match: 'ip4.src == $one' }]);
    await b.want({ t: [two] });
    expect(await rows(b.server, 'Address_Set', 'name')).toEqual([{ name: 'two' }]);
  });

  it('text: of an earlier process is respected although its needs are not known', async () => {
    const peers = addressSet(object('peers'), 'peers');
    await b.want({ a: [peers], s: [pg, acl(subnet, pg, 'ip4.src == $peers', { needs: [peers.id] })] });
    // The owner of the rule is known to be frozen, so the rule stays, and with it what it names.
    await b.restart({ tracker: { ownerOf: (source) => (source === 's' ? subnet : undefined) } });
    b.tracker.freeze('s', new Error('no'));
    await b.want({});
    expect(await rows(b.server, 'ACL', 'match')).toEqual([{ match: 'ip4.src == $peers' }]);
    expect(await rows(b.server, 'Address_Set', 'name')).toEqual([{ name: 'peers' }]);
    await b.want({ s: [pg] });
    expect(await rows(b.server, 'Address_Set', 'name')).toEqual([]);
  });
});
