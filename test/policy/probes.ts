// Which connections of a world are judged: every pair of pods in both directions, their nodes, and addresses that are
// nobody's, each with some of the ports that policies speak of and their neighbours.
import type { Family, Protocol } from './api.ts';
import { addressOf, isPolicyPod } from './world.ts';
import type { Endpoint, Pod, Traffic, World } from './world.ts';

export interface Probe {
  readonly from: Endpoint;
  readonly to: Endpoint;
  readonly traffic: Traffic;
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
  const pairs: (readonly [Endpoint, Endpoint])[] = pods.flatMap((pod) => [
    ...pods.filter((other) => other !== pod).map((other) => [{ pod }, { pod: other }] as const),
    ...outside.flatMap((other) => [[{ pod }, other] as const, [other, { pod }] as const]),
  ]);
  let turn = 0;
  return pairs.flatMap(([from, to]) =>
    commonNetworks(from, to).flatMap((network) =>
      Array.from({ length: perPair }, () => {
        const [protocol, port] = ports[turn++ % ports.length] ?? ['TCP', 80];
        return { from, to, traffic: { ...network, protocol, port } };
      }),
    ),
  );
}

type Network = Pick<Traffic, 'family' | 'provider'>;

/** Nodes and strangers are reached by the default network alone. */
function commonNetworks(from: Endpoint, to: Endpoint): Network[] {
  const providers = 'pod' in from && 'pod' in to ? providersOf(from.pod) : ['ovn'];
  const networks = providers.flatMap((provider) => ([4, 6] as Family[]).map((family) => ({ family, provider })));
  return networks.filter((network) => [from, to].every((end) => hasAddress(end, network)));
}

const hasAddress = (end: Endpoint, network: Network): boolean => {
  const address = addressOf(end, network);
  return address !== undefined && address.includes(':') === (network.family === 6);
};

const providersOf = ({ interfaces }: Pod): string[] => interfaces.map(({ provider }) => provider);

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
