/** Which process is bringing a cluster up, so that `down` can end it first. */
import { readFileSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gone, kill } from './processes.ts';
import { clusterDir } from './spec.ts';
import { waitFor } from './wait.ts';

const file = (name: string): string => join(clusterDir(name), 'up.pid');

/** Runs `work` while the cluster's folder names us as the one who brings it up. */
export async function asUp<T>(name: string, work: () => Promise<T>): Promise<T> {
  await mkdir(clusterDir(name), { recursive: true });
  await writeFile(file(name), `${process.pid} ${startTime(process.pid)}\n`);
  try {
    return await work();
  } finally {
    await rm(file(name), { force: true });
  }
}

/** Kills an `up` that is still at work, unless that is ourselves. */
export async function stopRunningUp(name: string): Promise<void> {
  const [pid, started] = text(file(name)).trim().split(' ').map(Number);
  if (pid === undefined || Number.isNaN(pid) || pid === 0 || pid === process.pid) return;
  // A pid alone could belong to somebody else by now.
  if (startTime(pid) !== started) return;
  kill(pid);
  await waitFor(() => gone(pid), { what: `the end of "up" (process ${pid})`, limitMs: 10_000 });
}

/** When a process started, in clock ticks since boot (proc_pid_stat(5), field 22); NaN when there is none. */
function startTime(pid: number): number {
  const stat = text(`/proc/${pid}/stat`);
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]);
}

function text(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
