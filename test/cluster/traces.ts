/** What a cluster leaves on the machine, looked for without trusting the code that made it. For tests of `down`. */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { machineHierarchies } from './cgroups.ts';
import { run } from './exec.ts';
import { gone } from './processes.ts';
import { clusterDir, clusterId } from './spec.ts';

/** Everything that belongs to the cluster `name` and can be seen from outside; empty when it is gone. */
export function tracesOf(name: string): string[] {
  const marks = [clusterId(name), `${clusterDir(name)}/`];
  const cgroups = machineHierarchies().map(({ path }) => join(path, clusterId(name)));
  const state = existsSync(clusterDir(name)) ? [`state ${clusterDir(name)}`] : [];
  return [
    ...cgroups.filter((path) => existsSync(path)).map((path) => `cgroup ${path}`),
    ...processesWith(marks),
    ...state,
  ];
}

/**
 * Processes, those in pods included, that name one of the marks anywhere: arguments, environment, cgroups, mounts. What has
 * ended and waits for the machine's init to take note of it doesn't count.
 */
function processesWith(marks: readonly string[]): string[] {
  return readdirSync('/proc')
    .filter((pid) => /^\d+$/.test(pid) && Number(pid) !== process.pid && !gone(Number(pid)))
    .filter((pid) => {
      const text = ['cmdline', 'environ', 'cgroup', 'mountinfo'].map((file) => read(`/proc/${pid}/${file}`)).join('\n');
      return marks.some((mark) => text.includes(mark));
    })
    .map((pid) => `process ${pid} ${read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').slice(0, 100)}`);
}

/**
 * The parts of the machine that no cluster may change: mounts, and in its own network namespace links, routes, rules. Named
 * network namespaces are left out: clusters have none, and other tests that run at the same time do.
 */
export async function machineState(): Promise<Record<string, string>> {
  const ip = async (...args: string[]): Promise<string> => (await run(['ip', '-o', ...args])).stdout;
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  return {
    mounts: mounts.filter((line) => !line.includes(' /run/netns')).join('\n'),
    links: (await ip('link')).replaceAll(/\\.*$/gm, ''),
    addresses: (await ip('addr')).replaceAll(/\\.*$/gm, ''),
    routes: await ip('route', 'show', 'table', 'all'),
    rules: await ip('rule'),
    forwarding: read('/proc/sys/net/ipv4/ip_forward'),
  };
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
