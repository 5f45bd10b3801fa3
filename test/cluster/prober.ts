/** Connections from a pod, many at once: which are answered, and by whom. */
import { spawn } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Cluster } from './cluster.ts';
import type { Pod } from './traffic.ts';

export interface Probe {
  readonly protocol: 'tcp' | 'udp';
  readonly ip: string;
  readonly port: number;
}

/**
 * The test image's `prober` in one pod, started once and asked as often as wanted: a start costs more than a few hundred
 * connections. It ends with the cluster at the latest.
 */
export class Prober {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;
  #said = '';

  constructor(cluster: Cluster, { namespace, name }: Pick<Pod, 'namespace' | 'name'>) {
    const argv = cluster.kubectlArgv(['--namespace', namespace, 'exec', '--stdin', name, '--', 'prober']);
    const [program = '', ...args] = argv;
    this.#child = spawn(program, args, { env: { ...process.env, ...cluster.mark }, stdio: 'pipe' });
    this.#child.stderr.on('data', (data: Buffer) => (this.#said += data.toString()));
    // What it ended of is told by its missing answers.
    this.#child.stdin.on('error', () => undefined);
    this.#child.on('error', ({ message }) => (this.#said += message));
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  /** The host that answered each, undefined when none did within some 1.2 s. Wait for the answer before asking again. */
  async ask(probes: readonly Probe[]): Promise<(string | undefined)[]> {
    this.#child.stdin.write(`${probes.map(({ protocol, ip, port }) => `${protocol} ${ip} ${port}\n`).join('')}\n`);
    const answers: (string | undefined)[] = [];
    while (answers.length < probes.length) {
      const { value, done } = await this.#lines.next();
      if (done) throw new Error(`a prober ended: ${this.#said}`);
      answers.push(value === '-' ? undefined : value);
    }
    return answers;
  }

  /** Ends it. */
  close(): void {
    this.#child.stdin.end();
  }
}
