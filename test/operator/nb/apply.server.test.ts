// The northbound session, tracker and differ together, on real servers: standby, leadership, the fence between two
// leaders on a raft cluster, adoption of a Kube-OVN's rows, restarts that write nothing.
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import { owner as ownerOf } from '../../../lib/delta/ids.ts';
import type { Owner } from '../../../lib/delta/fact.ts';
import { Northbound } from '../../../operator/nb/apply.ts';
import type { NorthboundOptions } from '../../../operator/nb/apply.ts';
import { groupMember, nodeGroup, nodeGroupId } from '../../../operator/nb/rows/group.ts';
import { logicalRouter, routerPort } from '../../../operator/nb/rows/router.ts';
import { logicalSwitch, routerTypePort, vifPort, vifPortId } from '../../../operator/nb/rows/switch.ts';
import { eventually } from '../../eventually.ts';
import { startCluster, startServer } from '../../ovsdb-server.ts';
import type { OvsdbServer } from '../../ovsdb-server.ts';

const running: Northbound[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((each) => each.stop()));
});

function northbound(remotes: readonly string[], options: Partial<NorthboundOptions> = {}): Northbound {
  const always = { settled: () => true, inputsSynced: () => true, mayWrite: () => true };
  const made = new Northbound({ remotes, random: () => 0, ...always, ...options });
  running.push(made);
  return made;
}

async function standalone(): Promise<OvsdbServer> {
  const server = await startServer();
  onTestFinished(() => server.dispose());
  return server;
}

const pod = ownerOf({ kind: 'Pod', namespace: 'a', name: 'web' });

function subnetFacts(made: Northbound): void {
  made.sink.replace('vpc/ovn-cluster', [logicalRouter('ovn-cluster')]);
  const owner = ownerOf({ kind: 'Subnet', namespace: '', name: 's' });
  const mac = '02:00:00:00:00:01';
  const common = { owner, vpc: 'ovn-cluster', name: 'ovn-cluster-s', mac, networks: ['10.16.0.1/16'] };
  made.sink.replace('subnet/s', [
    logicalSwitch('s'),
    routerPort({ ...common, routeTable: '' }),
    routerTypePort({ subnet: 's', name: 's-ovn-cluster', routerPort: 'ovn-cluster-s', proxied: [] }),
  ]);
  made.sink.replace('node/n', [nodeGroup('n', 'all', 'node.n')]);
}

function podFacts(made: Northbound, name = 'web', address = '10.16.0.2'): Owner {
  const owner = ownerOf({ kind: 'Pod', namespace: 'a', name });
  const port = vifPort({
    owner,
    name: `${name}.a`,
    subnet: 's',
    mac: '02:00:00:00:00:02',
    addresses: [address],
    chassis: 'n',
  });
  made.sink.replace(`pod/a/${name}`, [
    port,
    groupMember(nodeGroupId('n', 'all'), vifPortId(owner, `${name}.a`), owner),
  ]);
  return owner;
}

async function ready(made: Northbound): Promise<void> {
  made.start();
  await eventually(() => made.synced, { what: 'the copy to be synced' });
}

const epoch = async (server: OvsdbServer): Promise<unknown> =>
  ((await server.dump('NB_Global', ['external_ids']))[0]?.['external_ids'] as Record<string, string> | undefined)?.[
    'kubeloom-epoch'
  ];

describe('the comparison', () => {
  it('waits until what is wanted is complete, and is made then without a new connection', async () => {
    const server = await standalone();
    let complete = false;
    const compared: string[] = [];
    const onSynced = (): void => void compared.push('all');
    const made = northbound([server.remote], { inputsSynced: () => complete, onSynced });
    made.start();
    await eventually(() => made.dump() !== undefined, { what: 'the copy' });
    // One that came later is through: time for the first to be as well.
    await ready(northbound([server.remote]));
    subnetFacts(made);
    made.poke();
    expect([made.synced, compared]).toEqual([false, []]);
    complete = true;
    made.poke();
    await eventually(() => made.synced, { what: 'the comparison' });
    expect(compared).toEqual(['all']);
    expect(made.counts()['pending']).toBeGreaterThan(0);
  });
});

