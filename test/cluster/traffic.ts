/** Packets between pods of a running cluster: who reaches whom, and what a connection feels while things are restarted. */
import type { Cluster } from './cluster.ts';
import { CommandFailed } from './exec.ts';
import { waitFor } from './wait.ts';

/** A running pod as traffic needs it. */
export interface Pod {
  readonly name: string;
  readonly namespace: string;
  /** Of the cluster's first family, and of each. */
  readonly ip: string;
  readonly ips: readonly string[];
  readonly node: string;
  readonly uid: string;
  readonly ready: boolean;
}

interface PodObject {
  metadata: { name: string; namespace: string; uid: string; deletionTimestamp?: string };
  spec: { nodeName?: string };
  status: { podIP?: string; podIPs?: { ip: string }[]; conditions?: { type: string; status: string }[] };
}

/** The pods that a selector matches and that are not being deleted, by name. */
export async function pods(cluster: Cluster, namespace: string, selector: string): Promise<Pod[]> {
  const text = await cluster.kubectl([
    '--namespace',
    namespace,
    'get',
    'pods',
    '--selector',
    selector,
    '--output=json',
  ]);
  const { items } = JSON.parse(text) as { items: PodObject[] };
  return items
    .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    .map(({ metadata, spec, status }) => ({
      name: metadata.name,
      namespace: metadata.namespace,
      uid: metadata.uid,
      ip: status.podIP ?? '',
      ips: (status.podIPs ?? []).map(({ ip }) => ip),
      node: spec.nodeName ?? '',
      ready: status.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True') === true,
    }))
    .toSorted((a, b) => a.name.localeCompare(b.name));
}

/** Waits until the selector matches exactly `count` pods and all are ready. */
export async function readyPods(
  cluster: Cluster,
  namespace: string,
  selector: string,
  { count, limitMs = 60_000 }: { count: number; limitMs?: number },
): Promise<Pod[]> {
  let seen: Pod[] = [];
  const look = async (): Promise<Pod[] | undefined> => {
    seen = await pods(cluster, namespace, selector);
    return seen.length === count && seen.every(({ ready }) => ready) ? seen : undefined;
  };
  const explain = (): Promise<string> =>
    cluster.kubectl(['--namespace', namespace, 'describe', 'pods', '--selector', selector]);
  return waitFor(look, { what: `${count} ready pods with ${selector}`, limitMs, everyMs: 200, explain });
}

const inPod = (pod: Pod, argv: readonly string[]): string[] => [
  '--namespace',
  pod.namespace,
  'exec',
  pod.name,
  '--',
  ...argv,
];

/** Runs a program in a pod; resolves with its output, rejects with `CommandFailed`. */
export const exec = (cluster: Cluster, pod: Pod, argv: readonly string[]): Promise<string> =>
  cluster.kubectl(inPod(pod, argv));

/** An address in a URL. */
const host = (ip: string): string => (ip.includes(':') ? `[${ip}]` : ip);

/** What `from` fails to reach of the others by ping and by HTTP; empty when all answers are as they should be. */
export async function unreachable(cluster: Cluster, from: Pod, to: readonly Pod[]): Promise<string[]> {
  const script = to
    .map(
      ({ ip, name }) =>
        `ping -c1 -W2 ${ip} >/dev/null || echo "ping ${name} (${ip})"; ` +
        `answer=$(curl -sS -m 3 http://${host(ip)}:8080/ 2>&1); [ "$answer" = "${name}" ] || echo "http ${name} (${ip}): $answer"`,
    )
    .join('\n');
  const output = await exec(cluster, from, ['bash', '-c', script]);
  return output
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => `${from.name} on ${from.node} -> ${line}`);
}

/** The pods as many times as they have addresses, with one as `ip` each. */
export const everyAddress = (all: readonly Pod[]): Pod[] => all.flatMap((pod) => pod.ips.map((ip) => ({ ...pod, ip })));

/** All pairs, each pod to itself too, all at once; what failed. A pod may be there several times, with other addresses. */
export async function matrix(cluster: Cluster, all: readonly Pod[]): Promise<string[]> {
  const senders = new Map(all.map((pod) => [pod.uid, pod])).values();
  return (await Promise.all([...senders].map((pod) => unreachable(cluster, pod, all)))).flat();
}

/** What a flow felt, as the test image's `client` tells it. */
export interface Flow {
  readonly sent: number;
  readonly received: number;
  readonly lost: number;
  readonly longestGapMs: number;
  readonly connected: boolean;
  readonly error?: string;
}

export interface Traffic {
  /** Ends the flow and tells what it felt. Rejects when the client gave no account of it. */
  stop(): Promise<Flow>;
}

/** Starts a TCP connection (or UDP flow) from one pod to another, ten counters a second, and returns once it flows. */
export async function traffic(
  cluster: Cluster,
  [from, to]: readonly [Pod, Pod],
  { udp = false, intervalMs = 100 }: { udp?: boolean; intervalMs?: number } = {},
): Promise<Traffic> {
  const kind = udp ? ['-u'] : [];
  const port = udp ? '8082' : '8081';
  const client = ['client', ...kind, '-i', String(intervalMs), '-d', '600', to.ip, port];
  const file = `/tmp/flow-${to.ip}-${port}-${performance.now().toFixed(0)}`;
  // The client belongs to the pod, not to the stream of `kubectl exec`: that breaks when the API server is restarted.
  const script = `${client.join(' ')} >${file} 2>&1 & echo $! >${file}.pid`;
  await exec(cluster, from, ['bash', '-c', script]);
  const pid = (await exec(cluster, from, ['cat', `${file}.pid`])).trim();
  await exec(cluster, from, ['bash', '-c', `kill -0 ${pid} || { cat ${file}; exit 1; }`]);
  return {
    async stop() {
      await exec(cluster, from, ['bash', '-c', `kill -TERM ${pid} 2>/dev/null; true`]);
      const account = await waitFor(async () => /^\{.*\}$/m.exec(await exec(cluster, from, ['cat', file]))?.[0], {
        what: `the account of a flow from ${from.name} to ${to.name}`,
        limitMs: 10_000,
        everyMs: 100,
      });
      return JSON.parse(account) as Flow;
    },
  };
}

/** `traffic` to each address of the other pod; what each flow felt. */
export async function trafficOfEach(
  cluster: Cluster,
  [from, to]: readonly [Pod, Pod],
  options: { udp?: boolean; intervalMs?: number } = {},
): Promise<{ stop(): Promise<Flow[]> }> {
  const flows = await Promise.all(everyAddress([to]).map((end) => traffic(cluster, [from, end], options)));
  return { stop: () => Promise.all(flows.map((flow) => flow.stop())) };
}

/** The words of a failed command, for people. */
export const words = (error: unknown): string =>
  error instanceof CommandFailed ? error.stderr.trim() || error.message : String(error);
