/**
 * What befalls a node, while packets flow, on a cluster of its own: the death of its programs, a power cut, its removal and its
 * return. Each in both families. All converges with no help.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Cluster } from '../cluster/cluster.ts';
import { FIRST_RUN_MS, startCluster, stopCluster } from '../cluster/fixture.ts';
import { exec, pods, trafficOfEach } from '../cluster/traffic.ts';
import { waitFor } from '../cluster/wait.ts';
import { intact, nodeCases } from './node.suite.ts';
import { podManifest } from './shared.ts';
import { toolsOf } from './tools.ts';

const NAME = 'e2e-life';
const namespace = 'default';
const soon = { limitMs: 90_000, everyMs: 200 };
let cluster: Cluster;
let failed = false;
const { apply, settled } = toolsOf(() => cluster);
const { allIsWell, databaseLost, programKilled, ready } = nodeCases(() => cluster, ['one', 'two', 'near']);

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
    const remains = async (): Promise<string[]> => {
      const central = ['--namespace=kube-system', 'exec', 'deployment/ovn-central', '--'];
      const rows = async (...argv: string[]): Promise<string> => await cluster.kubectl([...central, ...argv]);
      const port = await rows('ovn-nbctl', '--bare', '--columns=name', 'find', 'Logical_Switch_Port', 'name=node-n2');
      const chassis = await rows('ovn-sbctl', '--bare', '--columns=hostname', 'find', 'Chassis', 'hostname=n2');
      const policies = await rows(
        'ovn-nbctl',
        '--bare',
        '--columns=match',
        'find',
        'Logical_Router_Policy',
        'external_ids:node=n2',
      );
      const ip = await cluster.kubectl(['get', 'ips.kubeovn.io', 'node-n2', '--ignore-not-found', '--output=name']);
      const sets = await Promise.all(
        ['ovn40other-node', 'ovn60other-node'].map((set) => cluster.inNode(1, ['ipset', 'list', set])),
      );
      const listed = sets.map(({ stdout }) => stdout).join('');
      return [
        ...[port, chassis, policies, ip].map((text) => text.trim()).filter((text) => text !== ''),
        ...cluster.node(2).ips.filter((own) => listed.includes(own)),
      ];
    };
    const labels = await cluster.kubectl(['get', 'node', 'n2', '--output=jsonpath={.metadata.uid}']);
    await cluster.node(2).kill();
    await cluster.kubectl(['delete', 'pod', 'two', 'near', '--grace-period=0', '--force']);
    await cluster.kubectl(['delete', 'node', 'n2']);
    let left: string[] = [];
    await waitFor(async () => (left = await remains()).length === 0, {
      what: 'nothing of the node to be left',
      ...soon,
      explain: () => left.join('\n'),
    });
    await cluster.node(2).start();
    const registered = async (): Promise<boolean> => {
      const uid = await cluster.kubectl([
        'get',
        'node',
        'n2',
        '--ignore-not-found',
        '--output=jsonpath={.metadata.uid}',
      ]);
      return uid !== '' && uid !== labels;
    };
    await waitFor(registered, { what: 'the node to register', ...soon });
    await settled('app=ovs', 2);
    await settled('app=kube-ovn-cni', 2);
    await apply(podManifest(namespace, 'two', { node: 'n2' }), podManifest(namespace, 'near', { node: 'n2' }));
    await allIsWell(2);
    expect((await pods(cluster, 'kube-system', 'app=ovs')).map(({ node }) => node).toSorted()).toEqual(['n1', 'n2']);
  });
});
