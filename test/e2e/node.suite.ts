/** What befalls a node while packets flow, in each of the cluster's families: for clusters that the caller starts. */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Cluster } from '../cluster/cluster.ts';
import { everyAddress, matrix, pods, trafficOfEach, type Flow, type Pod } from '../cluster/traffic.ts';
import { waitFor } from '../cluster/wait.ts';
import { podManifest } from './shared.ts';
import { toolsOf } from './tools.ts';

const namespace = 'default';
const soon = { limitMs: 90_000, everyMs: 200 };

/** What flows are, of which each lost nothing. */
export const intact = (flows: number): unknown[] =>
  Array.from({ length: flows }, () => expect.objectContaining({ connected: true, lost: 0 }) as unknown);

export interface NodeCases {
  readonly ready: (name: string) => Promise<Pod>;
  /** Every pod reaches every other at each address, and a new one that comes on that node does too. */
  readonly allIsWell: (n: number) => Promise<void>;
  /** A program of n2 is killed, and all is well again: what flows from n1, one for each family, felt of it. */
  readonly programKilled: (text: string, selector: string) => Promise<Flow[]>;
  /** n2 loses the database of Open vSwitch, and all is well again: its first pod before and after. */
  readonly databaseLost: () => Promise<{ before: Pod; after: Pod }>;
  /**
   * n2 is switched off and its object deleted, and nothing is left of it; then it comes, as itself or as a new machine, and all is
   * well: the nodes that Open vSwitch runs on.
   */
  readonly removed: (as: { readonly emptyDisk: boolean }) => Promise<string[]>;
}

/** What is written to a node's root and by its kubelet goes; images stay, which nobody could bring there. */
async function emptied(dir: string): Promise<void> {
  for (const part of ['upper', 'kubelet']) {
    await rm(join(dir, part), { recursive: true, force: true });
    await mkdir(join(dir, part));
  }
}

/** `standing` are names of pods in namespace `default`, the first on n1, the second on n2. */
export function nodeCases(cluster: () => Cluster, standing: readonly [string, string, ...string[]]): NodeCases {
  const { apply, inCentral, killOnNode, readyPod, settled } = toolsOf(cluster);
  const ready = (name: string): Promise<Pod> => readyPod(namespace, name);

  async function allIsWell(n: number): Promise<void> {
    await apply(podManifest(namespace, 'fresh', { node: `n${n}` }));
    const all = everyAddress(await Promise.all([...standing, 'fresh'].map(ready)));
    await waitFor(async () => (await matrix(cluster(), all)).length === 0, {
      what: 'all pods to reach each other',
      ...soon,
      explain: async () => (await matrix(cluster(), all)).join('\n'),
    });
    await cluster().kubectl(['delete', 'pod', 'fresh', '--wait=true']);
  }

  const vsctl = ['ovs-vsctl', '--db=unix:/run/openvswitch/db.sock', '--timeout=2', 'get', 'Open_vSwitch', '.', '_uuid'];
  /** '' while there is none. */
  const database = async (): Promise<string> => (await cluster().tryInNode(2, vsctl)).stdout.trim();

  /** What is known of n2 in the databases and on the other node. */
  async function remains(): Promise<string[]> {
    const find = (...argv: readonly string[]): Promise<string> => inCentral(...argv);
    const found = await Promise.all([
      find('ovn-nbctl', '--bare', '--columns=name', 'find', 'Logical_Switch_Port', 'name=node-n2'),
      find('ovn-sbctl', '--bare', '--columns=hostname', 'find', 'Chassis', 'hostname=n2'),
      find('ovn-nbctl', '--bare', '--columns=match', 'find', 'Logical_Router_Policy', 'external_ids:node=n2'),
      cluster().kubectl(['get', 'ips.kubeovn.io', 'node-n2', '--ignore-not-found', '--output=name']),
    ]);
    const { ips } = cluster().node(2);
    const sets = await Promise.all(
      ips.map((ip) => cluster().inNode(1, ['ipset', 'list', ip.includes(':') ? 'ovn60other-node' : 'ovn40other-node'])),
    );
    const listed = sets.map(({ stdout }) => stdout).join('');
    return [
      ...found.map((text) => text.trim()).filter((text) => text !== ''),
      ...ips.filter((ip) => listed.includes(ip)),
    ];
  }

  const uid = (): Promise<string> =>
    cluster().kubectl(['get', 'node', 'n2', '--ignore-not-found', '--output=jsonpath={.metadata.uid}']);

  return {
    ready,
    allIsWell,
    async programKilled(text, selector) {
      const connections = await trafficOfEach(cluster(), [await ready(standing[0]), await ready(standing[1])]);
      await killOnNode(2, text);
      await allIsWell(2);
      await settled(selector, 2);
      return connections.stop();
    },
    async databaseLost() {
      const before = await ready(standing[1]);
      const lost = await database();
      const files = ['/etc/origin/openvswitch/conf.db', '/etc/origin/openvswitch/.conf.db.~lock~'];
      await cluster().inNode(2, ['rm', '-f', ...files]);
      await killOnNode(2, '^ovsdb-server /etc/openvswitch|^ovs-vswitchd unix:');
      await waitFor(async () => ![lost, ''].includes(await database()), { what: 'a new database', ...soon });
      await allIsWell(2);
      await settled('app=ovs', 2);
      return { before, after: await ready(standing[1]) };
    },
    async removed({ emptyDisk }) {
      const onN2 = (await Promise.all(standing.map(ready))).filter(({ node }) => node === 'n2').map(({ name }) => name);
      const before = await uid();
      await cluster().node(2).kill();
      await cluster().kubectl(['delete', 'pod', ...onN2, '--grace-period=0', '--force']);
      await cluster().kubectl(['delete', 'node', 'n2']);
      let left: string[] = [];
      await waitFor(async () => (left = await remains()).length === 0, {
        what: 'nothing of the node to be left',
        ...soon,
        explain: () => left.join('\n'),
      });
      if (emptyDisk) await emptied(cluster().nodeDir(2));
      await cluster().node(2).start();
      const registered = async (): Promise<boolean> => !['', before].includes(await uid());
      await waitFor(registered, { what: 'the node to register', ...soon });
      await settled('app=ovs', 2);
      await settled('app=kube-ovn-cni', 2);
      await apply(...onN2.map((name) => podManifest(namespace, name, { node: 'n2' })));
      await allIsWell(2);
      return (await pods(cluster(), 'kube-system', 'app=ovs')).map(({ node }) => node).toSorted();
    },
  };
}