describe('a leader', () => {
  it('writes what it was told before and after it connected, and a standby nothing', async () => {
    const server = await standalone();
    const made = northbound([server.remote]);
    subnetFacts(made);
    await ready(made);
    podFacts(made);
    made.poke();
    expect(await server.dump('Logical_Switch')).toEqual([]);
    made.lead();
    await eventually(() => made.applied(pod));
    expect(await server.dump('Logical_Switch_Port', ['name', 'type'])).toHaveLength(2);
    expect(await server.dump('Logical_Router_Port', ['name', 'networks'])).toEqual([
      { name: 'ovn-cluster-s', networks: '10.16.0.1/16' },
    ]);
    expect(await server.dump('Port_Group', ['name', 'ports'])).toEqual([
      { name: 'node.n', ports: vifPortId(pod, 'web.a') },
    ]);
    expect(made.epoch).toBe(1);
    expect(made.counts()).toMatchObject({ pending: 0, parked: 0, failing: 0, conflicts: 0 });
    expect(made.dump(pod)?.desired).toHaveLength(2);
  });

  it('that begins with nothing to change writes nothing, not even its number', async () => {
    const server = await standalone();
    const first = northbound([server.remote]);
    subnetFacts(first);
    podFacts(first);
    await ready(first);
    first.lead();
    await eventually(() => first.applied(pod));
    await first.stop();
    const second = northbound([server.remote]);
    subnetFacts(second);
    podFacts(second);
    await ready(second);
    second.lead();
    expect(second.applied(pod)).toBe(true);
    expect(second.counts()['batches']).toBe(0);
    expect(await epoch(server)).toBe('1');
    podFacts(second, 'two', '10.16.0.3');
    second.poke();
    await eventually(async () => (await epoch(server)) === '2');
  });

  it('whose lease is over writes nothing until it is renewed', async () => {
    const server = await standalone();
    let may = false;
    const made = northbound([server.remote], { mayWrite: () => may });
    subnetFacts(made);
    await ready(made);
    made.lead();
    expect(made.counts()['batches']).toBe(0);
    may = true;
    made.poke();
    await eventually(async () => (await server.dump('Logical_Switch')).length === 1);
    expect(made.counts()['batches']).toBeGreaterThan(0);
  });

  it('takes over the rows of a Kube-OVN without a new UUID of any port', async () => {
    const server = await standalone();
    const external_ids = ['map', [['vendor', 'kube-ovn']]];
    await server.transact([
      {
        op: 'insert',
        table: 'Logical_Router',
        row: { name: 'ovn-cluster', external_ids, ports: ['named-uuid', 'rp'] },
      },
      {
        op: 'insert',
        table: 'Logical_Router_Port',
        'uuid-name': 'rp',
        row: { name: 'ovn-cluster-s', mac: '02:00:00:00:00:09', networks: '10.16.0.1/16', external_ids },
      },
      {
        op: 'insert',
        table: 'Logical_Switch',
        row: {
          name: 's',
          external_ids,
          ports: [
            'set',
            [
              ['named-uuid', 'a'],
              ['named-uuid', 'b'],
            ],
          ],
        },
      },
      { op: 'insert', table: 'Logical_Switch_Port', 'uuid-name': 'a', row: { name: 'web.a', external_ids } },
      { op: 'insert', table: 'Logical_Switch_Port', 'uuid-name': 'b', row: { name: 's-ovn-cluster', external_ids } },
    ]);
    const tables = ['Logical_Router', 'Logical_Router_Port', 'Logical_Switch', 'Logical_Switch_Port'];
    const ids = async (): Promise<unknown> =>
      await Promise.all(tables.map((table) => server.dump(table, ['_uuid', 'name'])));
    const before = await ids();
    const made = northbound([server.remote]);
    subnetFacts(made);
    podFacts(made);
    await ready(made);
    made.lead();
    await eventually(() => made.applied(pod) && made.counts()['pending'] === 0);
    expect(await ids()).toEqual(before);
    expect(made.counts()['adopted']).toBeGreaterThanOrEqual(5);
    const ports = await server.dump('Logical_Switch_Port', ['name', 'addresses']);
    expect(ports).toContainEqual({ name: 'web.a', addresses: '02:00:00:00:00:02 10.16.0.2' });
  });
});

describe('the fence', () => {
  it('lets one of two leaders on a raft cluster write, the later one', async () => {
    const cluster = await startCluster();
    onTestFinished(() => cluster.stop());
    const leader = await cluster.leader();
    let deposed = 0;
    const old = northbound(cluster.remotes, { onDeposed: () => deposed++ });
    const fresh = northbound(cluster.remotes);
    subnetFacts(old);
    await ready(old);
    old.lead();
    await eventually(async () => (await epoch(leader)) === '1' && (await leader.dump('Port_Group')).length === 1);
    subnetFacts(fresh);
    await ready(fresh);
    podFacts(fresh, 'from-fresh', '10.16.0.9');
    fresh.lead();
    // The word of it comes with the monitor: the old leader stops even before it has anything to write.
    await eventually(() => deposed === 1);
    podFacts(old, 'from-old', '10.16.0.8');
    old.poke();
    expect(await epoch(leader)).toBe('2');
    const count = old.counts()['batches'];
    podFacts(old, 'from-old', '10.16.0.7');
    old.poke();
    expect(old.counts()['batches']).toBe(count);
    await eventually(() => fresh.counts()['pending'] === 0);
    const names = (await leader.dump('Logical_Switch_Port', ['name'])).map(({ name }) => name);
    expect(names).toContain('from-fresh.a');
    expect(names).not.toContain('from-old.a');
  });

  it('takes its first number beside the keys of others', async () => {
    const server = await standalone();
    await server.transact([
      {
        op: 'insert',
        table: 'NB_Global',
        row: { external_ids: ['map', [['theirs', '1']]], options: ['map', [['mac_prefix', 'x']]] },
      },
    ]);
    const made = northbound([server.remote]);
    subnetFacts(made);
    await ready(made);
    made.lead();
    await eventually(async () => (await epoch(server)) === '1');
    expect(await server.dump('NB_Global', ['external_ids', 'options'])).toEqual([
      { external_ids: { theirs: '1', 'kubeloom-epoch': '1' }, options: { mac_prefix: 'x' } },
    ]);
  });
});
