// Rows of a predecessor that stand for rows of ours: taken over with their UUID, and translated where the database is
// read and written, for as long as they exist. And rows of ours in tables that have no room for a mark.
import { describe, expect, it } from 'vitest';
import type { RowFact } from '../../../lib/delta/fact.ts';
import { eventually } from '../../eventually.ts';
import { acl, member, on, port, portGroup, row } from './facts.ts';
import { rows } from './harness.ts';
import type { BenchOptions } from './harness.ts';
import { inGroup, lsp, other, pg, pod, scene, subnet, sw } from './scene.ts';

const b = scene();

describe('adoption', () => {
  it('keeps the UUID of a row that a predecessor made, by unique index or by the columns given for it', async () => {
    const vendor = ['map', [['vendor', 'kube-ovn']]];
    await b.server.transact([
      {
        op: 'insert',
        table: 'Logical_Switch',
        row: {
          name: 's',
          external_ids: vendor,
          ports: [
            'set',
            [
              ['named-uuid', 'x'],
              ['named-uuid', 'y'],
            ],
          ],
        },
      },
      { op: 'insert', table: 'Logical_Switch_Port', 'uuid-name': 'x', row: { name: 'p', external_ids: vendor } },
      { op: 'insert', table: 'Logical_Switch_Port', 'uuid-name': 'y', row: { name: 'unknown', external_ids: vendor } },
      { op: 'insert', table: 'Port_Group', row: { name: 'pg', external_ids: vendor, ports: ['named-uuid', 'x'] } },
      { op: 'insert', table: 'Port_Group', row: { name: 'theirs' } },
    ]);
    const before = await rows(b.server, 'Logical_Switch_Port', '_uuid', 'name');
    await b.restart({ tracker: { adoptBy: { Logical_Switch: ['name'] } } });
    await b.want({ s: [sw, pg], p: [lsp, inGroup], q: [portGroup(other, 'theirs')] });
    expect(await rows(b.server, 'Logical_Switch_Port', '_uuid', 'name')).toEqual(before);
    expect(await rows(b.server, 'Logical_Switch', 'name')).toHaveLength(1);
    const [adopted] = await rows(b.server, 'Logical_Switch_Port', 'name', 'addresses', 'external_ids');
    expect(adopted).toMatchObject({ addresses: '02:00:00:00:00:01 10.0.0.1', external_ids: { 'kubeloom-id': lsp.id } });
    expect(b.tracker.applied(pod)).toBe(true);
    // A row without the vendor's mark is nobody's to take.
    expect([...b.differ.failing.keys()]).toEqual([other]);
    await b.restart({ tracker: { adoptBy: { Logical_Switch: ['name'] } } });
    b.sent.length = 0;
    await b.want({ s: [sw, pg], p: [lsp, inGroup] });
    expect(b.sent).toEqual([]);
    await b.want({ p: [] });
    expect(await rows(b.server, 'Logical_Switch_Port', 'name')).toEqual([{ name: 'unknown' }]);
    expect(await rows(b.server, 'Port_Group', 'name', 'ports')).toContainEqual({ name: 'pg', ports: [] });
  });

  it('leaves the columns that such a row keeps as it found them, also after a restart', async () => {
    const vendor = ['map', [['vendor', 'kube-ovn']]];
    const router = row('Logical_Router', subnet, 'r', { columns: { name: 'r' } });
    const columns = { name: 'rp', mac: '02:00:00:00:00:01', networks: new Set(['10.0.0.1/8']) };
    const onRouter = row('Logical_Router_Port', subnet, 'rp', { columns, in: on(router, 'ports') });
    const old = { name: 'rp', mac: '02:00:00:00:00:99', networks: '10.0.0.9/8', external_ids: vendor };
    await b.server.transact([
      { op: 'insert', table: 'Logical_Router', row: { name: 'r', external_ids: vendor, ports: ['named-uuid', 'x'] } },
      { op: 'insert', table: 'Logical_Router_Port', 'uuid-name': 'x', row: old },
    ]);
    const options = { adoptBy: { Logical_Router: ['name'] }, keep: { Logical_Router_Port: ['mac'] } };
    await b.restart({ tracker: options });
    await b.want({ s: [router, onRouter] });
    const port = (): Promise<unknown> => rows(b.server, 'Logical_Router_Port', 'mac', 'networks');
    expect(await port()).toEqual([{ mac: '02:00:00:00:00:99', networks: '10.0.0.1/8' }]);
    expect(b.tracker.applied(subnet)).toBe(true);
    await b.restart({ tracker: options });
    await b.want({ s: [router, onRouter] });
    expect(b.sent).toEqual([]);
    // A row of our own making has nothing to keep.
    await b.want({ s: [router] });
    await b.want({ s: [router, onRouter] });
    expect(await port()).toEqual([{ mac: '02:00:00:00:00:01', networks: '10.0.0.1/8' }]);
    await b.server.transact([
      { op: 'update', table: 'Logical_Router_Port', where: [], row: { mac: '02:00:00:00:00:77' } },
    ]);
    await eventually(async () => JSON.stringify(await port()).includes('02:00:00:00:00:01'));
  });

  it('of a child without a unique index needs the same parent', async () => {
    const vendor = ['map', [['vendor', 'kube-ovn']]];
    const rule = { direction: 'to-lport', priority: 1000, match: 'ip4', action: 'drop', external_ids: vendor };
    await b.server.transact([
      { op: 'insert', table: 'Port_Group', row: { name: 'pg', external_ids: vendor, acls: ['named-uuid', 'x'] } },
      { op: 'insert', table: 'Port_Group', row: { name: 'other', external_ids: vendor, acls: ['named-uuid', 'y'] } },
      { op: 'insert', table: 'ACL', 'uuid-name': 'x', row: rule },
      { op: 'insert', table: 'ACL', 'uuid-name': 'y', row: rule },
    ]);
    const [uuid] = (await rows(b.server, 'Port_Group', 'name', 'acls')).filter(({ name }) => name === 'pg');
    await b.restart({ tracker: { adoptBy: { ACL: ['direction', 'priority', 'match'] } } });
    const ours = acl(subnet, pg, 'ip4');
    await b.want({ s: [pg, ours] });
    expect(b.tracker.aliases.real(ours.id)).toBe(uuid?.['acls']);
    expect(await rows(b.server, 'ACL', '_uuid', 'match')).toHaveLength(2);
  });
});

