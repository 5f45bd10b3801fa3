/** `status`: what runs, where, in which version. */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { Cluster, readRecord, runs } from './cluster.ts';
import { CONTROL_PLANE } from './control-plane.ts';
import { processesOf } from './processes.ts';
import type { Process } from './processes.ts';
import { nodeObjects } from './ready.ts';
import type { NodeObject } from './ready.ts';
import { addressesOf } from './family.ts';
import { clusterDir, clusterId, clustersRoot, nodeName, nodeNumbers } from './spec.ts';
import type { ClusterRecord } from './spec.ts';

const PROGRAMS: Readonly<Record<'controlPlane' | 'node', readonly string[]>> = {
  controlPlane: ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler'],
  node: ['containerd', 'kubelet', 'kube-proxy'],
};

export interface Status {
  text: string;
  /** Everything that should run does. */
  healthy: boolean;
}

/** Describes the cluster `name`. */
export async function status(name: string): Promise<Status> {
  const record = readRecord(name);
  const processes = processesOf(clusterId(name));
  if (record === undefined || processes.length === 0) return absent(name, processes);
  const cluster = new Cluster(record);
  const objects = new Map((await nodeObjects(cluster)).map((node) => [node.metadata.name, node]));
  const parts = [
    partStatus(CONTROL_PLANE, await versions(cluster), processes),
    ...nodeNumbers(record.nodes).map((n) =>
      partStatus(
        nodeName(n),
        `${addressesOf(record.family).node(n).join(' ')}, ${describe(objects.get(nodeName(n)))}`,
        processes,
      ),
    ),
  ];
  const lines = [
    `cluster ${name} (${clusterDir(name)})`,
    ...parts.flatMap((part) => part.lines),
    `kubectl: npm run cluster -- --name ${name} kubectl get pods -A`,
  ];
  return { text: lines.join('\n'), healthy: parts.every(({ complete }) => complete) };
}

function describe(node: NodeObject | undefined): string {
  if (node === undefined) return 'not registered';
  const ready = node.status.conditions?.find(({ type }) => type === 'Ready');
  const state = ready?.status === 'True' ? 'Ready' : `not Ready: ${ready?.message}`;
  return `${state}, kubelet ${node.status.nodeInfo?.kubeletVersion}`;
}

function absent(name: string, processes: readonly Process[]): Status {
  const others = existsSync(clustersRoot)
    ? readdirSync(clustersRoot).filter((entry) => readRecord(entry) !== undefined)
    : [];
  const lines = [`there is no cluster "${name}" that runs`];
  if (processes.length > 0)
    lines.push(`but ${processes.length} processes of it: npm run cluster -- down --name ${name}`);
  if (others.length > 0) lines.push(`state of clusters: ${others.join(' ')}`);
  return { text: lines.join('\n'), healthy: false };
}

function partStatus(
  part: string,
  about: string,
  processes: readonly Process[],
): { lines: string[]; complete: boolean } {
  const own = processes.filter((process) => process.part === part);
  const programs = part === CONTROL_PLANE ? PROGRAMS.controlPlane : PROGRAMS.node;
  const found = programs.map((program) => ({ program, process: own.find((process) => runs(process, program)) }));
  const lines = found.map(({ program, process }) =>
    process === undefined
      ? `    ${program.padEnd(26)}does not run`
      : `    ${program.padEnd(26)}pid ${String(process.pid).padEnd(8)}${memory(process.pid)} MB`,
  );
  return {
    complete: found.every(({ process }) => process !== undefined),
    lines: [`  ${part.padEnd(15)}${about}`, ...lines],
  };
}

async function versions(cluster: Cluster): Promise<string> {
  try {
    const { body } = await cluster.request('GET', '/version');
    return `Kubernetes ${(JSON.parse(body) as { gitVersion: string }).gitVersion}, ${debian(cluster.record)}`;
  } catch (error) {
    return `the API server does not answer: ${(error as Error).message}`;
  }
}

function debian(record: ClusterRecord): string {
  const text = readFileSync(`${record.lowers[0]}/var/lib/dpkg/status`, 'utf8');
  const version = (name: string): string =>
    new RegExp(`^Package: ${name}\\n(?:.+\\n)*?Version: (.+)$`, 'm').exec(text)?.[1] ?? '?';
  return ['etcd-server', 'containerd', 'runc', 'openvswitch-switch', 'ovn-central']
    .map((name) => `${name} ${version(name)}`)
    .join(', ');
}

/** Resident memory in MB. */
function memory(pid: number): number {
  const file = `/proc/${pid}/status`;
  const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
  return Math.round(Number(/^VmRSS:\s*(\d+)/m.exec(text)?.[1] ?? 0) / 1024);
}
