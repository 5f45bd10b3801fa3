// A node with Open vSwitch's dummy datapath and ovn-controller, on unix sockets alone: what a chassis makes of the
// southbound database is counted on its bridge.
import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { eventually } from '../../test/eventually.ts';
import type { OvnCentral } from '../../test/ovn-central.ts';
import { VSWITCH_SCHEMA, machinePrograms, programsOfRoot, startServer } from '../../test/ovsdb-server.ts';
import type { OvsdbServer } from '../../test/ovsdb-server.ts';
import { installed } from '../nb/southbound.ts';

const run = promisify(execFile);

export interface Hypervisor {
  /** OpenFlow flows of br-int, once northd and ovn-controller have done everything that the northbound database says. */
  readonly flows: () => Promise<number>;
  readonly stop: () => Promise<void>;
}

/** Node `name` with a port for each of the logical ports. */
export async function hypervisor(ovn: OvnCentral, name: string, ports: readonly string[]): Promise<Hypervisor> {
  const { root } = installed();
  const programs = root === '' ? machinePrograms : programsOfRoot(root);
  const conf = await startServer({ programs, schema: `${root}${VSWITCH_SCHEMA}` });
  const children: ChildProcess[] = [];
  const begin = (program: string, args: readonly string[]): void => {
    const output = openSync(join(conf.directory, 'programs.log'), 'a');
    const env = { ...process.env, OVS_RUNDIR: conf.directory, OVN_RUNDIR: conf.directory };
    const argv = [...ovn.command(program, args), '-vconsole:info', '-vsyslog:off'];
    children.push(spawn('setpriv', ['--pdeathsig', 'KILL', ...argv], { stdio: ['ignore', output, output], env }));
    closeSync(output);
  };
  const tool = async (program: string, args: readonly string[]): Promise<string> => {
    const [command, ...argv] = ovn.command(program, args);
    return (await run(command, argv, { env: { ...process.env, OVS_RUNDIR: conf.directory }, maxBuffer: 1 << 28 }))
      .stdout;
  };
  await configure(
    conf,
    (args) => tool('/usr/bin/ovs-vsctl', [`--db=${conf.remote}`, '--no-wait', ...args]),
    {
      'system-id': name,
      hostname: name,
      'ovn-encap-type': 'geneve',
      'ovn-encap-ip': '127.0.0.1',
      'ovn-remote': ovn.sb.remote,
    },
    ports,
  );
  const control = (program: string): string => `--unixctl=${join(conf.directory, `${program}.ctl`)}`;
  begin('/usr/sbin/ovs-vswitchd', ['--enable-dummy=override', '--disable-system', conf.remote, control('vswitchd')]);
  begin('/usr/bin/ovn-controller', [conf.remote, control('ovn-controller')]);
  const chassis = async (): Promise<boolean> => (await ovn.sb.dump('Chassis', ['name'])).length === 1;
  await eventually(chassis, { within: 60_000, what: 'the chassis' });
  return {
    flows: async () => {
      await ovn.nbctl('--timeout=300', '--wait=hv', 'sync');
      const told = await tool('/usr/bin/ovs-ofctl', ['dump-aggregate', `unix:${join(conf.directory, 'br-int.mgmt')}`]);
      const [, count] = /flow_count=(\d+)/.exec(told) ?? [];
      if (count === undefined) throw new Error(`no count of flows in ${told}`);
      return Number(count);
    },
    stop: async () => {
      for (const child of children) {
        const ended = once(child, 'exit');
        child.kill('SIGKILL');
        await ended;
      }
      await conf.dispose();
    },
  };
}

async function configure(
  conf: OvsdbServer,
  vsctl: (args: readonly string[]) => Promise<string>,
  ids: Readonly<Record<string, string>>,
  ports: readonly string[],
): Promise<void> {
  await vsctl(['init']);
  const pairs = Object.entries(ids).map(([key, to]) => `external_ids:${key}="${to}"`);
  await vsctl(['set', 'Open_vSwitch', '.', ...pairs]);
  await vsctl(['add-br', 'br-int', '--', 'set', 'Bridge', 'br-int', 'fail-mode=secure']);
  const added = ports.flatMap((port, at) => [
    ...(at === 0 ? [] : ['--']),
    'add-port',
    'br-int',
    `vif${at}`,
    '--',
    'set',
    'Interface',
    `vif${at}`,
    'type=dummy',
    `external_ids:iface-id=${port}`,
  ]);
  if (added.length > 0) await vsctl(added);
  if (conf.pid === undefined) throw new Error('the node has no database');
}
