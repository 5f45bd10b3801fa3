// Starts programs by way of another one, `starter` (starter.c says why, and what the messages are): a call costs this process
// two messages instead of a fork. It is started with the agent, while there is little memory to copy, and ends with it.
import type { ChildProcessByStdio } from 'node:child_process';
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import type { Readable, Writable } from 'node:stream';
import { getSystemErrorName } from 'node:util';
import { CommandError, startHere } from './run.ts';
import type { Argv, Start } from './run.ts';

/** How a program has ended: `enum end` of starter.c. */
const EXITED = 0;
const NOT_STARTED = 2;

const WORD = 4;

interface Waiting {
  readonly argv: Argv;
  /** Does the same without the starter. */
  readonly here: () => Promise<string>;
  readonly resolve: (stdout: string) => void;
  readonly reject: (error: CommandError) => void;
}

export interface StarterOptions {
  /** Path of the program. */
  readonly program: string;
  readonly log: { warn(fields: object, message: string): void };
}

const signalNames = new Map(Object.entries(constants.signals).map(([name, number]) => [number, name]));

function request(id: number, argv: Argv, stdin: string, deadlineMs: number): Buffer {
  const words = Buffer.from(`${argv.join('\0')}\0`);
  const input = Buffer.from(stdin);
  const head = Buffer.alloc(5 * WORD);
  [head.length - WORD + words.length + input.length, id, deadlineMs, argv.length, input.length].forEach((value, at) =>
    head.writeUInt32LE(value, at * WORD),
  );
  return Buffer.concat([head, words, input]);
}

/** What is told of an end that is no success. */
function outcome(end: number, value: number, program: string): string {
  if (end === EXITED) return `exit status ${value}`;
  if (end === NOT_STARTED) return `spawn ${program} ${getSystemErrorName(-value)}`;
  return signalNames.get(value) ?? `signal ${value}`;
}

export class Starter {
  readonly #options: StarterOptions;
  readonly #waiting = new Map<number, Waiting>();
  #child: ChildProcessByStdio<Writable, Readable, null> | undefined;
  #unread: Buffer[] = [];
  /** Bytes in `#unread`, and how many of them make a message. */
  #size = 0;
  #wanted = WORD;
  #last = 0;
  /** It cannot be started at all: programs are started from here as long as the agent runs. */
  #missing = false;

  constructor(options: StarterOptions) {
    this.#options = options;
  }

  /** A `Start`: CommandError unless the program exits with 0, or when the starter ends first; the next call starts it anew. */
  readonly start: Start = (argv, stdin, deadlineMs) => {
    if (this.#missing) return startHere(argv, stdin, deadlineMs);
    // A word with a NUL in it would be two: no program can be given one.
    if (argv.some((word) => word.includes('\0')))
      return Promise.reject(new CommandError(argv, 'a NUL in its arguments', ''));
    const child = this.#running();
    const id = (this.#last = (this.#last + 1) >>> 0);
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { argv, here: () => startHere(argv, stdin, deadlineMs), resolve, reject });
      child.stdin.write(request(id, argv, stdin, deadlineMs));
    });
  };

  /** Starts it before it is needed. */
  prepare(): void {
    this.#running();
  }

  /** Ends it, and with it what still runs. */
  stop(): void {
    this.#child?.stdin.end();
  }

  #running(): ChildProcessByStdio<Writable, Readable, null> {
    if (this.#child !== undefined) return this.#child;
    const { program, log } = this.#options;
    const child = spawn(program, [], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#child = child;
    child.on('error', (error) => {
      log.warn({ program, error: error.message }, 'the program that starts others cannot be started: it goes without');
      this.#doWithout();
    });
    child.on('close', (code, signal) => this.#ended(signal ?? `exit status ${code}`));
    child.stdin.on('error', () => undefined);
    child.stdout.on('data', (chunk: Buffer) => this.#read(chunk));
    return child;
  }

  #read(chunk: Buffer): void {
    this.#unread.push(chunk);
    this.#size += chunk.length;
    // A long answer comes in many pieces: they are put together once.
    if (this.#size < this.#wanted) return;
    let bytes = Buffer.concat(this.#unread);
    let wanted = WORD;
    while (bytes.length >= wanted) {
      wanted = WORD + bytes.readUInt32LE(0);
      if (bytes.length < wanted) break;
      this.#answer(bytes.subarray(WORD, wanted));
      bytes = bytes.subarray(wanted);
      wanted = WORD;
    }
    this.#unread = [bytes];
    this.#size = bytes.length;
    this.#wanted = wanted;
  }

  #answer(message: Buffer): void {
    const [id = 0, end = 0, value = 0, size = 0] = [0, 1, 2, 3].map((at) => message.readUInt32LE(at * WORD));
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (waiting === undefined) return;
    const output = message.subarray(4 * WORD);
    if (end === EXITED && value === 0) return waiting.resolve(output.toString('utf8', 0, size));
    const { argv, reject } = waiting;
    reject(new CommandError(argv, outcome(end, value, argv[0]), output.toString('utf8', size)));
  }

  /** What was asked for has not begun: it begins here. */
  #doWithout(): void {
    this.#missing = true;
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { here, resolve, reject } of waiting) here().then(resolve, reject);
  }

  #ended(how: string): void {
    this.#child = undefined;
    this.#unread = [];
    this.#size = 0;
    this.#wanted = WORD;
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { argv, reject } of waiting) reject(new CommandError(argv, `the starter ended (${how})`, ''));
  }
}
