/**
 * Second interfaces, with packets: one that is ours, and one that another plugin makes with an address of ours. The plugins
 * are called on the node as Multus calls them; Multus itself is in multus.test.ts.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exec, unreachable, type Pod } from '../cluster/traffic.ts';
import { waitFor } from '../cluster/wait.ts';
import { definition, networks, takeDefinitions } from './networks.ts';
import type { Net } from './networks.ts';
import { inForce, policy, prepareMarker, Probers, under } from './policies.ts';
import {
  annotate,
  apply,
  cluster,
  custom,
  events,
  field,
  freshNamespace,
  nbctl,
  object,
  podManifest,
  readyPod,
} from './shared.ts';

const ns = 'e2e-attachments';
const soon = { limitMs: 30_000, everyMs: 200 };

const blueProvider = `blue.${ns}.ovn`;
const blue: Net = {
  name: 'blue',
  provider: blueProvider,
  cidrBlock: '10.52.0.0/24,fd00:10:52::/112',
  ifname: 'net1',
  config: {
    cniVersion: '1.0.0',
    name: 'blue',
    type: 'kube-ovn',
    provider: blueProvider,
    routes: [{ dst: '198.51.100.0/24', gw: '10.52.0.1' }],
  },
};
const lanProvider = `lan.${ns}`;
const lan: Net = {
  name: 'lan',
  provider: lanProvider,
  cidrBlock: '192.0.2.0/24',
  ifname: 'net2',
  config: {
    cniVersion: '1.0.0',
    name: 'lan',
    type: 'macvlan',
    master: 'eth1',
    ipam: { type: 'kube-ovn', provider: lanProvider },
  },
};

/** A network with what is wanted of it. */
const asked = { name: 'blue', namespace: ns, ips: ['10.52.0.99/24', 'fd00:10:52::99'], mac: '02:00:00:00:52:99' };

/** One on each node, with what a runtime tells a plugin of it. */
interface Attached extends Pod {
  readonly variables: Readonly<Record<string, string>>;
}

let one: Attached;
let two: Attached;

beforeAll(async () => {
  await takeDefinitions();
  await freshNamespace(ns);
  await apply(
    ...[blue, lan].map((net) => definition(ns, net)),
    ...[blue, lan].map(({ name, provider, cidrBlock }) => custom('Subnet', `${ns}-${name}`, { provider, cidrBlock })),
  );
  const lists = { one: 'blue, lan', two: JSON.stringify([asked, { name: 'lan' }]) };
  await apply(
    podManifest(ns, 'one', { node: 'n1', annotations: { [networks]: lists.one } }),
    podManifest(ns, 'two', { node: 'n2', annotations: { [networks]: lists.two } }),
  );
  [one, two] = await Promise.all([attached('one'), attached('two')]);
});

// Nobody else would: the runtime knows of eth0 alone.
afterAll(async () => {
  for (const pod of [one, two]) for (const net of [blue, lan]) await call('DEL', pod, net);
});

const nodeOf = ({ node }: Pod): number => Number(node.slice(1));

/** Its container and its network namespace are what Open vSwitch has of eth0. */
async function attached(name: string): Promise<Attached> {
  const pod = await readyPod(ns, name);
  const vsctl = async (...argv: readonly string[]): Promise<string> =>
    (await cluster().inNode(nodeOf(pod), ['ovs-vsctl', '--bare', ...argv])).stdout.trim();
  const row = await vsctl('--columns=name', 'find', 'interface', `external_ids:iface-id=${name}.${ns}`);
  const keys = ['kubeloom-container', 'pod_netns'].map((key) => `external_ids:${key}`);
  const [container = '', netns = ''] = (await vsctl('get', 'interface', row, ...keys)).replaceAll('"', '').split('\n');
  const variables = {
    CNI_CONTAINERID: container,
    CNI_NETNS: netns,
    CNI_PATH: '/opt/cni/bin',
    CNI_ARGS: `IgnoreUnknown=1;K8S_POD_NAMESPACE=${ns};K8S_POD_NAME=${name};K8S_POD_UID=${pod.uid}`,
  };
  return { ...pod, variables };
}