/** A switch with a port that is in a group, as a predecessor made them. */
const vendor = ['map', [['vendor', 'kube-ovn']]];
const theirs = [
  { op: 'insert', table: 'Logical_Switch', row: { name: 's', external_ids: vendor, ports: ['named-uuid', 'x'] } },
  { op: 'insert', table: 'Logical_Switch_Port', 'uuid-name': 'x', row: { name: 'p', external_ids: vendor } },
  { op: 'insert', table: 'Port_Group', row: { name: 'pg', external_ids: vendor, ports: ['named-uuid', 'x'] } },
];
const byName: BenchOptions = { tracker: { adoptBy: { Logical_Switch: ['name'] } } };
const uuids = async (): Promise<unknown[]> =>
  (
    await Promise.all(
      ['Logical_Switch', 'Logical_Switch_Port', 'Port_Group'].map((t) => rows(b.server, t, '_uuid', 'name')),
    )
  ).flat();

describe('a row that was taken over', () => {
  it('is never asked to be what it is already: references to it are compared by its own UUID', async () => {
    await b.server.transact(theirs);
    const before = await uuids();
    await b.restart(byName);
    const dhcp = row('DHCP_Options', subnet, 'd', { columns: { cidr: '10.0.0.0/24' } });
    await b.want({ s: [sw, pg, dhcp], p: [lsp, inGroup] });
    expect(await uuids()).toEqual(before);
    b.sent.length = 0;
    // A new child and a new member, in rows whose UUIDs are not the derived ones.
    const second = port(other, 'q', sw, { columns: { dhcpv4_options: new Set([dhcp.id]) } });
    await b.want({ q: [second, member(pg, 'ports', second.id, other)] });
    expect(b.sent.length).toBe(1);
    expect((await rows(b.server, 'Port_Group', 'ports'))[0]?.['ports']).toHaveLength(2);
    expect((await rows(b.server, 'Logical_Switch', 'ports'))[0]?.['ports']).toHaveLength(2);
    expect(b.tracker.items.size).toBe(0);
  });

  it('is taken over when it comes to be wanted, while others are compared already', async () => {
    await b.server.transact(theirs);
    const before = await uuids();
    await b.restart(byName);
    await b.want({ s: [sw] });
    // The member of a group that is ours by now would be taken out, were it not somebody's.
    await b.want({ s: [sw, pg], p: [lsp, inGroup] });
    expect(await uuids()).toEqual(before);
    expect((await rows(b.server, 'Port_Group', 'ports'))[0]?.['ports']).not.toEqual([]);
  });

  it('stays taken over through a reconnect', async () => {
    await b.server.transact(theirs);
    const before = await uuids();
    await b.restart(byName);
    await b.want({ s: [sw, pg], p: [lsp, inGroup] });
    const batches = b.sent.length;
    await b.server.kill();
    await eventually(() => b.session.state !== 'ready');
    await b.server.start();
    await b.idle();
    expect(b.sent.length).toBe(batches);
    expect(await uuids()).toEqual(before);
    await b.want({ p: [{ ...lsp, columns: { ...lsp.columns, addresses: new Set(['new']) } }, inGroup] });
    expect(await rows(b.server, 'Logical_Switch_Port', 'addresses')).toEqual([{ addresses: 'new' }]);
  });

  it('that somebody deletes comes back under its derived id, and works from then on', async () => {
    await b.server.transact(theirs);
    await b.restart(byName);
    await b.want({ s: [sw, pg], p: [lsp, inGroup] });
    await b.server.transact([
      { op: 'delete', table: 'Logical_Switch', where: [] },
      { op: 'delete', table: 'Port_Group', where: [] },
    ]);
    await eventually(async () => (await rows(b.server, 'Port_Group', 'ports'))[0]?.['ports'] === lsp.id);
    await b.idle();
    expect(await uuids()).toEqual([
      { _uuid: sw.id, name: 's' },
      { _uuid: lsp.id, name: 'p' },
      { _uuid: pg.id, name: 'pg' },
    ]);
    expect(b.tracker.items.size).toBe(0);
    expect(b.tracker.aliases.size).toBe(0);
    await b.want({ p: [] });
    expect(await rows(b.server, 'Logical_Switch_Port', 'name')).toEqual([]);
  });

  it('is one of two candidates: the other stays as it is, and is taken when the first vanishes', async () => {
    const twin = { op: 'insert', table: 'Logical_Switch', row: { name: 's', external_ids: vendor } };
    await b.server.transact([twin, twin]);
    const before = await uuids();
    await b.restart(byName);
    await b.want({ s: [sw] });
    expect(await uuids()).toEqual(before);
    const taken = b.tracker.aliases.real(sw.id);
    await b.server.transact([{ op: 'delete', table: 'Logical_Switch', where: [['_uuid', '==', ['uuid', taken]]] }]);
    await eventually(() => b.tracker.aliases.has(sw.id) && b.tracker.aliases.real(sw.id) !== taken);
    await eventually(() => b.tracker.applied(subnet));
    const [left, ...more] = await rows(b.server, 'Logical_Switch', '_uuid', 'external_ids');
    expect(more).toEqual([]);
    expect(left).toMatchObject({ _uuid: b.tracker.aliases.real(sw.id), external_ids: { 'kubeloom-id': sw.id } });
  });

  it('that vanishes before it is written is made anew', async () => {
    await b.server.transact(theirs);
    await b.restart(byName);
    const release = b.hold();
    const written = b.want({ s: [sw, pg], p: [lsp, inGroup] });
    await eventually(() => b.sent.length === 1);
    await b.server.transact([
      { op: 'delete', table: 'Logical_Switch', where: [] },
      { op: 'delete', table: 'Port_Group', where: [] },
    ]);
    release();
    await written;
    await eventually(() => [subnet, pod].every((each) => b.tracker.applied(each)));
    expect(await uuids()).toEqual([
      { _uuid: sw.id, name: 's' },
      { _uuid: lsp.id, name: 'p' },
      { _uuid: pg.id, name: 'pg' },
    ]);
  });
});

