// Real ovsdb-servers for tests: standalone or a raft cluster, in a temporary directory, on unix sockets alone.
// What a test wrote with our client it reads back with Debian's ovsdb-client, called here by its full path, because
// npm puts programs of node_modules/.bin first.
import { spawn, execFile } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { openSync, closeSync, rmSync } from 'node:fs';
import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { eventually } from './eventually.ts';

const run = promisify(execFile);

/** A program as an argument vector, so that it can be started through a loader. */
type Program = readonly [string, ...string[]];

/** Which installation of Open vSwitch to use. */
export interface Programs {
  readonly server: Program;
  readonly tool: Program;
  readonly client: Program;
  readonly appctl: Program;
}

/** The programs that Debian installed on this machine. */
export const machinePrograms: Programs = {
  server: ['/usr/sbin/ovsdb-server'],
  tool: ['/usr/bin/ovsdb-tool'],
  client: ['/usr/bin/ovsdb-client'],
  appctl: ['/usr/bin/ovs-appctl'],
};

/** The programs of another Debian's root directory, run with that root's own C library and seeing this machine's files. */
export function programsOfRoot(root: string): Programs {
  const libraries = [`${root}/usr/lib/x86_64-linux-gnu`, `${root}/lib/x86_64-linux-gnu`].join(':');
  const program = (path: string): Program => [
    `${root}/usr/lib64/ld-linux-x86-64.so.2`,
    '--library-path',
    libraries,
    `${root}${path}`,
  ];
  return {
    server: program('/usr/sbin/ovsdb-server'),
    tool: program('/usr/bin/ovsdb-tool'),
    client: program('/usr/bin/ovsdb-client'),
    appctl: program('/usr/bin/ovs-appctl'),
  };
}

/** The machine's own, or those of the root directory that the variable KUBELOOM_OVS_ROOT names. */
export const defaultPrograms: Programs =
  process.env['KUBELOOM_OVS_ROOT'] === undefined ? machinePrograms : programsOfRoot(process.env['KUBELOOM_OVS_ROOT']);

export interface ServerOptions {
  /** Path of the .ovsschema; the OVN northbound schema that Debian installed by default. */
  readonly schema?: string;
  readonly programs?: Programs;
  /** Milliseconds after which members of a cluster elect another leader; 1,000 by default. A busy machine needs more. */
  readonly electionTimer?: number;
  /** Further options of ovsdb-server, e.g. `--remote=ptcp:0:127.0.0.1`, `--private-key=...`. */
  readonly args?: readonly string[];
}

export const NORTHBOUND_SCHEMA = '/usr/share/ovn/ovn-nb.ovsschema';
export const VSWITCH_SCHEMA = '/usr/share/openvswitch/vswitch.ovsschema';

/** A row as Debian's client printed it: a uuid is its text, a set of other than one element an array, a map an object. */
export type PlainRow = Record<string, unknown>;

/** One ovsdb-server process. Its files outlive `stop` and `kill`, so that `start` resumes with the same data. */
export class OvsdbServer {
  readonly directory: string;
  readonly name: string;
  readonly database: string;
  /** `unix:PATH`. */
  readonly remote: string;
  readonly #programs: Programs;
  readonly #args: readonly string[];
  #process: ChildProcess | undefined;

  constructor(directory: string, name: string, database: string, options: ServerOptions) {
    this.directory = directory;
    this.name = name;
    this.database = database;
    this.remote = `unix:${join(directory, `${name}.sock`)}`;
    this.#programs = options.programs ?? defaultPrograms;
    this.#args = options.args ?? [];
  }

  get file(): string {
    return join(this.directory, `${this.name}.db`);
  }

