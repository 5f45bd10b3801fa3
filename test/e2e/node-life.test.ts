/**
 * What befalls a node, while packets flow, on a cluster of its own: the death of its programs, a power cut, its removal and its
 * return. All converges with no help.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Cluster } from '../cluster/cluster.ts';
import { FIRST_RUN_MS, startCluster, stopCluster } from '../cluster/fixture.ts';
import { exec, matrix, pods, readyPods, traffic, type Pod } from '../cluster/traffic.ts';
import { waitFor } from '../cluster/wait.ts';
import { podManifest } from './shared.ts';

const NAME = 'e2e-life';
const namespace = 'default';
const soon = { limitMs: 90_000, everyMs: 200 };
let cluster: Cluster;
let failed = false;

beforeAll(async () => {
  cluster = await startCluster(NAME);
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

const apply = (...items: readonly object[]): Promise<string> =>
  cluster.kubectl(['apply', '-f', '-'], { stdin: JSON.stringify({ apiVersion: 'v1', kind: 'List', items }) });

async function ready(name: string): Promise<Pod> {
  const [pod] = await readyPods(cluster, namespace, `e2e=${name}`, { count: 1, limitMs: 90_000 });
  if (pod === undefined) throw new Error(`no pod ${name}`);
  return pod;
}

/** kill -9 of every process on a node whose command line has this text. */
async function kill(n: number, text: string): Promise<void> {
  const { stdout } = await cluster.inNode(n, ['pgrep', '--full', text]);
  await cluster.inNode(n, ['kill', '-9', ...stdout.trim().split('\n')]);
}

/** Waits until all pods of a workload in kube-system are ready. */
const settled = (selector: string, count: number): Promise<unknown> =>
  readyPods(cluster, 'kube-system', selector, { count, limitMs: 90_000 });

/** Every pod reaches every other, and a new one that comes on that node does too. */
async function allIsWell(n: number): Promise<void> {
  await apply(podManifest(namespace, 'fresh', { node: `n${n}` }));
  await ready('fresh');
  const all = await Promise.all(['one', 'two', 'near', 'fresh'].map(ready));
  await waitFor(async () => (await matrix(cluster, all)).length === 0, {
    what: 'all pods to reach each other',
    ...soon,
    explain: async () => (await matrix(cluster, all)).join('\n'),
  });
  await cluster.kubectl(['delete', 'pod', 'fresh', '--wait=true']);
}

describe('a node goes on', () => {
  it.each([
    ['ovn-controller', 'app=ovs', 'ovn-controller'],
    ['ovsdb-server', 'app=ovs', 'ovsdb-server /etc/openvswitch'],
    ['kubelet', 'app=ovs', 'kubelet --config'],
    ['containerd', 'app=ovs', 'containerd -c'],
  ])('when %s is killed', async (_, selector, text) => {
    const [from, to] = [await ready('one'), await ready('two')];
    const connection = await traffic(cluster, [from, to]);
    await kill(2, text);
    await allIsWell(2);
    await settled(selector, 2);
    expect(await connection.stop()).toMatchObject({ connected: true, lost: 0 });
  });
});

describe('the loss of the database of Open vSwitch', () => {
  it('leaves pods their network: ports are put back', async () => {
    const two = await ready('two');
    const vsctl = [
      'ovs-vsctl',
      '--db=unix:/run/openvswitch/db.sock',
      '--timeout=2',
      'get',
      'Open_vSwitch',
      '.',
      '_uuid',
    ];
    const database = async (): Promise<string> => (await cluster.tryInNode(2, vsctl)).stdout.trim();
    const before = await database();
    await cluster.inNode(2, [
      'sh',
      '-c',
      'rm -f /etc/origin/openvswitch/conf.db /etc/origin/openvswitch/.conf.db.~lock~',
    ]);
    await kill(2, '^ovsdb-server /etc/openvswitch|^ovs-vswitchd unix:');
    await waitFor(async () => ![before, ''].includes(await database()), { what: 'a new database', ...soon });
    await allIsWell(2);
    await settled('app=ovs', 2);
    const same = await ready('two');
    expect([same.ip, same.uid]).toEqual([two.ip, two.uid]);
  });
});

describe('the power cut of a node', () => {
  it('leaves its pods their addresses, and takes nothing from the others', async () => {
    const [one, two, near] = [await ready('one'), await ready('two'), await ready('near')];
    const connection = await traffic(cluster, [one, await ready('mate')]);
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
    expect(await connection.stop(), 'between pods of the other node').toMatchObject({ connected: true, lost: 0 });
    expect([(await ready('two')).ip, (await ready('near')).ip, (await ready('one')).ip]).toEqual([
      two.ip,
      near.ip,
      one.ip,
    ]);
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
      const ip = await cluster.kubectl(['get', 'ip', 'node-n2', '--ignore-not-found', '--output=name']);
      const set = await cluster.inNode(1, ['ipset', 'list', 'ovn40other-node']);
      return [
        ...[port, chassis, policies, ip].map((text) => text.trim()).filter((text) => text !== ''),
        ...(set.stdout.includes(cluster.node(2).ip) ? ['ovn40other-node'] : []),
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
