// Child processes: the node's own tools, few at a time, each with a deadline.
import { spawn } from 'node:child_process';

/** A program that failed; `stderr` is what it said, for people. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly argv: readonly string[];
  /** `exit status N`, a signal, or why it could not be started. */
  readonly outcome: string;
  readonly stderr: string;

  constructor(argv: readonly string[], outcome: string, stderr: string) {
    super(`${argv.join(' ')}: ${outcome}${stderr.trim() === '' ? '' : `: ${stderr.trim()}`}`);
    this.argv = argv;
    this.outcome = outcome;
    this.stderr = stderr.trim();
  }
}

export type Argv = readonly [string, ...string[]];

/** Runs a program with `stdin`, gives its standard output; CommandError unless it exits with 0. */
export type Run = (argv: Argv, stdin?: string) => Promise<string>;

/** More output than this is no output of the tools that we run. */
const MAX_OUTPUT = 64 << 20;

/** Runs a program at once; it is killed after `deadlineMs`. */
export type Start = (argv: Argv, stdin: string, deadlineMs: number) => Promise<string>;

/** A `Start` by a fork of this process. */
export const startHere: Start = (argv, stdin, deadlineMs) =>
  new Promise((resolve, reject) => {
    const [program, ...rest] = argv;
    const child = spawn(program, rest, {
      stdio: ['pipe', 'pipe', 'pipe'],
      timeout: deadlineMs,
      killSignal: 'SIGKILL',
    });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    let size = 0;
    const keep = (list: Buffer[], chunk: Buffer): void => {
      size += chunk.length;
      if (size <= MAX_OUTPUT) list.push(chunk);
      else child.kill('SIGKILL');
    };
    child.stdout.on('data', (chunk: Buffer) => keep(out, chunk));
    child.stderr.on('data', (chunk: Buffer) => keep(err, chunk));
    // A program may end before it has read its input; its exit status tells.
    child.stdin.on('error', () => undefined);
    child.on('error', (error) => reject(new CommandError(argv, error.message, '')));
    child.on('close', (code, signal) => {
      if (code === 0) return resolve(Buffer.concat(out).toString());
      reject(new CommandError(argv, signal ?? `exit status ${code}`, Buffer.concat(err).toString()));
    });
    child.stdin.end(stdin);
  });

export interface RunOptions {
  /** Processes at the same moment; more wait for their turn. */
  readonly atOnce: number;
  /** Milliseconds after which a process is killed. */
  readonly deadlineMs: number;
  /** Told of each process. */
  readonly started?: (argv: Argv) => void;
  readonly start?: Start;
}

/** A `Run` with a bound on what runs at once, served in the order of the calls. */
export function boundedRun({ atOnce, deadlineMs, started, start = startHere }: RunOptions): Run {
  const queue: (() => void)[] = [];
  let running = 0;
  return async (argv, stdin = '') => {
    if (running >= atOnce) await new Promise<void>((turn) => queue.push(turn));
    else running += 1;
    started?.(argv);
    try {
      return await start(argv, stdin, deadlineMs);
    } finally {
      const next = queue.shift();
      if (next === undefined) running -= 1;
      else next();
    }
  };
}
