/**
 * Which processes belong to a cluster. The kernel is the record: every process we start carries the cluster's id in its
 * environment from its first instruction on, so nothing that runs can be forgotten by a crash between starting and noting.
 */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** Environment variables: the cluster's id, and the part (`n1`, `control-plane`) of those that start one. */
export const CLUSTER_MARK = 'KUBELOOM_CLUSTER_ID';
export const PART_MARK = 'KUBELOOM_PART';

/** A process as the machine sees it. */
export interface Process {
  pid: number;
  part: string | undefined;
  /** Process 1 of a pid namespace directly below the machine's. */
  init: boolean;
  command: string;
}

/** Processes with the mark of cluster `id`, ourselves and our parents excepted. */
export function processesOf(id: string): Process[] {
  const own = ancestors();
  const found: Process[] = [];
  for (const entry of readdirSync('/proc')) {
    const pid = Number(entry);
    if (!Number.isInteger(pid) || own.has(pid)) continue;
    const process = describe(pid, id);
    if (process !== undefined) found.push(process);
  }
  return found;
}

/** The pid, as the machine sees it, of process 1 of a part; undefined when it doesn't run. */
export function initOf(id: string, part: string): number | undefined {
  return processesOf(id).find((process) => process.init && process.part === part)?.pid;
}

/**
 * Kills with SIGKILL until no process of the cluster (or of one part) is left, and waits until each is really gone: process 1
 * of a namespace ends only after everything in its namespace has. Throws after `limitMs`.
 */
export async function killAll(id: string, part?: string, limitMs = 30_000): Promise<void> {
  const end = performance.now() + limitMs;
  const seen = new Map<number, string>();
  for (;;) {
    const found = processesOf(id).filter((process) => part === undefined || process.part === part);
    for (const { pid, command } of found) {
      seen.set(pid, command);
      kill(pid);
    }
    const left = [...seen].filter(([pid]) => !gone(pid));
    if (found.length === 0 && left.length === 0) return;
    if (performance.now() > end) {
      throw new Error(
        `still there ${limitMs / 1000} s after SIGKILL:\n${left.map((each) => each.join(' ')).join('\n')}`,
      );
    }
    await delay(20);
  }
}

/** SIGKILL; a process that is gone already is fine. */
export function kill(pid: number, signal: NodeJS.Signals = 'SIGKILL'): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Not there, or a zombie that its parent has yet to reap. */
export const gone = (pid: number): boolean =>
  !existsSync(`/proc/${pid}`) || /^State:\s*[ZX]/m.test(read(`/proc/${pid}/status`));

function describe(pid: number, id: string): Process | undefined {
  const environment = read(`/proc/${pid}/environ`).split('\0');
  if (!environment.includes(`${CLUSTER_MARK}=${id}`) || gone(pid)) return undefined;
  const part = environment.find((line) => line.startsWith(`${PART_MARK}=`))?.slice(PART_MARK.length + 1);
  const pids =
    /^NSpid:(.*)$/m
      .exec(read(`/proc/${pid}/status`))?.[1]
      ?.trim()
      .split(/\s+/) ?? [];
  const command = read(`/proc/${pid}/cmdline`).split('\0').join(' ').trim();
  return { pid, part, init: pids.length === 2 && pids[1] === '1', command };
}

function ancestors(): Set<number> {
  const found = new Set<number>();
  for (let pid = process.pid; pid > 0 && !found.has(pid);) {
    found.add(pid);
    pid = Number(/^PPid:\s*(\d+)$/m.exec(read(`/proc/${pid}/status`))?.[1] ?? 0);
  }
  return found;
}

/** Text of a file of /proc; empty when the process ended meanwhile. */
function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
