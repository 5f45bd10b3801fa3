// The same differ on another database, as an agent uses it: no fence, a singleton that parents rows of ours, children
// held by a row's own column, names that cannot be changed.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { singletonId } from '../../../lib/delta/ids.ts';
import type { RowFact } from '../../../lib/delta/fact.ts';
import type { Owns } from '../../../lib/delta/options.ts';
import { eventually } from '../../eventually.ts';
import { VSWITCH_SCHEMA, startServer } from '../../ovsdb-server.ts';
import { entry, object, on, row } from './facts.ts';
import { bench, rows } from './harness.ts';
import type { Bench } from './harness.ts';

const marks = ['vendor', 'kubeloom-owner', 'kubeloom-id'];
const owns: Owns = {
  Open_vSwitch: { external_ids: ['ovn-remote', 'ovn-encap-ip'] },
  Bridge: { external_ids: marks },
  Port: { external_ids: marks },
  Interface: { external_ids: [...marks, 'iface-id'], options: ['peer'] },
};

let server: Awaited<ReturnType<typeof startServer>>;
let b: Bench;
beforeAll(async () => {
  server = await startServer({ schema: VSWITCH_SCHEMA });
});
afterAll(async () => {
  await server.dispose();
});
beforeEach(async () => {
  await server.transact([
    { op: 'delete', table: 'Open_vSwitch', where: [] },
    {
      op: 'insert',
      table: 'Open_vSwitch',
      row: {
        external_ids: [
          'map',
          [
            ['system-id', 'x'],
            ['ovn-remote', 'old'],
          ],
        ],
      },
    },
  ]);
  b = await bench(server, { tables: Object.keys(owns), tracker: { owns, singletons: ['Open_vSwitch'] } });
});
afterEach(async () => {
  await b.stop();
});

const node = object('n', 'Node');
const pod = object('p');
const root = { row: 'Open_vSwitch', id: singletonId('Open_vSwitch') } as RowFact;
const bridge = row('Bridge', node, 'br', { columns: { name: 'br-phy' }, in: on(root, 'bridges') });
const portOf = (name: string, ids: Record<string, string> = {}): RowFact[] => {
  const nic = row('Interface', pod, 'eth0', { columns: { name, type: '' }, ids });
  const port = row('Port', pod, 'eth0', { columns: { name, interfaces: new Set([nic.id]) }, in: on(bridge, 'ports') });
  return [nic, port];
};

describe('the differ on Open_vSwitch', () => {
  it('hangs rows on the one row that others made, and writes keys of it', async () => {
    await b.want({
      n: [bridge, entry(root, 'external_ids', ['ovn-remote', 'tcp:192.0.2.1:6642'], node)],
      p: portOf('p1'),
    });
    expect(b.sent.length).toBe(1);
    expect(await rows(server, 'Open_vSwitch', 'external_ids', 'bridges')).toEqual([
      { external_ids: { 'system-id': 'x', 'ovn-remote': 'tcp:192.0.2.1:6642' }, bridges: bridge.id },
    ]);
    expect(await rows(server, 'Interface', 'name')).toEqual([{ name: 'p1' }]);
    expect(b.tracker.applied(pod)).toBe(true);
  });

  it('leaves keys alone that others write into rows of ours', async () => {
    await b.want({ n: [bridge], p: portOf('p1', { 'iface-id': 'a' }) });
    const mutations = [['external_ids', 'insert', ['map', [['ovn-installed', 'true']]]]];
    await server.transact([{ op: 'mutate', table: 'Interface', where: [], mutations }]);
    await b.want({ p: portOf('p1', { 'iface-id': 'b' }) });
    const [nic] = await rows(server, 'Interface', 'external_ids', 'name');
    expect(nic?.['external_ids']).toMatchObject({ 'ovn-installed': 'true', 'iface-id': 'b' });
  });

  it('replaces a row whose immutable column differs, in two transactions', async () => {
    await b.want({ n: [bridge], p: portOf('p1') });
    b.sent.length = 0;
    b.tracker.replace('p', portOf('p2'));
    b.differ.poke();
    await eventually(() => b.tracker.applied(pod));
    expect(b.sent.length).toBe(2);
    expect(await rows(server, 'Port', 'name')).toEqual([{ name: 'p2' }]);
    expect(await rows(server, 'Interface', 'name')).toEqual([{ name: 'p2' }]);
    expect(b.differ.counters.refusals).toBe(0);
  });

  it('takes a port away with its interface', async () => {
    await b.want({ n: [bridge], p: portOf('p1') });
    await b.want({ p: [] });
    expect(await rows(server, 'Interface', 'name')).toEqual([]);
    expect(b.tracker.items.size).toBe(0);
  });
});