interface Result {
  readonly ips: readonly { readonly address: string }[];
}

/** Calls the plugin of a network for a pod. ADD prints what it has made, which CHECK is told. */
async function call(command: 'ADD' | 'DEL' | 'CHECK', pod: Attached, net: Net, made?: Result): Promise<string> {
  const variables = { ...pod.variables, CNI_COMMAND: command, CNI_IFNAME: net.ifname };
  const env = Object.entries(variables).map(([key, value]) => `${key}=${value}`);
  const argv = ['env', ...env, `/opt/cni/bin/${net.config.type}`];
  const input = JSON.stringify({ ...net.config, ...(made && { prevResult: made }) });
  return (await cluster().inNode(nodeOf(pod), argv, { input })).stdout;
}

const add = async (pod: Attached, net: Net): Promise<Result> => JSON.parse(await call('ADD', pod, net)) as Result;

/** The addresses of a pod in a network, by its annotations. */
async function addressesOf(pod: Pod, { name, provider }: Net): Promise<string[]> {
  const path = `{.metadata.annotations.${provider.replaceAll('.', '\\.')}\\.kubernetes\\.io/ip_address}`;
  const what = `an address of ${name}`;
  return (await waitFor(async () => (await field('pod', pod.name, path, ns)) || undefined, { what, ...soon })).split(
    ',',
  );
}

/** The pod under its addresses of that network. */
const within = async (pod: Pod, net: Net): Promise<Pod[]> =>
  (await addressesOf(pod, net)).map((ip) => ({ ...pod, ip }));

const gone = (ip: string): Promise<unknown> =>
  waitFor(async () => (await object('ips.kubeovn.io', ip)) === undefined, { what: `${ip} to be free`, ...soon });

const inPod = (...argv: readonly string[]): Promise<string> => exec(cluster(), one, argv);

const wayTo = async (ip: string): Promise<string | undefined> =>
  / dev (\S+)/.exec(await inPod('ip', 'route', 'get', ip))?.[1];

describe.each([blue, lan])('an interface of the network $name', (net) => {
  const lengths = net === blue ? [24, 112] : [24];

  it('has the addresses that the pod is given', async () => {
    const given = (await addressesOf(one, net)).map((ip, at) => `${ip}/${lengths[at]}`);
    const [made] = await Promise.all([add(one, net), add(two, net)]);
    expect(made.ips.map(({ address }) => address)).toEqual(given);
    const shown = await inPod('ip', '-br', 'address', 'show', 'dev', net.ifname, 'scope', 'global');
    expect(shown.trim().split(/\s+/).slice(2)).toEqual(given);
    await call('CHECK', one, net, made);
  });

  it('has packets from node to node, and leaves the default route to eth0', async () => {
    const there = await within(two, net);
    expect(await wayTo(there[0]?.ip ?? '')).toBe(net.ifname);
    expect(await wayTo('203.0.113.1')).toBe('eth0');
    expect(await unreachable(cluster(), one, [...there, two])).toEqual([]);
    expect(await unreachable(cluster(), two, [...(await within(one, net)), one])).toEqual([]);
  });

  it('goes alone when it is deleted, and comes back', async () => {
    await call('DEL', one, net);
    expect(await inPod('ls', '/sys/class/net')).not.toContain(net.ifname);
    expect(await unreachable(cluster(), one, [two])).toEqual([]);
    await add(one, net);
    expect(await unreachable(cluster(), one, await within(two, net))).toEqual([]);
  });
});

