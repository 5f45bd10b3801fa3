// What the metrics show, read from where it is at the moment somebody asks.
import type { AssignmentSample, CentralizedSample, MetricSources, SubnetSample } from './kube/metrics.ts';
import { nextHops, sourceMatch } from './reconcilers/gateway.ts';
import type { World } from './world.ts';

function* subnetSamples({ network, usage }: World): Generator<SubnetSample> {
  for (const [name, { cidrs, excludeIps }] of network.entries()) {
    const used = usage.get(name);
    if (used === undefined) continue;
    const families = new Set(cidrs.map((cidr) => (cidr.includes(':') ? 'IPv6' : 'IPv4')));
    yield { name, protocol: families.size === 2 ? 'Dual' : [...families].join(''), cidrs, excludeIps, usage: used };
  }
}

const names = (nodes: readonly { readonly name: string }[]): string => nodes.map(({ name }) => name).join(',');

function* centralizedSamples({ network, wayOut }: World): Generator<CentralizedSample> {
  for (const [name, { listed, active }] of wayOut.entries()) {
    const { ecmp = false, cidrs = [] } = network.get(name) ?? {};
    const gateways = { nodes: names(listed), active: ecmp ? '' : names(active) };
    for (const cidr of cidrs) {
      const nexthops = nextHops(active, cidr).map(({ address }) => address);
      yield { subnet: name, ecmp, ...gateways, match: sourceMatch(cidr), nexthops: nexthops.join(',') };
    }
  }
}

function* assignmentSamples({ ip }: World): Generator<AssignmentSample> {
  for (const [, { subnet, podName, addresses }] of ip.entries())
    for (const address of addresses) yield { subnet, ip: address, pod: podName };
}

/** Asked for when the metrics are, since some of it is built later than they are. */
export interface Measured {
  readonly world: () => World;
  /** Counts of the northbound database's differ. */
  readonly counts: () => Readonly<Record<string, number>>;
  readonly queues: () => Readonly<Record<string, { readonly size: number }>>;
  /** Objects known, by kind. */
  readonly sizes: () => Readonly<Record<string, number>>;
  readonly troubles: MetricSources['troubles'];
  readonly leading: () => boolean;
}

export function metricSources({ world, counts, queues, sizes, troubles, leading }: Measured): MetricSources {
  return {
    subnets: () => subnetSamples(world()),
    assignments: () => assignmentSamples(world()),
    centralized: () => centralizedSamples(world()),
    differ: () => {
      const { pending = 0, parked = 0, frozen = 0 } = counts();
      return { pending, parked, frozen };
    },
    queues: () => Object.fromEntries(Object.entries(queues()).map(([name, { size }]) => [name, size])),
    reflectors: sizes,
    troubles,
    leading,
  };
}