describe('a table without external_ids', () => {
  const binding = (ip: string): RowFact => {
    const made = row('Static_MAC_Binding', subnet, ip, {
      columns: { logical_port: 'r-s', ip, mac: '02:00:00:00:00:01' },
    });
    const { external_ids: _, ...columns } = made.columns;
    return { ...made, columns };
  };
  const tables = ['Static_MAC_Binding'];
  const ours: BenchOptions = {
    tables,
    tracker: { ours: { Static_MAC_Binding: ({ logical_port: at }) => at === 'r-s' } },
  };

  it('has rows of ours by what they are about; others are left alone by a fresh process', async () => {
    await b.server.transact([{ op: 'delete', table: 'Static_MAC_Binding', where: [] }]);
    const foreign = { logical_port: 'theirs', ip: '10.0.0.9', mac: '02:00:00:00:00:09' };
    await b.server.transact([{ op: 'insert', table: 'Static_MAC_Binding', row: foreign }]);
    await b.restart(ours);
    await b.want({ s: [binding('10.0.0.1'), binding('10.0.0.2')] });
    await b.restart(ours);
    await b.want({ s: [binding('10.0.0.2')] });
    expect(await rows(b.server, 'Static_MAC_Binding', 'ip')).toEqual([{ ip: '10.0.0.2' }, { ip: '10.0.0.9' }]);
    // Without being told, it knows none of them.
    await b.restart({ tables });
    await b.want({});
    expect(await rows(b.server, 'Static_MAC_Binding', 'ip')).toHaveLength(2);
    await b.restart(ours);
    await b.want({});
    expect(await rows(b.server, 'Static_MAC_Binding', 'ip')).toEqual([{ ip: '10.0.0.9' }]);
  });
});
