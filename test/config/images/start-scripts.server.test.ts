// The start scripts with the real programs of the image: what comes up, what happens when a part is killed, what stays.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { silent } from '../../cluster/progress.ts';
import { baseRootfs } from '../../cluster/rootfs.ts';
import { eventually } from '../../eventually.ts';
import { Box } from './box.ts';
import type { Running } from './box.ts';

let box: Box;
beforeAll(async () => {
  await baseRootfs(silent);
  box = await Box.start();
}, 600_000);
afterAll(() => box.stop());

/** The script that was started last, whose log says why something does not succeed. */
let latest: Running | undefined;
const run = (script: string, env: Record<string, string>): Running => (latest = box.run(script, env));

async function succeeds(line: string): Promise<void> {
  const look = async (): Promise<boolean> => (await box.sh(line)).code === 0;
  await eventually(look, { within: 20_000, every: 50, what: line }).catch(async (cause: unknown) => {
    const programs = await output('ps -eo pid,ppid,stat,args');
    throw new Error(`${String(cause)}\n${latest?.log() ?? ''}\n${programs}`, { cause });
  });
}
const output = async (line: string): Promise<string> => (await box.sh(line)).out;

describe('start-ovn-central.sh', () => {
  const start = (): Running => run('start-ovn-central.sh', { POD_IP: '127.0.0.1' });
  const ready = '/opt/kubeloom/scripts/check-ovn-central.sh';

  it('serves both databases on the addresses it was given, with the rows that others rely on', async () => {
    const central = run('start-ovn-central.sh', { POD_IP: '127.0.0.1', POD_IPS: '127.0.0.1,::1' });
    await succeeds(ready);
    const listening = (await output("ss -Hlnt | awk '{ print $4 }'")).split('\n').sort();
    expect(listening).toEqual(['127.0.0.1:6641', '127.0.0.1:6642', '[::1]:6641', '[::1]:6642']);
    expect(await output('ovn-nbctl get NB_Global . options:northd_probe_interval')).toBe('"5000"');
    expect((await box.sh('ovn-sbctl get SB_Global . _uuid')).code).toBe(0);
    expect(await output('ovn-appctl -t ovn-northd status')).toBe('Status: active');
    await box.sh('ovn-nbctl ls-add kept');
    await box.signal('start-ovn-central.sh', 'TERM');
    expect(await central.ended).toBe(0);
    expect((await box.sh('pgrep ovsdb-server || pgrep ovn-northd')).code).not.toBe(0);
  });

  it.each(['ovnnb_db', 'ovnsb_db', 'ovn-northd'])(
    'ends when %s is killed, and the database is there after the next start',
    async (name) => {
      const central = start();
      await succeeds(ready);
      await box.sh(`kill -9 "$(cat /run/ovn/${name}.pid)"`);
      expect(await central.ended).toBe(1);
      expect(central.log()).toContain(`${name} ended with status 137`);
      const again = start();
      await succeeds(ready);
      expect(await output('ovn-nbctl --bare --columns=name list Logical_Switch')).toBe('kept');
      await box.signal('start-ovn-central.sh', 'TERM');
      expect(await again.ended).toBe(0);
    },
  );

  it('refuses to run as a member that nobody names', async () => {
    const stray = run('start-ovn-central.sh', { POD_IP: '127.0.0.1', NODE_IPS: '127.0.0.2,127.0.0.3' });
    expect(await stray.ended).toBe(1);
    expect(stray.log()).toContain('this node (127.0.0.1) is not one of the members');
  });

  it('does not turn the database of one member into one of a cluster by itself', async () => {
    const member = run('start-ovn-central.sh', { POD_IP: '127.0.0.1', NODE_IPS: '127.0.0.1,127.0.0.2' });
    expect(await member.ended).toBe(1);
    expect(member.log()).toContain('is of a single member');
  });
});

describe('start-ovs.sh', () => {
  const start = (): Running => run('start-ovs.sh', { NODE_NAME: 'n1', DATAPATH_TYPE: 'netdev' });
  const alive = '/opt/kubeloom/scripts/check-ovs.sh alive';
  const ready = '/opt/kubeloom/scripts/check-ovs.sh';
  const id = 'ovs-vsctl get Open_vSwitch . external_ids:system-id';
  const pidOf = (path: string): Promise<string> => output(`cat /run/${path}.pid`);

  it('starts ovn-controller when the agent has named the southbound database, not before', async () => {
    const central = run('start-ovn-central.sh', { POD_IP: '127.0.0.1' });
    const ovs = start();
    await succeeds(alive);
    expect((await box.sh(ready)).code).not.toBe(0);
    expect((await box.sh('pgrep --exact ovn-controller')).code).not.toBe(0);
    await box.sh(`ovs-vsctl set Open_vSwitch . external_ids:ovn-remote=tcp:127.0.0.1:6642 external_ids:ovn-encap-type=geneve \
      external_ids:ovn-encap-ip=127.0.0.1 external_ids:ovn-bridge-datapath-type=netdev`);
    await succeeds(ready);
    await succeeds('ovn-sbctl --bare --columns=hostname list Chassis | grep -qx n1');
    await box.signal('start-ovs.sh', 'TERM');
    expect(await ovs.ended).toBe(0);
    // `exit --restart` keeps the chassis.
    expect(await output('ovn-sbctl --bare --columns=hostname list Chassis')).toBe('n1');
    await box.signal('start-ovn-central.sh', 'TERM');
    expect(await central.ended).toBe(0);
  });

  it.each(['openvswitch/ovs-vswitchd', 'openvswitch/ovsdb-server'])('%s is started again alone', async (name) => {
    const ovs = start();
    await succeeds(alive);
    const before = { id: await output(id), killed: await pidOf(name) };
    const other = name.endsWith('vswitchd') ? 'openvswitch/ovsdb-server' : 'openvswitch/ovs-vswitchd';
    const kept = await pidOf(other);
    await box.sh(`kill -9 ${before.killed}`);
    await succeeds(`test "$(cat /run/${name}.pid)" != ${before.killed} && ${alive}`);
    expect(await pidOf(other)).toBe(kept);
    expect(await output(id)).toBe(before.id);
    expect((await box.sh('ovs-vsctl br-exists br-int')).code).toBe(0);
    // By the names that people use, too.
    expect(await output('ovs-appctl version')).toContain('ovs-vswitchd (Open vSwitch)');
    await box.signal('start-ovs.sh', 'TERM');
    expect(await ovs.ended).toBe(0);
  });

  it('ends when a program ends again and again', async () => {
    const ovs = start();
    const kill = async (): Promise<void> => {
      await succeeds(alive);
      const pid = await pidOf('openvswitch/ovs-vswitchd');
      await box.sh(`kill -9 ${pid}`);
      await succeeds(`! kill -0 ${pid}`);
    };
    for (let round = 0; round < 4; round++) await kill();
    await succeeds(alive);
    expect(ovs.log()).not.toContain('too often');
    await kill();
    expect(await ovs.ended).toBe(1);
    expect(ovs.log()).toContain('programs end too often');
    // A client that waited for the database ends a moment after it.
    await succeeds('! pgrep ovs');
  });

  it('leaves a switch alone that the node runs itself', async () => {
    const first = start();
    await succeeds(alive);
    const pid = await pidOf('openvswitch/ovsdb-server');
    const second = start();
    expect(await second.ended).toBe(1);
    expect(second.log()).toContain('another ovsdb-server answers');
    expect(await pidOf('openvswitch/ovsdb-server')).toBe(pid);
    await box.signal('start-ovs.sh', 'TERM');
    expect(await first.ended).toBe(0);
  });
});
