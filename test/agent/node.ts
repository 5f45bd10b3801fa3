// A node for server tests: a network namespace with Open vSwitch's userspace datapath in it, an agent as a process of its
// own, pods' namespaces, and Debian's ovs-vsctl as the other side. It stands in for ovn-controller where a test says so.
import type { ChildProcess } from 'node:child_process';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, openSync, readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { eventually } from '../eventually.ts';
import { VSWITCH_SCHEMA, startServer } from '../ovsdb-server.ts';
import { buildChecksum, buildNetfilterWatch, buildStarter } from './shim.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../..');

/** Runs a program; its standard output. */
export async function sh(...argv: readonly [string, ...string[]]): Promise<string> {
  const [program, ...rest] = argv;
  const { stdout } = await run(program, rest, { maxBuffer: 1 << 26 });
  return stdout;
}

export interface CniAnswer {
  readonly code: number;
  readonly stdout: string;
}

/** Whether somebody listens: the file is there a moment before. */
function answers(socket: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const connection = connect(socket, () => resolve(true));
  connection.on('error', () => resolve(false));
  return promise.finally(() => connection.destroy());
}

let count = 0;

/** A network namespace of this test process, with a name that nobody else has. */
export async function newNetns(): Promise<string> {
  count += 1;
  const name = `kl${process.pid}x${count}`;
  await sh('ip', 'netns', 'add', name);
  await sh('ip', '-n', name, 'link', 'set', 'lo', 'up');
  return name;
}

interface Programs {
  readonly netfilterWatch: string;
  readonly starter: string;
  readonly checksum: string;
}

let programs: Promise<Programs> | undefined;

/** Programs that the agent starts, compiled once for all nodes of a process. */
export function agentPrograms(): Promise<Programs> {
  programs ??= Promise.all([buildNetfilterWatch(), buildStarter(), buildChecksum()]).then(
    ([netfilterWatch, starter, checksum]) => ({ netfilterWatch, starter, checksum }),
  );
  return programs;
}

export class TestNode {
  readonly netns: string;
  readonly folder: string;
  readonly #shim: string;
  readonly #ovsdb: Awaited<ReturnType<typeof startServer>>;
  readonly #children: ChildProcess[] = [];
  readonly #namespaces: string[];
  #agent: ChildProcess | undefined;
  /** Further variables of agents that are started from now on. */
  agentEnvironment: Readonly<Record<string, string>> = {};
  /** Flags of every agent to come, beside those of the call. */
  agentFlags: readonly string[] = [];
  /** Where those find Open vSwitch's database, when that is not the server itself. */
  agentDatabase: string | undefined;

  private constructor(netns: string, folder: string, shim: string, ovsdb: Awaited<ReturnType<typeof startServer>>) {
    this.netns = netns;
    this.folder = folder;
    this.#shim = shim;
    this.#ovsdb = ovsdb;
    this.#namespaces = [netns];
  }

  /** A namespace with eth0 (192.0.2.11/24) and eth2 (198.51.100.11/24), and Open vSwitch in it. */
  static async create(shim: string): Promise<TestNode> {
    const ovsdb = await startServer({ schema: VSWITCH_SCHEMA });
    const node = new TestNode(await newNetns(), await mkdtemp(join(tmpdir(), 'kubeloom-node-')), shim, ovsdb);
    const outside = await newNetns();
    node.#namespaces.push(outside);
    for (const [name, address] of [
      ['eth0', '192.0.2.11/24'],
      ['eth2', '198.51.100.11/24'],
    ] as const) {
      const peer = ['type', 'veth', 'peer', 'name', name, 'netns', outside] as const;
      await sh('ip', '-n', node.netns, 'link', 'add', name, 'mtu', '1500', ...peer);
      await sh('ip', '-n', outside, 'link', 'set', name, 'up');
      await sh('ip', '-n', node.netns, 'link', 'set', name, 'up');
      await sh('ip', '-n', node.netns, 'address', 'add', address, 'dev', name);
    }
    await node.#startSwitch();
    return node;
  }

