/** What befalls a node while packets flow, in each of the cluster's families: for clusters that the caller starts. */
import { expect } from 'vitest';
import type { Cluster } from '../cluster/cluster.ts';
import { everyAddress, matrix, trafficOfEach, type Flow, type Pod } from '../cluster/traffic.ts';
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
}

/** `standing` are names of pods in namespace `default`, the first on n1, the second on n2. */
export function nodeCases(cluster: () => Cluster, standing: readonly [string, string, ...string[]]): NodeCases {
  const { apply, killOnNode, readyPod, settled } = toolsOf(cluster);
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
  };
}
