// Events of the node: `ip monitor` tells when links, addresses or routes that concern us change, whoever did it.
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

export interface NodeWatchOptions {
  /** Names of links; lines about others, such as every pod's, wake nobody. */
  readonly links: () => readonly string[];
  readonly changed: () => void;
  readonly setTimeout: (callback: () => void, ms: number) => unknown;
  readonly clearTimeout: (timer: unknown) => void;
  readonly log: { warn(fields: object, message: string): void };
}

const PAUSE = 1000;

/** Whether a line of `ip -o monitor` is about one of the links. */
export function concerns(line: string, links: readonly string[]): boolean {
  const words = line.split(/[\s:@\\]+/);
  return links.some((name) => words.includes(name));
}

export class NodeWatch {
  readonly #options: NodeWatchOptions;
  #child: ChildProcess | undefined;
  #timer: unknown;
  #stopped = false;

  constructor(options: NodeWatchOptions) {
    this.#options = options;
  }

  start(): void {
    const child = spawn('ip', ['-o', 'monitor', 'link', 'address', 'route'], { stdio: ['ignore', 'pipe', 'ignore'] });
    this.#child = child;
    child.on('error', (error) => this.#options.log.warn({ error: error.message }, 'ip monitor cannot be started'));
    child.on('close', () => this.#closed());
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (concerns(line, this.#options.links())) this.#options.changed();
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#options.clearTimeout(this.#timer);
    this.#child?.kill();
  }

  /** What happened meanwhile is unknown. */
  #closed(): void {
    if (this.#stopped) return;
    this.#timer = this.#options.setTimeout(() => {
      this.start();
      this.#options.changed();
    }, PAUSE);
  }
}
