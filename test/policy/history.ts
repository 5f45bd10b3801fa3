// The worlds of a random history: what the slots hold after each step.
import type { AdminNetworkPolicy, BaselineAdminNetworkPolicy, ClusterNetworkPolicy, Labels } from './api.ts';
import { interfacesAt } from './layouts.ts';
import { namespaceNames, nodeNames, podNames, policyNames } from './random.ts';
import type { ClusterFill, Fill, History, PodFill, PolicyFill } from './random.ts';
import { emptyWorld } from './world.ts';
import type { Pod, World } from './world.ts';

interface Slots {
  readonly pod: Map<number, PodFill>;
  readonly namespace: Map<number, Labels>;
  readonly node: Map<number, Labels>;
  readonly policy: Map<number, PolicyFill>;
  readonly cluster: Map<number, ClusterFill>;
}

export function worldsOf({ layout, style, steps }: History): World[] {
  const slots: Slots = { pod: new Map(), namespace: new Map(), node: new Map(), policy: new Map(), cluster: new Map() };
  return steps.map((fills) => {
    for (const fill of fills) put(slots, fill);
    return worldOf({ layout, style }, slots);
  });
}

function put(slots: Slots, { of, at, value }: Fill): void {
  const slotsOf = slots[of] as Map<number, unknown>;
  if (value === undefined) slotsOf.delete(at);
  else slotsOf.set(at, value);
}

type Setting = Pick<History, 'layout' | 'style'>;

function worldOf({ layout, style }: Setting, slots: Slots): World {
  const cluster = [...slots.cluster].sort(([a], [b]) => a - b);
  return {
    ...emptyWorld,
    subnets: layout.subnets,
    namespaces: namespaceNames.map((name, at) => ({
      name,
      labels: { ...slots.namespace.get(at), 'kubernetes.io/metadata.name': name },
    })),
    nodes: nodeNames.map((name, at) => ({
      name,
      labels: slots.node.get(at) ?? {},
      addresses: layout.nodes[at] ?? [],
    })),
    pods: podsOf(layout, slots),
    networkPolicies: distinct([...slots.policy.values()], ({ namespace, name }) => [`${namespace}/${name}`]).map(
      ({ namespace, name, annotations, spec }) => ({
        metadata: { namespace: namespaceNames[namespace] ?? '', name: policyNames[name] ?? '', annotations },
        spec,
      }),
    ),
    ...(style === 'v1alpha1' && administrators(cluster)),
    ...(style === 'v1alpha2' && { clusterNetworkPolicies: clusterPolicies(cluster) }),
  };
}

/** Of two that want one name or one place the first has it. */
function podsOf(layout: History['layout'], slots: Slots): Pod[] {
  const inOrder = [...slots.pod].sort(([a], [b]) => a - b).map(([, fill]) => fill);
  return distinct(inOrder, ({ namespace, name, place }) => [`${namespace}/${name}`, String(place)]).map((fill) => ({
    namespace: namespaceNames[fill.namespace] ?? '',
    name: podNames[fill.name] ?? '',
    labels: fill.labels,
    node: nodeNames[fill.node] ?? '',
    hostNetwork: fill.hostNetwork,
    phase: fill.completed ? 'Succeeded' : 'Running',
    containers: fill.containers,
    interfaces: fill.hostNetwork ? [] : interfacesAt(layout, fill.place, fill),
  }));
}

type Slotted = readonly (readonly [number, ClusterFill])[];

/** Two policies of one tier and priority are in no order that one could judge by. */
const byPriority = (fills: Slotted): Slotted => distinct(fills, ([, { tier, priority }]) => [`${tier} ${priority}`]);

const named = (at: number): string => `c-${at}`;

function administrators(fills: Slotted): {
  adminNetworkPolicies: AdminNetworkPolicy[];
  baselineAdminNetworkPolicies: BaselineAdminNetworkPolicy[];
} {
  const of = (tier: ClusterFill['tier']): Slotted => byPriority(fills).filter(([, fill]) => fill.tier === tier);
  return {
    adminNetworkPolicies: of('Admin').map(([at, { priority, spec }]) => ({
      metadata: { name: named(at) },
      spec: { priority, ...spec },
    })),
    baselineAdminNetworkPolicies: of('Baseline')
      .slice(0, 1)
      .map(([, { spec }]) => ({ metadata: { name: 'default' }, spec })),
  };
}

const clusterPolicies = (fills: Slotted): ClusterNetworkPolicy[] =>
  byPriority(fills).map(([at, { tier, priority, spec }]) => ({
    metadata: { name: named(at) },
    spec: { tier, priority, ...spec },
  }));

/** The first of those that share a key. */
function distinct<T>(items: readonly T[], keysOf: (item: T) => string[]): T[] {
  const taken = new Set<string>();
  return items.filter((item) => {
    const keys = keysOf(item).map((key, index) => `${index} ${key}`);
    if (keys.some((key) => taken.has(key))) return false;
    for (const key of keys) taken.add(key);
    return true;
  });
}
