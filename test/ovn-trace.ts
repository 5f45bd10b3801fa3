// ovn-trace as a process that answers on a socket: a packet costs a millisecond or two there, and 20 by itself. It has
// read the southbound database once, when it started, and has been told then what connection tracking says: one state
// for each time that it is asked, of all packets together.
import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { FrameReader } from '../lib/ovsdb/index.ts';
import { eventually } from './eventually.ts';
import type { OvnCentral } from './ovn-central.ts';

const run = promisify(execFile);

/** States that a process has. */
const answers = 3000;

interface Answer {
  readonly id: number;
  readonly result?: string | null;
  readonly error?: unknown;
}

/** One process. */
class Tracer {
  readonly #process: ChildProcess;
  readonly #socket: Socket;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #next = 0;

  private constructor(process: ChildProcess, socket: Socket) {
    this.#process = process;
    this.#socket = socket;
    const reader = new FrameReader(1 << 26, (message) => this.#answered(message as Answer));
    socket.on('data', (chunk) => reader.push(chunk as Buffer));
    socket.on('close', () => {
      for (const id of this.#waiting.keys()) this.#answered({ id, error: ended });
    });
  }

  /** undefined when it has not survived the reading of the database. */
  static async start(ovn: OvnCentral, state: string): Promise<Tracer | undefined> {
    const control = join(ovn.nb.directory, `trace-${randomUUID()}.ctl`);
    const ready = `${control}.ready`;
    const trace = ovn.command('/usr/bin/ovn-trace', [
      `--db=${ovn.sb.remote}`,
      `--unixctl=${control}`,
      ...Array.from({ length: answers }, () => `--ct=${state}`),
      '--detach',
      '--no-chdir',
      '-voff',
    ]);
    // What detaches lives in a process namespace of its own, which the kernel ends with this process.
    const script = ['sh', '-c', `"$@" && touch ${ready} && exec sleep infinity`, 'sh', ...trace];
    const process = spawn('setpriv', ['--pdeathsig', 'KILL', 'unshare', '--pid', '--fork', '--kill-child', ...script], {
      env: { OVS_RUNDIR: ovn.nb.directory, OVN_RUNDIR: ovn.nb.directory },
      stdio: 'ignore',
    });
    await eventually(() => existsSync(ready) || process.exitCode !== null, { what: 'ovn-trace to listen' });
    if (process.exitCode !== null) return undefined;
    const socket = createConnection(control);
    await once(socket, 'connect');
    return new Tracer(process, socket);
  }

  async call(method: string, params: readonly string[]): Promise<Answer> {
    const id = this.#next++;
    if (this.#socket.destroyed) return { id, error: ended };
    const answer = new Promise<Answer>((resolve) => this.#waiting.set(id, resolve));
    this.#socket.write(JSON.stringify({ id, method, params }));
    return await answer;
  }

  #answered(answer: Answer): void {
    this.#waiting.get(answer.id)?.(answer);
    this.#waiting.delete(answer.id);
  }

  async stop(): Promise<void> {
    this.#socket.destroy();
    if (this.#process.exitCode !== null) return;
    const exit = once(this.#process, 'exit');
    this.#process.kill('SIGKILL');
    await exit;
  }
}

const ended = 'the process has ended';

export class OvnTrace {
  readonly #tracer: Tracer;

  private constructor(tracer: Tracer) {
    this.#tracer = tracer;
  }

  /** For the southbound database as it is, with one state of connections (`--ct`) for all; end it with `stop`. */
  static async start(ovn: OvnCentral, state: string): Promise<OvnTrace> {
    for (let tries = 20; tries > 0; tries--) {
      const tracer = await Tracer.start(ovn, state);
      if (tracer !== undefined) return new OvnTrace(tracer);
      // ovn-trace 25.03 ends with a segmentation fault now and then while it reads the database.
    }
    throw new Error('ovn-trace does not start');
  }

  /** What becomes of a packet, in detail; undefined when the process has not survived it. */
  async trace(...params: readonly [datapath: string, packet: string]): Promise<string | undefined> {
    const { result, error } = await this.#tracer.call('trace', params);
    if (error === ended) return undefined;
    if (typeof result !== 'string') throw new Error(`ovn-trace: ${String(error)} for ${params.join(' ')}`);
    if (result.includes('use --ct to customize')) throw new Error('no state of connections is left');
    return result;
  }

  async stop(): Promise<void> {
    await this.#tracer.stop();
  }
}

/** One packet by itself, with the states of connections that it finds one after the other. */
export async function traceOnce(
  ovn: OvnCentral,
  states: readonly string[],
  ...params: readonly [datapath: string, packet: string]
): Promise<string> {
  const flags = states.map((state) => `--ct=${state}`);
  const [program, ...args] = ovn.command('/usr/bin/ovn-trace', [`--db=${ovn.sb.remote}`, '-voff', ...flags, ...params]);
  for (let tries = 20; ; tries--) {
    try {
      return (await run(program, args)).stdout;
    } catch (error) {
      if ((error as { signal?: string }).signal !== 'SIGSEGV' || tries === 0) throw error;
    }
  }
}