  get logFile(): string {
    return join(this.directory, `${this.name}.log`);
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** Starts the process and waits until it listens; a cluster member may not have joined yet (`connected`). */
  async start(): Promise<void> {
    if (this.#process !== undefined) throw new Error(`${this.name} runs already`);
    const [program, ...before] = this.#programs.server;
    const output = openSync(this.logFile, 'a');
    const argv = [
      ...before,
      `--remote=p${this.remote}`,
      `--unixctl=${join(this.directory, `${this.name}.ctl`)}`,
      '-vconsole:info',
      '-vsyslog:off',
      ...this.#args,
      this.file,
    ];
    // The kernel ends the server with its test process, however that ends.
    const child = spawn('setpriv', ['--pdeathsig', 'KILL', program, ...argv], {
      cwd: this.directory,
      env: { ...process.env, OVS_RUNDIR: this.directory, OVS_LOGDIR: this.directory },
      stdio: ['ignore', output, output],
    });
    closeSync(output);
    this.#process = child;
    await eventually(() => this.#serves(child), { what: `${this.name} to serve` });
  }

  async #serves(child: ChildProcess): Promise<boolean> {
    if (child.exitCode !== null) {
      this.#process = undefined;
      throw new Error(`${this.name} exited: ${await readFile(this.logFile, 'utf8')}`);
    }
    await this.client('list-dbs', this.remote);
    return true;
  }

  /** Waits until the database is connected to its cluster (at once for a standalone one). */
  async connected(): Promise<void> {
    await this.client('wait', this.remote, this.database, 'connected');
  }

  /** SIGTERM, and waits for the end. */
  async stop(): Promise<void> {
    await this.#end('SIGTERM');
  }

  /** SIGKILL, and waits for the end. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** SIGSTOP: connections stay open and nothing answers. */
  pause(): void {
    this.#process?.kill('SIGSTOP');
  }

  resume(): void {
    this.#process?.kill('SIGCONT');
  }

  async #end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, 'exit');
    child.kill(signal);
    child.kill('SIGCONT');
    await exit;
  }

  /** The port chosen by the kernel for an option `--remote=ptcp:0:...` or `pssl:0:...`, from the log. */
  async port(): Promise<number> {
    return await eventually(
      async () => {
        const ports = [...(await readFile(this.logFile, 'utf8')).matchAll(/listening on port (\d+)/g)];
        const last = ports.at(-1)?.[1];
        return last === undefined ? undefined : Number(last);
      },
      { what: `${this.name} to name its port` },
    );
  }

  /** Runs Debian's ovsdb-client, and gives what it printed. */
  async client(...args: readonly string[]): Promise<string> {
    const [program, ...before] = this.#programs.client;
    const { stdout } = await run(program, [...before, '--timeout=10', '-voff', ...args], { maxBuffer: 1 << 28 });
    return stdout;
  }

  async appctl(...args: readonly string[]): Promise<string> {
    const [program, ...before] = this.#programs.appctl;
    const target = join(this.directory, `${this.name}.ctl`);
    const { stdout } = await run(program, [...before, '--timeout=10', '-t', target, ...args]);
    return stdout;
  }

  /** Operations as RFC 7047 JSON; the results likewise. Throws when any of them failed. */
  async transact(operations: readonly unknown[]): Promise<readonly Record<string, unknown>[]> {
    const results = JSON.parse(
      await this.client('transact', this.remote, JSON.stringify([this.database, ...operations])),
    ) as (Record<string, unknown> | null)[];
    const failed = results.find((result) => result !== null && 'error' in result);
    if (failed !== undefined) throw new Error(`transaction failed: ${JSON.stringify(results)}`);
    return results as Record<string, unknown>[];
  }

  /** A table as it is in the database, rows in the order of their uuids; all columns unless some are named. */
  async dump(table: string, columns: readonly string[] = []): Promise<PlainRow[]> {
    return printedRows(await this.client('--format=json', 'dump', this.remote, this.database, table, ...columns));
  }

  /** All tables as they are in the database. */
  async dumpAll(): Promise<Map<string, PlainRow[]>> {
    const lines = (await this.client('--format=json', 'dump', this.remote, this.database)).trim().split('\n');
    return new Map(lines.map((line) => [/^\{"caption":"(\w+) table"/.exec(line)?.[1] ?? line, printedRows(line)]));
  }

  /** Whether this member says that it leads; a standalone database always does. */
  async leads(): Promise<boolean> {
    const where = [['name', '==', this.database]];
    const select = ['_Server', { op: 'select', table: 'Database', where, columns: ['leader', 'connected'] }];
    const [result] = JSON.parse(await this.client('query', this.remote, JSON.stringify(select))) as [
      { rows: { leader: boolean; connected: boolean }[] },
    ];
    return result.rows[0]?.leader === true && result.rows[0].connected;
  }
}

/** Several members of one raft cluster. */
export class OvsdbCluster {
  readonly members: readonly OvsdbServer[];

  constructor(members: readonly OvsdbServer[]) {
    this.members = members;
  }

  /** Comma-separated, as OVN's programs take it. */
  get remote(): string {
    return this.members.map((member) => member.remote).join(',');
  }

  get remotes(): string[] {
    return this.members.map((member) => member.remote);
  }

  /** The running member that leads, once exactly one of those asked does. */
  async leader(among: readonly OvsdbServer[] = this.members): Promise<OvsdbServer> {
    return await eventually(
      async () => {
        const leads = await Promise.all(
          among.map(async (member) => member.pid !== undefined && (await member.leads().catch(() => false))),
        );
        const leaders = among.filter((_, index) => leads[index]);
        return leaders.length === 1 ? leaders[0] : undefined;
      },
      { within: 20_000, what: 'the cluster to elect a leader' },
    );
  }

  async stop(): Promise<void> {
    await Promise.all(this.members.map((member) => member.kill()));
    removeDirectory(this.members[0]?.directory);
  }
}

/** A standalone server that serves; end it with `dispose`. */
export async function startServer(options: ServerOptions = {}): Promise<OvsdbServer & { dispose(): Promise<void> }> {
  const schema = options.schema ?? NORTHBOUND_SCHEMA;
  const directory = await temporaryDirectory();
  const server = new OvsdbServer(directory, 'db', await databaseName(schema), options);
  await ovsdbTool(options, 'create', server.file, schema);
  await server.start();
  return Object.assign(server, {
    async dispose() {
      await server.kill();
      removeDirectory(directory);
    },
  });
}

/** A raft cluster whose members have all joined; end it with `stop`. `members` is 3 unless stated. */
export async function startCluster(options: ServerOptions & { members?: number } = {}): Promise<OvsdbCluster> {
  const schema = options.schema ?? NORTHBOUND_SCHEMA;
  const directory = await temporaryDirectory();
  const database = await databaseName(schema);
  const members = Array.from(
    { length: options.members ?? 3 },
    (_, index) => new OvsdbServer(directory, `s${index + 1}`, database, options),
  );
  const raft = (member: OvsdbServer): string => `unix:${join(directory, `${member.name}.raft`)}`;
  const [first, ...others] = members;
  if (first === undefined) throw new RangeError('a cluster has a member');
  const timer = options.electionTimer === undefined ? [] : [`--election-timer=${options.electionTimer}`];
  await ovsdbTool(options, ...timer, 'create-cluster', first.file, schema, raft(first));
  await first.start();
  await first.connected();
  for (const member of others) {
    await ovsdbTool(options, 'join-cluster', member.file, database, raft(member), raft(first));
    await member.start();
    await member.connected();
  }
  return new OvsdbCluster(members);
}

async function ovsdbTool(options: ServerOptions, ...args: readonly string[]): Promise<void> {
  const [program, ...before] = (options.programs ?? defaultPrograms).tool;
  await run(program, [...before, ...args]);
}

async function databaseName(schema: string): Promise<string> {
  return (JSON.parse(await readFile(schema, 'utf8')) as { name: string }).name;
}

async function temporaryDirectory(): Promise<string> {
  return await mkdtemp(join(tmpdir(), 'ovsdb-'));
}

function removeDirectory(directory: string | undefined): void {
  if (directory !== undefined) rmSync(directory, { recursive: true, force: true });
}

/** Reads one table as `ovsdb-client --format=json dump` prints it. */
function printedRows(text: string): PlainRow[] {
  const { headings, data } = JSON.parse(text, exact as never) as { headings: string[]; data: unknown[][] };
  const rows = data.map((cells) => Object.fromEntries(headings.map((name, index) => [name, plain(cells[index])])));
  return rows.sort((a, b) => (String(a['_uuid']) < String(b['_uuid']) ? -1 : 1));
}

/** A reviver that keeps integers which a number would round. */
function exact(_key: string, value: unknown, { source = '' }: { readonly source?: string }): unknown {
  return typeof value === 'number' && !Number.isSafeInteger(value) && /^-?\d+$/.test(source) ? BigInt(source) : value;
}

function plain(value: unknown): unknown {
  if (!Array.isArray(value)) return value;
  const [tag, content] = value as [string, unknown];
  if (tag === 'uuid') return content;
  if (tag === 'map') return Object.fromEntries((content as [unknown, unknown][]).map(([k, v]) => [plain(k), plain(v)]));
  return (content as unknown[]).map(plain).sort((a, b) => (String(a) < String(b) ? -1 : 1));
}
