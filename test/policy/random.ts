// Random worlds and what becomes of them, from small alphabets, so that policies meet, places are taken again and names
// stand at the limits of what the API takes. A history is a list of slots that are filled, filled anew and emptied; the
// world is what the slots hold (history.ts). All of it is data of fast-check's, so that a failure shrinks.
import fc from 'fast-check';
import type { ClusterSpec, Labels, NetworkPolicySpec } from './api.ts';
import { layouts } from './layouts.ts';
import type { Layout } from './layouts.ts';
import {
  annotations,
  clusterSpec,
  labels,
  maybe,
  merged,
  numbers,
  one,
  policySpec,
  portNames,
  protocol,
  some,
} from './random-policies.ts';
import type { Style } from './random-policies.ts';
import type { Container, ContainerPort } from './world.ts';

/** What stands in a slot; undefined empties it. */
export type Fill =
  | { readonly of: 'pod'; readonly at: number; readonly value: PodFill | undefined }
  | { readonly of: 'namespace' | 'node'; readonly at: number; readonly value: Labels | undefined }
  | { readonly of: 'policy'; readonly at: number; readonly value: PolicyFill | undefined }
  | { readonly of: 'cluster'; readonly at: number; readonly value: ClusterFill | undefined };

export interface PodFill {
  readonly namespace: number;
  readonly name: number;
  readonly labels: Labels;
  readonly place: number;
  readonly node: number;
  readonly hostNetwork: boolean;
  readonly completed: boolean;
  readonly attached: boolean;
  readonly containers: readonly Container[];
}

export interface PolicyFill {
  readonly namespace: number;
  readonly name: number;
  readonly annotations: Labels;
  readonly spec: NetworkPolicySpec;
}

export interface ClusterFill {
  readonly tier: 'Admin' | 'Baseline';
  readonly priority: number;
  readonly spec: ClusterSpec;
}

export interface History {
  readonly layout: Layout;
  readonly style: Style;
  readonly steps: readonly (readonly Fill[])[];
}

const podSlots = 7;
const policySlots = 6;
const clusterSlots = 4;
const places = 14;
export const namespaceNames = ['a', 'a-b', `${'n'.repeat(62)}9`];
export const podNames = ['web', 'web.a', 'web-a', 'db', '0', '9-9', `${'p'.repeat(180)}-0`];
export const policyNames = ['p-1', 'p.1', '1', 'ingress', `${'q'.repeat(252)}9`];
export const nodeNames = ['n1', 'n2'];

const containerPort: fc.Arbitrary<ContainerPort> = merged(
  fc.record({ containerPort: one(...numbers) }),
  merged(maybe('name', one(...portNames)), maybe('protocol', protocol)),
);

const containers: fc.Arbitrary<Container[]> = some(
  merged(
    fc.record({ ports: some(containerPort, 0, 3) }),
    fc.oneof({ weight: 6, arbitrary: fc.constant({}) }, fc.record({ role: one('sidecar' as const, 'init' as const) })),
  ),
  1,
  2,
);

const clusterFill = (style: Style): fc.Arbitrary<ClusterFill> =>
  fc.record({ tier: one('Admin', 'Admin', 'Baseline'), priority: one(0, 1, 50, 99), spec: clusterSpec(style) });

/** Most are in the first. */
const inNamespace = fc.oneof(fc.constant(0), fc.nat(namespaceNames.length - 1));

const podFill: fc.Arbitrary<PodFill> = fc.record({
  namespace: inNamespace,
  name: fc.nat(podNames.length - 1),
  labels,
  place: fc.nat(places - 1),
  node: fc.nat(nodeNames.length - 1),
  hostNetwork: fc.oneof({ weight: 12, arbitrary: fc.constant(false) }, fc.constant(true)),
  completed: fc.oneof({ weight: 9, arbitrary: fc.constant(false) }, fc.constant(true)),
  attached: fc.oneof({ weight: 4, arbitrary: fc.constant(true) }, fc.constant(false)),
  containers,
});

const policyFill: fc.Arbitrary<PolicyFill> = fc.record({
  namespace: inNamespace,
  name: fc.nat(policyNames.length - 1),
  annotations,
  spec: policySpec,
});

const slot = <O extends string, V>(of: O, slots: number, value: fc.Arbitrary<V>) =>
  fc.record({ of: fc.constant(of), at: fc.nat(slots - 1), value });

/** Each slot once; `empty` in a hundred stay empty. */
const filled = <O extends string, V>(
  of: O,
  slots: number,
  { value, empty }: { value: fc.Arbitrary<V>; empty: number },
) =>
  fc.tuple(
    ...Array.from({ length: slots }, (_, at) =>
      fc.record({ of: fc.constant(of), at: fc.constant(at), value: orNone(value, empty) }),
    ),
  );

const orNone = <V>(value: fc.Arbitrary<V>, percent: number): fc.Arbitrary<V | undefined> =>
  fc.oneof({ weight: 100 - percent, arbitrary: value }, { weight: percent, arbitrary: fc.constant(undefined) });

function historyOf(layout: Layout, style: Style): fc.Arbitrary<History> {
  const cluster = clusterFill(style);
  const first = fc
    .tuple(
      filled('namespace', namespaceNames.length, { value: labels, empty: 0 }),
      filled('node', nodeNames.length, { value: labels, empty: 0 }),
      filled('pod', podSlots, { value: podFill, empty: 10 }),
      filled('policy', policySlots, { value: policyFill, empty: 40 }),
      filled('cluster', clusterSlots, { value: cluster, empty: 60 }),
    )
    .map((fills) => fills.flat());
  const later = fc.oneof(
    { weight: 4, arbitrary: slot('pod', podSlots, orNone(podFill, 25)) },
    { weight: 3, arbitrary: slot('policy', policySlots, orNone(policyFill, 25)) },
    { weight: 1, arbitrary: slot('namespace', namespaceNames.length, labels) },
    { weight: 1, arbitrary: slot('node', nodeNames.length, labels) },
    { weight: 2, arbitrary: slot('cluster', clusterSlots, orNone(cluster, 25)) },
  );
  return fc
    .tuple(first, some(some(later, 1, 4), 0, 3))
    .map(([first, steps]) => ({ layout, style, steps: [first, ...steps] as Fill[][] }));
}

export const histories = (...styles: readonly Style[]): fc.Arbitrary<History> =>
  fc.tuple(one<Layout>(...layouts), one(...styles)).chain(([layout, style]) => historyOf(layout, style));
