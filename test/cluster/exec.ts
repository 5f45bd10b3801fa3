/**
 * Runs other programs for the test cluster: always with a deadline, always with an error that says what ran, how it ended
 * and where its output is. Nothing else under test/cluster calls node:child_process, but for programs that outlive us or that
 * we converse with.
 */
import { spawn } from 'node:child_process';
import type { ChildProcessByStdio, ChildProcessWithoutNullStreams } from 'node:child_process';
import { createReadStream, createWriteStream, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

export interface RunOptions {
  /** Given to the program's standard input, which is closed afterwards. */
  input?: string | Buffer;
  /** A file that is streamed to the standard input instead (image tars are too large for a string). */
  inputFile?: string;
  /** Added to our own environment. */
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  /** All output is appended to this file as well; errors then name it. */
  log?: string;
  /** Milliseconds; default two minutes. The program is killed when they are over. */
  timeoutMs?: number;
  /** Called with each line of output as it appears. */
  onLine?: (line: string) => void;
}

export interface Output {
  stdout: string;
  stderr: string;
}

/** A program that could not be started, ended with another code than 0, or missed its deadline (code null). */
export class CommandFailed extends Error {
  readonly argv: readonly string[];
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;

  constructor(
    argv: readonly string[],
    outcome: Output & { code: number | null; why: string; log?: string | undefined },
  ) {
    const tail = (outcome.stderr.trim() || outcome.stdout.trim()).split('\n').slice(-12).join('\n');
    const where = outcome.log === undefined ? '' : `\nwhole output: ${outcome.log}`;
    super(`${shorten(argv.join(' '))}: ${outcome.why}${tail === '' ? '' : `\n${tail}`}${where}`);
    this.name = 'CommandFailed';
    this.argv = argv;
    this.code = outcome.code;
    this.stdout = outcome.stdout;
    this.stderr = outcome.stderr;
  }
}

const shorten = (text: string): string => (text.length > 300 ? `${text.slice(0, 300)} ...` : text);

/** Runs argv[0] with its arguments; resolves with what it printed, rejects with `CommandFailed`. */
export async function run(argv: readonly string[], options: RunOptions = {}): Promise<Output> {
  const [program, ...args] = argv;
  if (program === undefined) throw new Error('run: nothing to run');
  const child = spawn(program, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const output = collect(child, options);
  const fed = feed(child, options);
  const limit = options.timeoutMs ?? 120_000;
  const outcome = await ending(child, limit);
  await fed;
  const printed = await output;
  if (outcome.code === 0) return printed;
  throw new CommandFailed(argv, { ...printed, ...outcome, log: options.log });
}

/** Like `run`, but an exit code is an answer and not an error; `code` is null when it missed its deadline. */
export async function attempt(
  argv: readonly string[],
  options: RunOptions = {},
): Promise<Output & { code: number | null }> {
  try {
    return { code: 0, ...(await run(argv, options)) };
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    return { code: error.code, stdout: error.stdout, stderr: error.stderr || error.message };
  }
}

async function ending(
  child: ChildProcessWithoutNullStreams,
  limit: number,
): Promise<{ code: number | null; why: string }> {
  const { promise, resolve } = Promise.withResolvers<{ code: number | null; why: string }>();
  const timer = setTimeout(() => {
    child.kill('SIGKILL');
    resolve({ code: null, why: `not done after ${limit / 1000} s, killed` });
    // A grandchild can hold the pipes open after the kill.
    child.stdout.destroy();
    child.stderr.destroy();
  }, limit);
  child.once('error', (error) => resolve({ code: 127, why: error.message }));
  child.once('close', (code, signal) =>
    resolve(code === null ? { code: 128, why: `ended by ${signal}` } : { code, why: `exit code ${code}` }),
  );
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
  }
}

async function collect(child: ChildProcessByStdio<Writable, Readable, Readable>, options: RunOptions): Promise<Output> {
  if (options.log !== undefined) mkdirSync(dirname(options.log), { recursive: true });
  const log = options.log === undefined ? undefined : createWriteStream(options.log, { flags: 'a' });
  const reading = async (stream: Readable): Promise<string> => {
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      log?.write(chunk);
    });
    const { promise, resolve } = Promise.withResolvers<void>();
    stream.once('close', resolve);
    stream.once('error', () => resolve());
    await promise;
    return Buffer.concat(chunks).toString('utf8');
  };
  if (options.onLine !== undefined) {
    for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on('line', options.onLine);
  }
  const [stdout, stderr] = await Promise.all([reading(child.stdout), reading(child.stderr)]);
  log?.end();
  return { stdout, stderr };
}

async function feed(child: ChildProcessWithoutNullStreams, options: RunOptions): Promise<void> {
  try {
    if (options.inputFile === undefined) {
      child.stdin.on('error', () => {});
      child.stdin.end(options.input ?? '');
    } else {
      await pipeline(createReadStream(options.inputFile), child.stdin);
    }
  } catch (error) {
    // A program that stops reading early tells more by its exit code than EPIPE does; a file we can't read is our error.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw error;
  }
}