describe('an attachment', () => {
  it('has the addresses and the MAC that are asked for', async () => {
    expect(await addressesOf(two, blue)).toEqual(['10.52.0.99', 'fd00:10:52::99']);
    expect((await exec(cluster(), two, ['cat', '/sys/class/net/net1/address'])).trim()).toBe(asked.mac);
  });

  it('has the routes of its definition', async () => {
    expect(await wayTo('198.51.100.1')).toBe('net1');
  });

  it('may be taken from a pod that runs, and given to it again', async () => {
    await call('DEL', one, lan);
    await annotate(ns, 'one', `${networks}=blue`);
    await gone(`one.${ns}.${lanProvider}`);
    await annotate(ns, 'one', `${networks}=blue, lan`);
    expect((await add(one, lan)).ips.map(({ address }) => address)).toEqual(
      (await addressesOf(one, lan)).map((ip) => `${ip}/24`),
    );
    expect(await unreachable(cluster(), one, await within(two, lan))).toEqual([]);
  });

  it('may be the second on one network, and goes without the first', async () => {
    const second: Net = { ...blue, provider: `${blueProvider}.net3`, ifname: 'net3' };
    await annotate(ns, 'one', `${networks}=blue@net1, lan@net2, blue@net3`);
    const made = await add(one, second);
    const both = [...(await within(one, blue)), ...(await within(one, second))];
    expect(new Set(both.map(({ ip }) => ip)).size).toBe(4);
    const shown = await inPod('ip', '-br', 'address', 'show', 'dev', 'net3', 'scope', 'global');
    expect(shown.trim().split(/\s+/).slice(2)).toEqual(made.ips.map(({ address }) => address));
    expect(await unreachable(cluster(), two, both)).toEqual([]);
    await call('DEL', one, second);
    await annotate(ns, 'one', `${networks}=blue, lan`);
    await gone(`one.${ns}.${second.provider}`);
    expect(await unreachable(cluster(), two, await within(one, blue))).toEqual([]);
    const isTold = (line: string): boolean =>
      line.startsWith('Normal PodNetworkUpdated ') && line.includes(`logicalSwitchPort=one.${ns}.${second.provider}`);
    await waitFor(async () => (await events(ns, 'one')).some(isTold), { what: 'the event', ...soon });
  });

  it('is isolated by policies that are for its network, as eth0 is by those for that', async () => {
    await prepareMarker();
    const closed = { podSelector: { matchLabels: { e2e: 'one' } }, policyTypes: ['Ingress' as const] };
    const ends = [one, ...(await within(one, blue))].map(({ ip }) => ({ protocol: 'tcp' as const, ip, port: 8081 }));
    const probers = new Probers([two]);
    /** Which of them answer: eth0, and both addresses of the attachment. */
    const answers = async (): Promise<boolean[]> =>
      (await probers.ask('two', ends)).map((answer) => answer !== undefined);
    const closedFor = (network: string): Promise<boolean[]> =>
      under([policy(ns, 'closed', closed, { 'ovn.kubernetes.io/network_policy_for': network })], answers);
    expect(await closedFor(`${ns}/blue`)).toEqual([true, false, false]);
    expect(await closedFor('ovn')).toEqual([false, true, true]);
    expect(await closedFor(`ovn, ${ns}/blue`)).toEqual([false, false, false]);
    await inForce();
    expect(await answers()).toEqual([true, true, true]);
    probers.close();
  });

  it('goes with its pod, and so does the port of one that is ours', async () => {
    const [port, foreign] = [`two.${ns}.${blueProvider}`, `two.${ns}.${lanProvider}`];
    const lookUp = async (name: string): Promise<string> =>
      (await nbctl('--bare', '--columns=name', 'find', 'logical_switch_port', `name=${name}`)).trim();
    expect([await lookUp(port), await lookUp(foreign)]).toEqual([port, '']);
    for (const net of [blue, lan]) await call('DEL', two, net);
    await cluster().kubectl(['--namespace', ns, 'delete', 'pod', 'two', '--timeout=60s']);
    for (const ip of [port, foreign]) await gone(ip);
    expect(await lookUp(port)).toBe('');
  });
});
