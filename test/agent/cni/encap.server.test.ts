// Tunnel addresses: those of the node, and those that subnets choose for their pods.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../../eventually.ts';
import { sh } from '../node.ts';
import { port, samplePlan, topology } from '../plan.ts';
import { Runtime, done, refused } from '../runtime.ts';
import type { Sandbox } from '../runtime.ts';

const planOf = (networks: readonly object[], nodeNetwork: string): Readonly<Record<string, object>> => ({
  ...samplePlan,
  'node/n1': { ...topology['node/n1'], networks },
  'port/default/fast/ovn': { ...port('fast', '10.16.0.60'), nodeNetwork },
});
const storage = { name: 'storage', address: '198.51.100.11' };
const spare = { name: 'spare', address: '192.0.2.12' };

let runtime: Runtime;
beforeAll(async () => {
  runtime = await Runtime.create(planOf([storage], 'storage'), ['--cni-add-deadline=3']);
});
afterAll(() => runtime?.dispose());

const ofSwitch = (key: string): Promise<string> =>
  runtime.node.vsctl('--if-exists', 'get', 'Open_vSwitch', '.', `external_ids:${key}`);
const ofPod = async (pod: Sandbox, key: string): Promise<string> => {
  const [name = ''] = await runtime.ports(pod);
  return await runtime.node.vsctl('--if-exists', 'get', 'Interface', name, `external_ids:${key}`);
};

describe('tunnel addresses', () => {
  it('are all told to OVN, the default one first', async () => {
    await eventually(async () => (await ofSwitch('ovn-encap-ip')) === '"192.0.2.11,198.51.100.11"');
    expect(await ofSwitch('ovn-encap-ip-default')).toBe('"192.0.2.11"');
  });

  it('are those of the network that the subnet is for, and follow it on a running pod', async () => {
    const [pod, plain] = [await runtime.sandbox('fast'), await runtime.sandbox('a')];
    await runtime.added(pod);
    await runtime.added(plain);
    expect(await ofPod(pod, 'encap-ip')).toBe('"198.51.100.11"');
    expect(await ofPod(plain, 'encap-ip')).toBe('');
    const row = await runtime.node.vsctl('get', 'Interface', (await runtime.ports(pod))[0]!, '_uuid');

    await runtime.restartAgent(planOf([storage, spare], 'spare'));
    await eventually(async () => (await ofPod(pod, 'encap-ip')) === '"192.0.2.12"');
    await eventually(async () => (await ofSwitch('ovn-encap-ip')) === '"192.0.2.11,198.51.100.11,192.0.2.12"');
    await runtime.restartAgent(planOf([storage], ''));
    await eventually(async () => (await ofPod(pod, 'encap-ip')) === '');
    expect(await ofPod(pod, 'ovn-installed')).toBe('"true"');
    expect(await runtime.node.vsctl('get', 'Interface', (await runtime.ports(pod))[0]!, '_uuid')).toBe(row);
    for (const one of [pod, plain]) expect(await runtime.cni('DEL', one)).toEqual(done);
  });

  it('are waited for by those who need one that the node does not have', async () => {
    await runtime.restartAgent(planOf([], 'storage'));
    const pod = await runtime.sandbox('fast');
    expect(await runtime.cni('ADD', pod)).toMatchObject(refused(11, /network "storage" not found: .* subnet /));
    expect(await runtime.ports(pod)).toEqual([]);
  });

  it('follow an address of the node that changes', async () => {
    await runtime.node.stopAgent();
    await runtime.node.writePlan(samplePlan);
    await runtime.node.startAgent(['--datapath-type=system', '--iface=eth2']);
    await eventually(async () => (await ofSwitch('ovn-encap-ip')) === '"198.51.100.11"');
    const change = (verb: string, address: string): Promise<string> =>
      sh('ip', '-n', runtime.node.netns, 'address', verb, address, 'dev', 'eth2');
    await change('delete', '198.51.100.11/24');
    await change('add', '198.51.100.77/24');
    await eventually(async () => (await ofSwitch('ovn-encap-ip')) === '"198.51.100.77"');
    expect(await ofSwitch('ovn-encap-ip-default')).toBe('"198.51.100.77"');
  });

  it('follow one that changes while the interface is in a bridge of the userspace datapath', async () => {
    await runtime.node.stopAgent();
    await runtime.node.startAgent(['--datapath-type=netdev', '--iface=eth2']);
    const addresses = async (link: string): Promise<string[]> => {
      const text = await sh('ip', '-n', runtime.node.netns, '-4', '-o', 'address', 'show', 'dev', link);
      return [...text.matchAll(/inet (\S+)/g)].map(([, address]) => address ?? '');
    };
    const taken = async (address: string): Promise<boolean> =>
      (await addresses('br-phy').catch(() => [])).join() === address && (await addresses('eth2')).length === 0;
    await eventually(() => taken('198.51.100.77/24'));
    await sh('ip', '-n', runtime.node.netns, 'address', 'add', '198.51.100.78/24', 'dev', 'eth2');
    await eventually(() => taken('198.51.100.78/24'));
    expect(await ofSwitch('ovn-encap-ip')).toBe('"198.51.100.78"');
  });
});
