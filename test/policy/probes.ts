// Which connections of a world are judged: every pair of pods in both directions, their nodes, and addresses that are
// nobody's, each with some of the ports that policies speak of and their neighbours.
import type { Family, Protocol } from './api.ts';
import { defaultVpc } from './objects.ts';
import { addressOf, isPolicyPod } from './world.ts';
import type { Endpoint, Pod, Traffic, World } from './world.ts';

export interface Probe {
  readonly from: Endpoint;
  readonly to: Endpoint;
  readonly traffic: Traffic;
  /** One end is the address of a pod that has ended: nobody answers, and all that can be told is what may not pass. */
  readonly ended?: true;
}

const ports: readonly (readonly [Protocol, number])[] = [
  ['TCP', 80],
  ['UDP', 53],
  ['TCP', 81],
  ['SCTP', 80],
  ['TCP', 82],
  ['UDP', 80],
  ['TCP', 79],
  ['UDP', 82],
  ['TCP', 83],
  ['SCTP', 65_535],
  ['TCP', 53],
  ['UDP', 81],
  ['TCP', 65_535],
];

/** Addresses outside of all subnets, also such as the blocks of policies have in them. */
const strangers: readonly Endpoint[] = ['192.0.2.1', '10.200.0.1', '2001:db8::1', 'fd00:ffff::1'].map((address) => ({
  address,
}));

/** `perPair` ports of each pair and family, others for each pair. */
export function probesOf(world: World, perPair: number): Probe[] {
  const pods = world.pods.filter(isPolicyPod);
  const outside: Endpoint[] = [...world.nodes.map((node) => ({ node })), ...strangers];
  const pairs: Pair[] = pods.flatMap((pod) => [
    ...pods.filter((other) => other !== pod).map((other) => ({ from: { pod }, to: { pod: other } })),
    ...(isAlone(world, pod) ? fromOutside(world, pod, outside) : []),
  ]);
  let turn = 0;
  return pairs.flatMap((pair) =>
    commonNetworks(world, pair).flatMap((network) =>
      Array.from({ length: perPair }, () => {
        const [protocol, port] = ports[turn++ % ports.length] ?? ['TCP', 80];
        return { ...pair, traffic: { ...network, protocol, port } };
      }),
    ),
  );
}

type Pair = Omit<Probe, 'traffic'>;

const fromOutside = (world: World, pod: Pod, outside: readonly Endpoint[]): Pair[] => [
  ...outside.flatMap((other) => bothWays(pod, other)),
  ...ended(world).flatMap((other) => bothWays(pod, other).map((pair) => ({ ...pair, ended: true as const }))),
];

const bothWays = (pod: Pod, other: Endpoint): Pair[] => [
  { from: { pod }, to: other },
  { from: other, to: { pod } },
];

/** Addresses in the default network of pods that have ended. */
const ended = (world: World): Endpoint[] =>
  world.pods
    .filter((pod) => pod.hostNetwork !== true && !isPolicyPod(pod) && isAlone(world, pod))
    .flatMap(({ interfaces }) => interfaces[0]?.addresses ?? [])
    .map((address) => ({ address }));

/** No pod of another VPC has its address: then the address tells who is meant. */
const isAlone = ({ pods }: World, pod: Pod): boolean =>
  pods.every((other) => other === pod || other.interfaces[0]?.addresses[0] !== pod.interfaces[0]?.addresses[0]);

type Network = Pick<Traffic, 'family' | 'provider'>;

/** Nodes and strangers are reached by the default network alone, and by the default VPC. */
function commonNetworks(world: World, { from, to }: Pair): Network[] {
  const providers = 'pod' in from && 'pod' in to ? from.pod.interfaces.map(({ provider }) => provider) : ['ovn'];
  const networks = providers.flatMap((provider) => ([4, 6] as Family[]).map((family) => ({ family, provider })));
  return networks.filter(
    (network) =>
      [from, to].every((end) => hasAddress(end, network)) && vpcOf(world, from, network) === vpcOf(world, to, network),
  );
}

function vpcOf({ subnets }: World, end: Endpoint, { provider }: Network): string {
  const nic = 'pod' in end ? end.pod.interfaces.find((each) => each.provider === provider) : undefined;
  return subnets.find(({ name }) => name === nic?.subnet)?.vpc ?? defaultVpc;
}

const hasAddress = (end: Endpoint, network: Network): boolean => {
  const address = addressOf(end, network);
  return address !== undefined && address.includes(':') === (network.family === 6);
};

/** `tcp/80`, or with the family `udp/53/6`, in the default network. */
export function trafficOf(text: string): Traffic {
  const [protocol = '', port, family = '4'] = text.split('/');
  return {
    protocol: protocol.toUpperCase() as Protocol,
    port: Number(port),
    family: family === '4' ? 4 : 6,
    provider: 'ovn',
  };
}
