// The objects of the API that a world of policies is made of, and what changes from one world to the next.
import { createHash } from 'node:crypto';
import type { Change } from '../expand.ts';
import { build } from '../worlds/objects.ts';
import type { Container, Interface, Node, Pod, Subnet, World } from './world.ts';

type Fields = Readonly<Record<string, unknown>>;

const put = (kind: string, key: string, fields: Fields): Change => ({ kind, key, object: build(kind, key, fields) });

export const defaultVpc = 'ovn-cluster';
const defaultSubnet = 'ovn-default';

export function objectsOf(world: World): Change[] {
  return [
    ...[...new Set(world.subnets.map(({ vpc = defaultVpc }) => vpc).concat(defaultVpc))].map((vpc) =>
      put('Vpc', vpc, {}),
    ),
    put('Subnet', 'join', { cidrBlock: '100.64.0.0/16,fd00:100:64::/112' }),
    ...world.subnets.flatMap(networkObjects),
    ...world.namespaces.map(({ name, labels }) => put('Namespace', name, { labels })),
    ...world.nodes.flatMap(nodeObjects),
    ...world.pods.flatMap(podObjects),
    ...policyObjects(world),
    ...Object.entries(world.domains).map(resolver),
  ];
}

/** A subnet and, where it is not of the default network, the attachment that leads to it. */
function networkObjects({ name, cidrs, provider, enableLb, vpc, gateway }: Subnet): Change[] {
  const spec = {
    cidrBlock: cidrs.join(','),
    enableLb,
    provider: providerOf(provider),
    ...(vpc !== undefined && { vpc }),
    ...(gateway !== undefined && { gateway }),
    ...(name === defaultSubnet && { default: true }),
  };
  if (provider === 'ovn') return [put('Subnet', name, spec)];
  const config = JSON.stringify({ cniVersion: '0.3.1', type: 'kube-ovn', provider: spec.provider });
  return [put('Subnet', name, spec), put('NetworkAttachmentDefinition', provider, { config })];
}

function nodeObjects({ name, labels, addresses }: Node, index: number): Change[] {
  const ip = [`100.64.0.${index + 2}`, `fd00:100:64::${index + 2}`];
  return [
    put('Node', name, { labels, ip: addresses.join(',') }),
    put('IP', nodePortName(name), { for: name, node: name, subnet: 'join', ip: ip.join(','), mac: macOf(ip.join()) }),
  ];
}

/** Name of the port by which a node is on the join subnet, and of its IP object. */
export const nodePortName = (node: string): string => `node-${node}`;

/** `net/blue` is `blue.net.ovn`. */
const providerOf = (network: string): string =>
  network === 'ovn' ? 'ovn' : `${network.split('/').toReversed().join('.')}.ovn`;

/** Name of the port, and of the IP object, of a pod in one of its networks. */
export const portName = ({ namespace, name }: Pick<Pod, 'namespace' | 'name'>, provider: string): string =>
  provider === 'ovn' ? `${name}.${namespace}` : `${name}.${namespace}.${providerOf(provider)}`;

function podObjects(pod: Pod): Change[] {
  const key = `${pod.namespace}/${pod.name}`;
  const [main, ...further] = pod.interfaces;
  const annotations = {
    ...(main && { 'ovn.kubernetes.io/logical_switch': main.subnet }),
    ...(further.length > 0 && { 'k8s.v1.cni.cncf.io/networks': further.map(({ provider }) => provider).join(',') }),
  };
  const { labels, node, hostNetwork = false, phase = 'Running' } = pod;
  const fields = { labels, annotations, node, hostNetwork, phase, ...containersOf(pod.containers) };
  return [put('Pod', key, fields), ...pod.interfaces.map((nic) => assignment(key, pod, nic))];
}

function containersOf(containers: readonly Container[]): Fields {
  const spec = ({ role, ports }: Container, index: number): Fields => ({
    name: `c${index}`,
    ports,
    ...(role === 'sidecar' && { restartPolicy: 'Always' }),
  });
  return {
    containers: containers.filter(({ role }) => role === undefined).map(spec),
    initContainers: containers.filter(({ role }) => role !== undefined).map(spec),
  };
}

const assignment = (key: string, pod: Pod, { provider, subnet, addresses }: Interface): Change =>
  put('IP', portName(pod, provider), {
    for: key,
    node: pod.node,
    subnet,
    ip: addresses.join(','),
    mac: macOf(addresses[0] ?? ''),
  });

/** Locally administered, and another for each address. */
const macOf = (address: string): string =>
  ['02', ...(createHash('md5').update(address).digest('hex').slice(0, 10).match(/../g) ?? [])].join(':');

function policyObjects(world: World): Change[] {
  const cluster = {
    AdminNetworkPolicy: world.adminNetworkPolicies,
    ClusterNetworkPolicy: world.clusterNetworkPolicies,
  };
  return [
    ...world.networkPolicies.map(({ metadata: { namespace, name, annotations = {} }, spec }) =>
      put('NetworkPolicy', `${namespace}/${name}`, { annotations, ...spec }),
    ),
    ...Object.entries({ ...cluster, BaselineAdminNetworkPolicy: world.baselineAdminNetworkPolicies }).flatMap(
      ([kind, policies]) => policies.map(({ metadata, spec }) => put(kind, metadata.name, { ...spec })),
    ),
  ];
}

/** Whoever resolves names has met this one. */
const resolver = ([name, addresses]: readonly [string, readonly string[]]): Change =>
  put('DNSNameResolver', `of-${name}`, {
    name: `${name}.`,
    resolvedNames: [{ dnsName: `${name}.`, resolvedAddresses: addresses.map((ip) => ({ ip })) }],
  });

/** What has to be told to whoever knows the one state so that he knows the other: what goes first. */
export function changesBetween(before: readonly Change[], after: readonly Change[]): Change[] {
  const keyOf = ({ kind, key }: Change): string => `${kind} ${key}`;
  const known = new Map(before.map((change) => [keyOf(change), JSON.stringify(change.object)]));
  const wanted = new Set(after.map(keyOf));
  const gone = before.filter((change) => !wanted.has(keyOf(change)));
  const fresh = after.filter((change) => known.get(keyOf(change)) !== JSON.stringify(change.object));
  return [...gone.map((change) => ({ ...change, object: undefined })), ...fresh];
}
