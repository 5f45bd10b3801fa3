/**
 * Starts the parts of a cluster (the control plane, each node): a shell script as process 1 of fresh namespaces. A part
 * outlives the program that started it, and dies as a whole with its process 1.
 */
import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { CLUSTER_MARK, PART_MARK, initOf } from './processes.ts';
import type { ClusterRecord } from './spec.ts';
import { waitFor } from './wait.ts';

export interface PartSpec {
  /** `n1`, `control-plane`. */
  part: string;
  /** Namespaces as unshare(1) calls them: `net`, `pid`, ... */
  namespaces: readonly string[];
  /** Script beside this file. */
  script: string;
  env: Readonly<Record<string, string>>;
  /** cgroup.procs files that process 1 writes itself into before its cgroup namespace is made. */
  cgroups: readonly string[];
  log: string;
}

// A cgroup namespace is rooted where the process stands when it is made: first the cgroups, then unshare.
const LAUNCH = 'for file in $CGROUP_PROCS; do echo $$ > "$file" || exit 1; done; unset CGROUP_PROCS; exec "$@"';
const SEARCH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** A part that runs: its launcher and its process 1, as pids of the machine. */
export interface RunningPart {
  launcher: number;
  init: number;
}

/** Starts a part and waits until its process 1 exists. */
export async function startPart(record: ClusterRecord, spec: PartSpec): Promise<RunningPart> {
  mkdirSync(dirname(spec.log), { recursive: true });
  const log = openSync(spec.log, 'a');
  const namespaces = spec.namespaces.map((name) => `--${name}`);
  const program = ['unshare', ...namespaces, '--fork', '--kill-child', 'bash', join(import.meta.dirname, spec.script)];
  const child = spawn('sh', ['-c', LAUNCH, spec.part, ...program], {
    detached: true,
    stdio: ['ignore', log, log],
    cwd: '/',
    // Nothing of the caller's environment: a node is the same whoever starts it.
    env: {
      ...spec.env,
      PATH: SEARCH,
      CGROUP_PROCS: spec.cgroups.join(' '),
      [CLUSTER_MARK]: record.id,
      [PART_MARK]: spec.part,
    },
  });
  closeSync(log);
  let ended: string | undefined;
  child.once('error', (error) => (ended = error.message));
  child.once('exit', (code, signal) => (ended = `ended with ${signal ?? code}`));
  child.unref();
  const init = await waitFor(
    () => {
      if (ended !== undefined)
        throw new Error(`${spec.part} did not start: ${ended}\n${tail(spec.log)}\nlog: ${spec.log}`);
      return initOf(record.id, spec.part);
    },
    { what: `process 1 of ${spec.part}`, limitMs: 20_000, explain: () => tail(spec.log) },
  );
  return { launcher: child.pid ?? 0, init };
}

/** Last lines of a log; a short excuse when there is none. */
export function tail(file: string, lines = 12): string {
  try {
    return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
  } catch {
    return `(no log at ${file})`;
  }
}
