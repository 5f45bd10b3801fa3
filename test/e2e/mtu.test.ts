/** MTUs from node to node, measured by packets that may not be cut: the node's default, and a subnet's own. */
import { beforeAll, describe, expect, it } from 'vitest';
import { exec, type Pod } from '../cluster/traffic.ts';
import { apply, cluster, custom, freshNamespace, podManifest, readyPod } from './shared.ts';

const ns = 'e2e-mtu';
/** Headers of IP and ICMP. */
const headersOf = (ip: string): number => (ip.includes(':') ? 48 : 28);

const mtuOf = async (pod: Pod): Promise<number> =>
  Number(await exec(cluster(), pod, ['cat', '/sys/class/net/eth0/mtu']));

/** Whether a packet of that size arrives, and its answer comes back, uncut: over IPv4, over IPv6. */
const passes = (from: Pod, to: Pod, size: number): Promise<boolean[]> =>
  Promise.all(
    to.ips.map((ip) =>
      exec(cluster(), from, ['ping', '-M', 'do', '-c1', '-W2', '-s', String(size - headersOf(ip)), ip]).then(
        () => true,
        () => false,
      ),
    ),
  );

let pods: Readonly<Record<string, Pod>>;
beforeAll(async () => {
  await freshNamespace(ns);
  await apply(custom('Subnet', ns, { cidrBlock: '10.57.0.0/24,fd00:10:57::/112', mtu: 1300 }));
  const small = { 'ovn.kubernetes.io/logical_switch': ns };
  await apply(
    podManifest(ns, 'one', { node: 'n1' }),
    podManifest(ns, 'two', { node: 'n2' }),
    podManifest(ns, 'small-one', { node: 'n1', annotations: small }),
    podManifest(ns, 'small-two', { node: 'n2', annotations: small }),
  );
  const names = ['one', 'two', 'small-one', 'small-two'];
  const found = await Promise.all(names.map(async (name) => [name, await readyPod(ns, name)] as const));
  pods = Object.fromEntries(found);
});

describe.each([
  ['one', 'two'],
  ['small-one', 'small-two'],
])('from %s to %s', (from, to) => {
  it('packets of the MTU pass, and longer ones are refused', async () => {
    const [one, two] = [pods[from], pods[to]];
    if (one === undefined || two === undefined) throw new Error('the pods are not there');
    const mtu = await mtuOf(one);
    // Geneve takes 100 bytes of the tunnel interface's.
    const tunnel = Number((await cluster().inNode(1, ['cat', '/sys/class/net/eth2/mtu'])).stdout);
    expect([mtu, await mtuOf(two)]).toEqual(from === 'one' ? [tunnel - 100, tunnel - 100] : [1300, 1300]);
    expect(await passes(one, two, mtu)).toEqual([true, true]);
    expect(await passes(two, one, mtu)).toEqual([true, true]);
    expect(await passes(one, two, mtu + 1)).toEqual([false, false]);
  });
});
