// A program that runs as long as the agent and tells by lines that something has changed. When it ends, what happened
// meanwhile is unknown: whoever listens is told so, and it is started again.
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Argv } from './run.ts';

export interface Surveyed {
  readonly setTimeout: (callback: () => void, ms: number) => unknown;
  readonly clearTimeout: (timer: unknown) => void;
  readonly log: { warn(fields: object, message: string): void };
}

export interface ChildWatchOptions extends Surveyed {
  readonly argv: Argv;
  readonly line: (text: string) => void;
  /** It has ended; called when it is started again. */
  readonly missed: () => void;
}

const PAUSE = 1000;

export class ChildWatch {
  readonly #options: ChildWatchOptions;
  #child: ChildProcess | undefined;
  #timer: unknown;
  #stopped = false;
  #told = false;

  constructor(options: ChildWatchOptions) {
    this.#options = options;
  }

  start(): void {
    const [program, ...rest] = this.#options.argv;
    // Its standard input ends with this process, however that ends.
    const child = spawn(program, rest, { stdio: ['pipe', 'pipe', 'ignore'] });
    this.#child = child;
    child.on('error', (error) => this.#tell(error.message));
    child.on('close', (code) => this.#closed(code));
    child.stdin.on('error', () => undefined);
    createInterface({ input: child.stdout }).on('line', (line) => this.#options.line(line));
  }

  /** On its standard input; what one that has ended was told is not told to the next. */
  say(text: string): void {
    this.#child?.stdin?.write(text);
  }

  stop(): void {
    this.#stopped = true;
    this.#options.clearTimeout(this.#timer);
    this.#child?.kill();
  }

  /** Once: a program that is missing is missing every second. */
  #tell(error: string): void {
    if (!this.#told) this.#options.log.warn({ program: this.#options.argv[0], error }, 'a program that watches fails');
    this.#told = true;
  }

  #closed(code: number | null): void {
    if (this.#stopped) return;
    this.#tell(`exit status ${code}`);
    this.#timer = this.#options.setTimeout(() => {
      this.start();
      this.#options.missed();
    }, PAUSE);
  }
}