  async #startSwitch(): Promise<void> {
    await this.vsctl('--no-wait', 'init');
    await this.vsctl('--no-wait', 'set', 'Open_vSwitch', '.', 'external_ids:system-id=chassis-1');
    const output = openSync(join(this.folder, 'vswitchd.log'), 'a');
    const inside = ['nsenter', `--net=/run/netns/${this.netns}`, 'ovs-vswitchd', this.#ovsdb.remote] as const;
    const child = spawn(
      'setpriv',
      ['--pdeathsig', 'KILL', ...inside, '--disable-system', `--unixctl=${this.folder}/vswitchd.ctl`, '-vconsole:info'],
      { stdio: ['ignore', output, output], env: { ...process.env, OVS_RUNDIR: this.folder } },
    );
    this.#children.push(child);
    await eventually(() => existsSync(join(this.folder, 'vswitchd.ctl')), { what: 'ovs-vswitchd' });
  }

  /** What ovn-controller does: the integration bridge, here switching like a plain one. */
  async createIntegrationBridge(): Promise<void> {
    await this.vsctl(
      '--may-exist',
      'add-br',
      'br-int',
      '--',
      'set',
      'Bridge',
      'br-int',
      'datapath_type=netdev',
      'fail_mode=secure',
    );
    await sh(
      'env',
      `OVS_RUNDIR=${this.folder}`,
      'ovs-ofctl',
      'add-flow',
      `unix:${this.folder}/br-int.mgmt`,
      'actions=NORMAL',
    );
  }

  /** Debian's ovs-vsctl on the node's database. */
  async vsctl(...args: readonly string[]): Promise<string> {
    return (await sh('/usr/bin/ovs-vsctl', `--db=${this.#ovsdb.remote}`, '--timeout=10', ...args)).trim();
  }

  /** Interfaces whose external id has the value. */
  async interfaces(key: string, value: string): Promise<string[]> {
    const text = await this.vsctl('--bare', '--columns=name', 'find', 'Interface', `external_ids:${key}=${value}`);
    return text.split('\n').filter((line) => line !== '');
  }

  /** Marks an interface as ovn-controller does when its flows are in. */
  async installed(name: string): Promise<void> {
    await this.vsctl('set', 'Interface', name, 'external_ids:ovn-installed=true');
  }

  /** Waits for the interface of a container, and marks it. */
  async install(containerId: string): Promise<void> {
    const what = `a port of ${containerId}`;
    const [name = ''] = await eventually(
      async () => {
        const names = await this.interfaces('kubeloom-container', containerId);
        return names.length > 0 && names;
      },
      { what },
    );
    await this.installed(name);
  }

  /** Remote of the node's database. */
  get database(): string {
    return this.#ovsdb.remote;
  }

  get socket(): string {
    return join(this.folder, 'cni.sock');
  }

  get conflist(): string {
    return join(this.folder, '01-kube-ovn.conflist');
  }

  get agentLog(): string {
    return readFileSync(join(this.folder, 'agent.log'), 'utf8');
  }

  /** Puts a plan on the disk that the next agent starts from. */
  async writePlan(items: Readonly<Record<string, object>>): Promise<void> {
    const plan = { format: 1, epoch: '1', revision: '1', complete: true, items: Object.entries(items) };
    await writeFile(join(this.folder, 'plan.json'), JSON.stringify(plan));
  }

