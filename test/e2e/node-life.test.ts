/**
 * What befalls a node, while packets flow, on a cluster of its own: the death of its programs, a power cut, its removal and its
 * return, other addresses of its tunnels. Each in both families. All converges with no help.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Cluster } from '../cluster/cluster.ts';
import { FIRST_RUN_MS, startCluster, stopCluster } from '../cluster/fixture.ts';
import { exec, trafficOfEach } from '../cluster/traffic.ts';
import { waitFor } from '../cluster/wait.ts';
import { intact, nodeCases } from './node.suite.ts';
import { podManifest } from './shared.ts';
import { toolsOf } from './tools.ts';
import { tunnelCases } from './tunnels.suite.ts';

const NAME = 'e2e-life';
const namespace = 'default';
const soon = { limitMs: 90_000, everyMs: 200 };
let cluster: Cluster;
let failed = false;
const { apply, settled } = toolsOf(() => cluster);
const { allIsWell, databaseLost, programKilled, ready, removed } = nodeCases(() => cluster, ['one', 'two', 'near']);
const { addressChanged, networksChosen } = tunnelCases(() => cluster, ['one', 'two']);

beforeAll(async () => {
  cluster = await startCluster(NAME, '--family', 'dual');
  await apply(
    podManifest(namespace, 'one', { node: 'n1' }),
    podManifest(namespace, 'mate', { node: 'n1' }),
    podManifest(namespace, 'two', { node: 'n2' }),
    podManifest(namespace, 'near', { node: 'n2' }),
  );
  for (const name of ['one', 'mate', 'two', 'near']) await ready(name);
}, FIRST_RUN_MS);
afterEach(({ task }) => void (failed ||= task.result?.state === 'fail'));
afterAll(() => stopCluster(NAME, failed));

describe('a node goes on', () => {
  it.each([
    ['ovn-controller', 'ovn-controller'],
    ['ovsdb-server', 'ovsdb-server /etc/openvswitch'],
    ['kubelet', 'kubelet --config'],
    ['containerd', 'containerd -c'],
  ])('when %s is killed', async (_, text) => {
    expect(await programKilled(text, 'app=ovs')).toEqual(intact(2));
  });
});

describe('the loss of the database of Open vSwitch', () => {
  it('leaves pods their network: ports are put back', async () => {
    const { before, after } = await databaseLost();
    expect(after).toEqual(before);
  });
});

describe('the power cut of a node', () => {
  it('leaves its pods their addresses, and takes nothing from the others', async () => {
    const [one, two, near] = [await ready('one'), await ready('two'), await ready('near')];
    const connections = await trafficOfEach(cluster, [one, await ready('mate')]);
    await cluster.node(2).kill();
    await cluster.node(2).start();
    const restarted = async (): Promise<boolean> => {
      const uptime = await exec(cluster, two, ['cut', '-d ', '-f22', '/proc/1/stat']).catch(() => '');
      return uptime !== '';
    };
    await waitFor(restarted, { what: 'a container of the pod', ...soon });
    await settled('app=ovs', 2);
    await settled('app=kube-ovn-cni', 2);
    await allIsWell(2);
    expect(await connections.stop(), 'between pods of the other node').toEqual(intact(2));
    for (const { name, ips } of [one, two, near]) expect((await ready(name)).ips).toEqual(ips);
  });
});

describe('a node that is removed', () => {
  it('leaves nothing, and is served when it comes back', async () => {
    expect(await removed({ emptyDisk: false })).toEqual(['n1', 'n2']);
  });
});

describe('tunnels', () => {
  it('go between other addresses when the tunnel interface is given another: connections stay', async () => {
    expect(await addressChanged()).toEqual(intact(2));
  });

  it('go by the networks of the nodes that subnets choose', async () => {
    expect(await networksChosen()).toEqual([]);
  });
});
