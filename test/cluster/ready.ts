/** Waiting for a cluster to become what was asked for, and saying what is missing when it doesn't. */
import type { Cluster } from './cluster.ts';
import { CONTROL_PLANE } from './control-plane.ts';
import { join } from 'node:path';
import { tail } from './part.ts';
import { waitFor } from './wait.ts';

/** The parts of a Node that matter here. */
export interface NodeObject {
  metadata: { name: string };
  status: { conditions?: { type: string; status: string; message: string }[]; nodeInfo?: { kubeletVersion: string } };
}

/** The API server answers and is ready. */
export async function waitForApi(cluster: Cluster): Promise<void> {
  const log = join(cluster.logs, CONTROL_PLANE, 'kube-apiserver.log');
  let last = 'no answer';
  const look = async (): Promise<boolean> => {
    try {
      const { status, body } = await cluster.request('GET', '/readyz');
      last = body;
      return status === 200;
    } catch (error) {
      last = (error as Error).message;
      return false;
    }
  };
  const explain = (): string => `last answer: ${last}\n${tail(log)}\nlog: ${log}`;
  await waitFor(look, { what: 'the API server', limitMs: 60_000, everyMs: 50, explain });
}

/** Pods of namespace `default` are admitted: none is before the controller manager has made its service account. */
export async function waitForAdmission(cluster: Cluster): Promise<void> {
  const log = join(cluster.logs, CONTROL_PLANE, 'kube-controller-manager.log');
  const look = async (): Promise<boolean> =>
    (await cluster.request('GET', '/api/v1/namespaces/default/serviceaccounts/default')).status === 200;
  const explain = (): string => `${tail(log)}\nlog: ${log}`;
  await waitFor(look, { what: 'the service account of namespace default', limitMs: 60_000, everyMs: 50, explain });
}

/** All nodes are there, and Ready if asked. */
export async function waitForNodes(cluster: Cluster, want: 'registered' | 'Ready', limitMs: number): Promise<void> {
  const wanted = cluster.nodes().map(({ name }) => name);
  let missing: string[] = [];
  const look = async (): Promise<boolean> => {
    const known = new Map((await nodeObjects(cluster)).map((node) => [node.metadata.name, node]));
    missing = wanted.flatMap((name) => {
      const node = known.get(name);
      if (node === undefined) return [`${name}: not registered, see ${join(cluster.logs, name, 'kubelet.log')}`];
      const ready = node.status.conditions?.find(({ type }) => type === 'Ready');
      return want === 'registered' || ready?.status === 'True'
        ? []
        : [`${name}: ${ready?.message ?? 'no condition yet'}`];
    });
    return missing.length === 0;
  };
  const explain = async (): Promise<string> => [...missing, await podsNotReady(cluster)].join('\n');
  await waitFor(look, { what: `nodes ${want}`, limitMs, everyMs: 50, explain });
}

/** Nodes as the API server has them; none while it can't be asked. */
export async function nodeObjects(cluster: Cluster): Promise<NodeObject[]> {
  try {
    const { status, body } = await cluster.request('GET', '/api/v1/nodes');
    return status === 200 ? (JSON.parse(body) as { items: NodeObject[] }).items : [];
  } catch {
    return [];
  }
}

async function podsNotReady(cluster: Cluster): Promise<string> {
  try {
    const pods = await cluster.kubectl(['get', 'pods', '--all-namespaces', '--no-headers', '--output=wide']);
    const waiting = pods
      .split('\n')
      .filter((line) => line !== '' && !/\s(\d+)\/\1\s+Running\s|\sCompleted\s/.test(line));
    return waiting.length === 0 ? 'all pods are ready' : `pods that are not ready:\n${waiting.join('\n')}`;
  } catch (error) {
    return `pods could not be listed: ${(error as Error).message}`;
  }
}
