/** Between which addresses of the nodes packets of pods go, seen on the wire: for clusters that the caller starts. */
import type { Cluster } from '../cluster/cluster.ts';
import { addressesOf } from '../cluster/family.ts';
import { everyAddress, exec, matrix, trafficOfEach, type Flow, type Pod } from '../cluster/traffic.ts';
import { waitFor } from '../cluster/wait.ts';
import { custom, podManifest } from './shared.ts';
import { toolsOf } from './tools.ts';

const namespace = 'default';
const soon = { limitMs: 60_000, everyMs: 200 };
const versionOf = (ip: string): 4 | 6 => (ip.includes(':') ? 6 : 4);

/** Further networks that nodes have tunnels by, each in both families, with a subnet. */
const networks = [
  { name: 'wire-a', cidrBlock: '10.73.0.0/24,fd00:10:73::/112', prefixes: { 4: '172.31.0.1', 6: 'fd00:172:31::1' } },
  { name: 'wire-b', cidrBlock: '10.73.1.0/24,fd00:10:73:1::/112', prefixes: { 4: '172.32.0.1', 6: 'fd00:172:32::1' } },
] as const;
const lengths = { 4: 24, 6: 64 } as const;
type Network = (typeof networks)[number];

export interface TunnelCases {
  /** The tunnel interface of n2 is given another address: what flows from n1 felt of it, one for each family. */
  readonly addressChanged: () => Promise<Flow[]>;
  /**
   * Packets of pods whose subnets name a network of the nodes (annotation node_networks) go by that, and by the default one while
   * the subnet names none; who does not reach whom, of these and of the standing ones.
   */
  readonly networksChosen: () => Promise<string[]>;
}

/** `standing` are names of ready pods in namespace `default`, the first on n1, the second on n2. */
export function tunnelCases(cluster: () => Cluster, standing: readonly [string, string]): TunnelCases {
  const { apply, inCentral, readyPod } = toolsOf(cluster);
  const pod = (name: string): Promise<Pod> => readyPod(namespace, name);

  /** Waits until a packet of a tunnel goes from one address to another, while the pods talk. */
  async function goes(from: Pod, to: Pod, [source, target]: readonly [string, string]): Promise<void> {
    const filter = `udp port 6081 and src host ${source} and dst host ${target}`;
    const seen = async (): Promise<boolean> => {
      const capture = cluster().tryInNode(2, ['timeout', '2', 'tcpdump', '-nlpi', 'eth2', '-c1', filter]);
      const ping = exec(cluster(), from, ['ping', '-i0.2', '-c8', '-W1', to.ip]).catch(() => '');
      const [{ code }] = await Promise.all([capture, ping]);
      return code === 0;
    };
    const encaps = (): Promise<string> => inCentral('ovn-sbctl', '--columns=chassis_name,ip', 'list', 'Encap');
    await waitFor(seen, { what: `a packet from ${source} to ${target}`, ...soon, explain: encaps });
  }

  const given = (n: number, address: string, length: number): Promise<unknown> => {
    const flags = versionOf(address) === 6 ? ['nodad'] : [];
    return cluster().inNode(n, ['ip', 'address', 'add', `${address}/${length}`, 'dev', 'eth2', ...flags]);
  };

  /** Waits until the node has the address on the bridge that its tunnels start at, and not the other. */
  async function onBridge(n: number, address: string, gone?: string): Promise<void> {
    let text = '';
    const look = async (): Promise<boolean> => {
      text = (await cluster().inNode(n, ['ip', '-br', 'address'])).stdout;
      const bridge = /^br-phy .*/m.exec(text)?.[0] ?? '';
      return bridge.includes(` ${address}/`) && (gone === undefined || !text.includes(` ${gone}/`));
    };
    await waitFor(look, { what: `${address} on the bridge of n${n}`, ...soon, explain: () => text });
  }

  async function addressChanged(): Promise<Flow[]> {
    const [one, two] = [await pod(standing[0]), await pod(standing[1])];
    const [near, old] = [cluster().node(1).tunnelIp, cluster().node(2).tunnelIp];
    const next = `${old.slice(0, -2)}212`;
    const flows = await trafficOfEach(cluster(), [one, two]);
    await goes(one, two, [near, old]);
    for (const [before, after] of [
      [old, next],
      [next, old],
    ] as const) {
      await given(2, after, addressesOf(cluster().record.family).prefixOf(after));
      await onBridge(2, after, before);
      await goes(one, two, [near, after]);
      await goes(two, one, [after, near]);
    }
    return flows.stop();
  }

  /** OVN has no tunnel from an address of one family to one of the other, and pods of all networks shall reach each other. */
  const version = (): 4 | 6 => versionOf(cluster().node(1).tunnelIp);
  const addressOf = ({ prefixes }: Network, n: number): string => `${prefixes[version()]}${n}`;

  async function nodesGiven(): Promise<void> {
    for (const n of [1, 2]) {
      for (const network of networks) await given(n, addressOf(network, n), lengths[version()]);
      for (const network of networks) await onBridge(n, addressOf(network, n));
      const value = JSON.stringify(
        Object.fromEntries(networks.map((network) => [network.name, addressOf(network, n)])),
      );
      await cluster().kubectl(['annotate', '--overwrite', 'node', `n${n}`, `ovn.kubernetes.io/node_networks=${value}`]);
    }
  }

  /** A subnet for the network, and a pod of it on each node. */
  async function served({ name, cidrBlock }: Network): Promise<[Pod, Pod]> {
    const versions = addressesOf(cluster().record.family).tunnel(1).map(versionOf);
    const cidrs = cidrBlock.split(',').filter((cidr) => versions.includes(versionOf(cidr)));
    const annotations = { 'ovn.kubernetes.io/logical_switch': name };
    await apply(
      custom('Subnet', name, { cidrBlock: cidrs.join(','), nodeNetwork: name }),
      podManifest(namespace, `${name}-1`, { node: 'n1', annotations }),
      podManifest(namespace, `${name}-2`, { node: 'n2', annotations }),
    );
    return [await pod(`${name}-1`), await pod(`${name}-2`)];
  }

  async function networksChosen(): Promise<string[]> {
    await nodesGiven();
    const all = [await pod(standing[0]), await pod(standing[1])];
    for (const network of networks) {
      const [one, two] = await served(network);
      const ends = [addressOf(network, 1), addressOf(network, 2)] as const;
      const patched = (nodeNetwork: string): Promise<string> =>
        cluster().kubectl([
          'patch',
          'subnet',
          network.name,
          '--type=merge',
          `--patch=${JSON.stringify({ spec: { nodeNetwork } })}`,
        ]);
      await goes(one, two, ends);
      await patched('');
      await goes(one, two, [cluster().node(1).tunnelIp, cluster().node(2).tunnelIp]);
      await patched(network.name);
      await goes(one, two, ends);
      await goes(two, one, [ends[1], ends[0]]);
      all.push(one, two);
    }
    const unreached = await matrix(cluster(), everyAddress(all));
    const names = networks.map(({ name }) => name);
    const pods = names.flatMap((name) => [`${name}-1`, `${name}-2`]);
    await cluster().kubectl(['delete', 'pod', ...pods, '--timeout=60s']);
    await cluster().kubectl(['delete', 'subnet', ...names, '--timeout=60s']);
    await cluster().kubectl(['annotate', 'node', 'n1', 'n2', 'ovn.kubernetes.io/node_networks-']);
    return unreached;
  }

  return { addressChanged, networksChosen };
}