  /** Starts agent/main.ts in the node's namespace, and waits until it listens. */
  async startAgent(flags: readonly string[] = []): Promise<void> {
    const output = openSync(join(this.folder, 'agent.log'), 'a');
    const { netfilterWatch, starter, checksum } = await agentPrograms();
    const argv = [
      join(root, 'agent/main.ts'),
      '--config-dir=/nonexistent',
      '--node-name=n1',
      '--datapath-type=netdev',
      `--bind-socket=${this.socket}`,
      `--ovs-socket=${this.agentDatabase ?? this.#ovsdb.remote}`,
      `--cni-conf-dir=${this.folder}`,
      `--plan-file=${join(this.folder, 'plan.json')}`,
      '--cni-add-deadline=10',
      '--health-address=127.0.0.1',
      `--netfilter-watch=${netfilterWatch}`,
      `--starter-program=${starter}`,
      `--checksum-program=${checksum}`,
      ...this.agentFlags,
      ...flags,
    ];
    await rm(this.socket, { force: true });
    this.#agent = spawn(
      'setpriv',
      ['--pdeathsig', 'KILL', 'nsenter', `--net=/run/netns/${this.netns}`, process.execPath, ...argv],
      // No API server: the plan on the disk is what there is.
      {
        stdio: ['ignore', output, output],
        env: {
          ...process.env,
          KUBERNETES_SERVICE_HOST: '127.0.0.1',
          KUBERNETES_SERVICE_PORT: '1',
          ...this.agentEnvironment,
        },
      },
    );
    const agent = this.#agent;
    await eventually(
      () => {
        if (agent.exitCode !== null) throw new Error(`the agent ended: ${this.agentLog}`);
        return answers(this.socket);
      },
      { what: 'the agent to listen', within: 15_000 },
    );
  }

  /** Process id of the agent that runs. */
  get agentPid(): number {
    if (this.#agent?.pid === undefined) throw new Error('no agent runs');
    return this.#agent.pid;
  }

  /** Resolves when the agent has ended, by whatever hand. */
  async agentEnded(): Promise<void> {
    if (this.#agent !== undefined && this.#agent.exitCode === null && this.#agent.signalCode === null)
      await once(this.#agent, 'exit');
  }

  async stopAgent(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    const agent = this.#agent;
    this.#agent = undefined;
    if (agent === undefined || agent.exitCode !== null || agent.signalCode !== null) return;
    const exit = once(agent, 'exit');
    agent.kill(signal);
    await exit;
  }

  /** SIGSTOP and SIGCONT for ovs-vswitchd. */
  signalSwitch(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#children[0]?.kill(signal);
  }

  /** A pod's namespace, with its name. */
  async newPod(): Promise<string> {
    const name = await newNetns();
    this.#namespaces.push(name);
    return name;
  }

  /** Calls the shim as a container runtime does. */
  async cni(
    command: string,
    variables: Readonly<Record<string, string>>,
    conf: object = {},
    kill?: AbortSignal,
  ): Promise<CniAnswer> {
    const env = { CNI_COMMAND: command, CNI_IFNAME: 'eth0', CNI_PATH: '/opt/cni/bin', ...variables };
    return await this.shim(env, this.conf(conf), kill);
  }

  /** The default network's configuration as libcni hands it to the plugin. */
  conf(extra: object = {}): string {
    const own = { cniVersion: '1.0.0', name: 'kube-ovn', type: 'kube-ovn', server_socket: this.socket };
    return JSON.stringify({ ...own, ...extra });
  }

  /** The shim with exactly this environment and standard input. */
  async shim(env: Readonly<Record<string, string>>, stdin: string, kill?: AbortSignal): Promise<CniAnswer> {
    const child = spawn(this.#shim, [], { env, stdio: ['pipe', 'pipe', 'inherit'] });
    kill?.addEventListener('abort', () => child.kill('SIGKILL'));
    let stdout = '';
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stdin.on('error', () => undefined);
    child.stdin.end(stdin);
    const [code] = (await once(child, 'close')) as [number];
    return { code, stdout };
  }

  async logOf(name: string): Promise<string> {
    return await readFile(join(this.folder, name), 'utf8');
  }

  async dispose(): Promise<void> {
    await this.stopAgent('SIGKILL');
    for (const child of this.#children) {
      const exit = once(child, 'exit');
      child.kill('SIGKILL');
      await exit;
    }
    await this.#ovsdb.dispose();
    for (const name of this.#namespaces) await sh('ip', 'netns', 'delete', name);
    await rm(this.folder, { recursive: true, force: true });
  }
}
