// A real OVN control plane for tests: northbound and southbound databases and ovn-northd, on unix sockets in temporary
// directories. No chassis: what the logical network does with a packet is asked of ovn-trace.
import { spawn, execFile } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, globSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { machinePrograms, programsOfRoot, startServer } from './ovsdb-server.ts';
import type { OvsdbServer, Programs } from './ovsdb-server.ts';

const run = promisify(execFile);

/** An installation of OVN: this machine's, or the one in another root directory. */
export interface Installation {
  readonly name: string;
  readonly root: string;
}

/** This machine's OVN, and the one of the images when a cluster has been built here. */
export function installations(): Installation[] {
  const cache = process.env['KUBELOOM_CACHE'] ?? join(homedir(), '.cache/kubeloom');
  const [shipped] = globSync(join(cache, 'rootfs/base-*/usr/bin/ovn-northd')).sort();
  const machine = { name: 'of this machine', root: '' };
  return shipped === undefined
    ? [machine]
    : [machine, { name: 'of the images', root: shipped.replace('/usr/bin/ovn-northd', '') }];
}

export type Database = OvsdbServer & { dispose(): Promise<void> };

export class OvnCentral {
  readonly nb: Database;
  readonly sb: Database;
  readonly #root: string;
  readonly #northd: ChildProcess;
  #tunnels = 0;

  constructor(root: string, nb: Database, sb: Database) {
    this.#root = root;
    this.nb = nb;
    this.sb = sb;
    const output = openSync(this.logFile, 'a');
    const [program, ...argv] = this.#argv('/usr/bin/ovn-northd', [
      `--ovnnb-db=${nb.remote}`,
      `--ovnsb-db=${sb.remote}`,
      `--unixctl=${join(nb.directory, 'northd.ctl')}`,
      '-vconsole:info',
      '-vsyslog:off',
    ]);
    this.#northd = spawn('setpriv', ['--pdeathsig', 'KILL', program, ...argv], { stdio: ['ignore', output, output] });
    closeSync(output);
  }

  get logFile(): string {
    return join(this.nb.directory, 'northd.log');
  }

  get northdPid(): number | undefined {
    return this.#northd.pid;
  }

  /** Enters a chassis as its ovn-controller would. */
  async chassis(name: string, hostname: string): Promise<void> {
    // Addresses of tunnels are unique.
    this.#tunnels += 1;
    const encap = { type: 'geneve', ip: `192.0.2.${this.#tunnels}`, chassis_name: name };
    await this.sb.transact([
      { op: 'insert', table: 'Encap', 'uuid-name': 'encap', row: encap },
      { op: 'insert', table: 'Chassis', row: { name, hostname, encaps: ['named-uuid', 'encap'] } },
    ]);
  }

  /** Runs ovn-nbctl and gives what it printed. */
  async nbctl(...args: readonly string[]): Promise<string> {
    return await this.#tool('/usr/bin/ovn-nbctl', [`--db=${this.nb.remote}`, '--timeout=30', ...args]);
  }

  /** Waits until northd has brought the southbound database to what the northbound one says now. */
  async settled(): Promise<void> {
    await this.nbctl('--wait=sb', 'sync');
  }

  /** A program of this installation, with its arguments. */
  command(program: string, args: readonly string[]): [string, ...string[]] {
    return this.#argv(program, args);
  }

  /**
   * What becomes of a packet, as ovn-trace prints it in short. `tracked` is the state that it has whenever a switch asks
   * the connection tracker; without one, that of an established connection.
   */
  async trace(datapath: string, packet: string, tracked?: string): Promise<string> {
    // A packet is looked up twice on each switch that it passes.
    const state = tracked === undefined ? [] : Array.from({ length: 12 }, () => `--ct=${tracked}`);
    return await this.#tool('/usr/bin/ovn-trace', [`--db=${this.sb.remote}`, '--minimal', ...state, datapath, packet]);
  }

  /** What ovn-trace says of the flows that it cannot read, while it follows a packet. */
  async misread(datapath: string, packet: string): Promise<string> {
    const [program, ...argv] = this.#argv('/usr/bin/ovn-trace', [`--db=${this.sb.remote}`, datapath, packet]);
    const { stderr } = await run(program, argv, { maxBuffer: 1 << 26 });
    return stderr;
  }

  /** Lines of northd's log that tell of something wrong. */
  async complaints(): Promise<string[]> {
    const lines = (await readFile(this.logFile, 'utf8')).split('\n');
    // That it got the processor late (timeval) is the machine's, and nobody's rows'.
    return lines.filter((line) => /\|(?:WARN|ERR|EMER)\|/.test(line) && !line.includes('|timeval|'));
  }

  async stop(): Promise<void> {
    const ended = once(this.#northd, 'exit');
    this.#northd.kill('SIGKILL');
    await ended;
    await Promise.all([this.nb.dispose(), this.sb.dispose()]);
  }

  #argv(program: string, args: readonly string[]): [string, ...string[]] {
    if (this.#root === '') return [program, ...args];
    const libraries = [`${this.#root}/usr/lib/x86_64-linux-gnu`, `${this.#root}/lib/x86_64-linux-gnu`].join(':');
    return [
      `${this.#root}/usr/lib64/ld-linux-x86-64.so.2`,
      '--library-path',
      libraries,
      `${this.#root}${program}`,
      ...args,
    ];
  }

  async #tool(path: string, args: readonly string[]): Promise<string> {
    const [program, ...argv] = this.#argv(path, args);
    const { stdout } = await run(program, argv, { maxBuffer: 1 << 26 });
    return stdout;
  }
}

/** A database of an installation by itself; end it with `dispose`. */
export async function startDatabase({ root }: Installation, name: 'nb' | 'sb'): Promise<Database> {
  const programs: Programs = root === '' ? machinePrograms : programsOfRoot(root);
  return await startServer({ programs, schema: `${root}/usr/share/ovn/ovn-${name}.ovsschema` });
}

/** Databases and northd of an installation; end it with `stop`. */
export async function startOvn(installation: Installation): Promise<OvnCentral> {
  const [nb, sb] = await Promise.all([startDatabase(installation, 'nb'), startDatabase(installation, 'sb')]);
  return new OvnCentral(installation.root, nb, sb);
}
