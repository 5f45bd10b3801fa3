// A node with Open vSwitch and ovn-controller, on unix sockets alone: what a chassis makes of the southbound database is
// counted on its bridge. Its datapath is the dummy one, or that of userspace, which carries packets of real devices.
import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { eventually } from '../../test/eventually.ts';
import type { Database, OvnCentral } from '../../test/ovn-central.ts';
import { VSWITCH_SCHEMA, machinePrograms, programsOfRoot, startServer } from '../../test/ovsdb-server.ts';
import { installed } from '../nb/southbound.ts';

const run = promisify(execFile);

/** By its own name: the one in /usr/sbin is a link to /etc, which leads out of another root directory into this machine's. */
const VSWITCHD = '/usr/lib/openvswitch-switch/ovs-vswitchd';

export interface Hypervisor {
  /** OpenFlow flows of br-int, once northd and ovn-controller have done everything that the northbound database says. */
  readonly flows: () => Promise<number>;
  /** Of ovs-vswitchd. */
  readonly pid: number;
  /** A command to ovs-vswitchd (ovs-vswitchd(8), runtime management), and what it answers. */
  readonly control: (...command: readonly string[]) => Promise<string>;
  readonly stop: () => Promise<void>;
}

/**
 * Node `name` with a port for each of the logical ports: a dummy, or the device `vif0`, `vif1` and so on of the network
 * namespace that is named, where Open vSwitch then is.
 */
export async function hypervisor(
  ovn: OvnCentral,
  name: string,
  ports: readonly string[],
  netns?: string,
): Promise<Hypervisor> {
  const { root } = installed();
  const programs = root === '' ? machinePrograms : programsOfRoot(root);
  const conf = await startServer({ programs, schema: `${root}${VSWITCH_SCHEMA}` });
  const { begin, tool, stop } = programsOn(ovn, conf, netns);
  const datapath = netns === undefined ? 'system' : 'netdev';
  await configure(
    (args) => tool('/usr/bin/ovs-vsctl', [`--db=${conf.remote}`, '--no-wait', ...args]),
    datapath,
    {
      'system-id': name,
      hostname: name,
      'ovn-encap-type': 'geneve',
      'ovn-encap-ip': '127.0.0.1',
      'ovn-remote': ovn.sb.remote,
      'ovn-bridge-datapath-type': datapath,
    },
    ports,
  );
  const control = (program: string): string => `--unixctl=${join(conf.directory, `${program}.ctl`)}`;
  const dummy = netns === undefined ? ['--enable-dummy=override'] : [];
  const vswitchd = begin(VSWITCHD, [...dummy, '--disable-system', conf.remote, control('vswitchd')]);
  const { pid } = vswitchd;
  if (pid === undefined) throw new Error('ovs-vswitchd was not started');
  begin('/usr/bin/ovn-controller', [conf.remote, control('ovn-controller')]);
  const chassis = async (): Promise<boolean> => (await ovn.sb.dump('Chassis', ['name'])).length === 1;
  await eventually(chassis, { within: 60_000, what: 'the chassis' });
  return {
    pid,
    control: async (...command) =>
      await tool('/usr/bin/ovs-appctl', ['-t', join(conf.directory, 'vswitchd.ctl'), ...command]),
    flows: async () => {
      await ovn.nbctl('--timeout=300', '--wait=hv', 'sync');
      const told = await tool('/usr/bin/ovs-ofctl', ['dump-aggregate', `unix:${join(conf.directory, 'br-int.mgmt')}`]);
      return flowsIn(told);
    },
    stop,
  };
}

interface Running {
  readonly begin: (program: string, args: readonly string[]) => ChildProcess;
  readonly tool: (program: string, args: readonly string[]) => Promise<string>;
  readonly stop: () => Promise<void>;
}

/** Programs of the installation of `ovn`, with the directory of the node's database as theirs. */
function programsOn(ovn: OvnCentral, conf: Database, netns: string | undefined): Running {
  const children: ChildProcess[] = [];
  const log = join(conf.directory, 'programs.log');
  let stopping = false;
  const inside = netns === undefined ? [] : ['nsenter', `--net=/run/netns/${netns}`];
  const begin = (program: string, args: readonly string[]): ChildProcess => {
    const output = openSync(log, 'a');
    const env = { ...process.env, OVS_RUNDIR: conf.directory, OVN_RUNDIR: conf.directory };
    const argv = [...inside, ...ovn.command(program, args), '-vconsole:info', '-vsyslog:off'];
    const child = spawn('setpriv', ['--pdeathsig', 'KILL', ...argv], { stdio: ['ignore', output, output], env });
    children.push(child);
    child.once('exit', (code, signal) => {
      if (stopping) return;
      const last = readFileSync(log, 'utf8').trimEnd().split('\n').slice(-10).join('\n');
      process.stderr.write(`${program} ended by itself: ${signal ?? code}\n${last}\n`);
    });
    closeSync(output);
    return child;
  };
  const tool = async (program: string, args: readonly string[]): Promise<string> => {
    const [command, ...argv] = ovn.command(program, args);
    return (await run(command, argv, { env: { ...process.env, OVS_RUNDIR: conf.directory }, maxBuffer: 1 << 28 }))
      .stdout;
  };
  const stop = async (): Promise<void> => {
    stopping = true;
    for (const child of children) await end(child);
    await conf.dispose();
  };
  return { begin, tool, stop };
}

function flowsIn(aggregate: string): number {
  const [, count] = /flow_count=(\d+)/.exec(aggregate) ?? [];
  if (count === undefined) throw new Error(`no count of flows in ${aggregate}`);
  return Number(count);
}

/** Ends the process, if it has not ended by itself. */
export async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

async function configure(
  vsctl: (args: readonly string[]) => Promise<string>,
  datapath: 'system' | 'netdev',
  ids: Readonly<Record<string, string>>,
  ports: readonly string[],
): Promise<void> {
  await vsctl(['init']);
  const pairs = Object.entries(ids).map(([key, to]) => `external_ids:${key}="${to}"`);
  await vsctl(['set', 'Open_vSwitch', '.', ...pairs]);
  await vsctl(['add-br', 'br-int', '--', 'set', 'Bridge', 'br-int', 'fail-mode=secure', `datapath_type=${datapath}`]);
  const added = ports.flatMap((port, at) => [
    ...(at === 0 ? [] : ['--']),
    'add-port',
    'br-int',
    `vif${at}`,
    '--',
    'set',
    'Interface',
    `vif${at}`,
    ...(datapath === 'netdev' ? [] : ['type=dummy']),
    `external_ids:iface-id=${port}`,
  ]);
  if (added.length > 0) await vsctl(added);
}
