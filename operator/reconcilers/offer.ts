// What an interface could be given, as a policy module with hook `ipam` is told: what the pod asks for itself is asked for
// already, so that only what is left to choose is in it.
import type { Offer, OfferedPool, OfferedSubnet } from '../api/offer.ts';
import type { Demand, Network, PodRow, Pool } from '../api/tables.ts';
import type { WorldRead } from './reconciler.ts';

type Texts = Readonly<Record<string, string>>;

/** Who asks. */
export interface Asking {
  readonly demand: Demand;
  readonly pod: PodRow;
  /** Of the interface. */
  readonly provider: string;
}

/** Undefined when there is nothing to choose, or nothing to choose from. */
export function offerOf(asking: Asking, inputs: readonly string[], read: WorldRead): Offer | undefined {
  const { demand, pod, provider } = asking;
  const { wish = {}, namespace } = demand;
  const networks = demand.subnets.flatMap((name) => read.get('network', name) ?? []).filter((one) => !one.deleting);
  if (networks.length === 0 || isSettled(demand)) return undefined;
  const all = networks.flatMap(({ name }) => read.at('poolsBySubnet', name)).toSorted(byName);
  const pools = wish.fixed ? [] : poolsFor(all, demand);
  const when = <T>(input: string, value: () => T): T | undefined => (inputs.includes(input) ? value() : undefined);
  return {
    namespace: { name: namespace, ...labelled(when('namespace.labels', () => labelsOf('namespace', namespace, read))) },
    pod: {
      name: demand.podName,
      uid: demand.uid,
      ...labelled(when('pod.labels', () => read.get('labelled', keyOf(pod))?.labels ?? {})),
      ...annotated(when('pod.annotations', () => ownAnnotations(pod))),
    },
    node: { name: demand.node, ...labelled(when('node.labels', () => labelsOf('node', demand.node, read))) },
    interface: provider,
    families: familiesOf(networks, wish.family),
    subnets: networks.map((network) => offered(network, all, pools)),
    pools: pools.map((pool) =>
      offeredPool(
        pool,
        when('pool.labels', () => labelsOf('ippool', pool.name, read)),
      ),
    ),
    poolRequired: wish.pools !== undefined,
    ...(wish.fixed && { addresses: wish.fixed }),
  };
}

/** It is one address that is asked for, or something that nobody understands. */
const isSettled = ({ wish }: Demand): boolean =>
  wish?.invalid !== undefined || (wish?.fixed !== undefined && wish.fixed.length < 2);

/** Those that it has to choose from, in its own order; else those of the subnets that are not others'. */
function poolsFor(all: readonly Pool[], { wish, namespace }: Demand): readonly Pool[] {
  if (wish?.pools) return wish.pools.flatMap((name) => all.find((pool) => pool.name === name) ?? []);
  return all.filter(({ namespaces }) => namespaces.length === 0 || namespaces.includes(namespace));
}

const offered = (
  { name, vpc, provider, cidrs, excludeIps }: Network,
  all: readonly Pool[],
  pools: readonly Pool[],
): OfferedSubnet => {
  const kept = all.filter((pool) => pool.subnet === name && !pools.includes(pool));
  return { name, vpc, provider, cidrs, excludeIps: [...excludeIps, ...kept.flatMap(({ ranges }) => ranges)] };
};

const offeredPool = ({ name, subnet, ranges }: Pool, labels: Texts | undefined): OfferedPool => ({
  name,
  subnet,
  ranges,
  ...labelled(labels),
});

function familiesOf(networks: readonly Network[], wanted: 4 | 6 | undefined): (4 | 6)[] {
  const isThere = (family: 4 | 6): boolean =>
    networks.some(({ cidrs }) => cidrs.some((cidr) => cidr.includes(':') === (family === 6)));
  return ([4, 6] as const).filter((family) => isThere(family) && (wanted ?? family) === family);
}

const labelsOf = (table: 'namespace' | 'node' | 'ippool', name: string, read: WorldRead): Texts =>
  read.get(table, name)?.meta.labels ?? {};

/** Those that are meant for Kubeloom; Kube-OVN's are followed before a module is asked. */
const ownAnnotations = ({ meta }: PodRow): Texts =>
  Object.fromEntries(Object.entries(meta.annotations).filter(([key]) => key.startsWith('kubeloom.io/')));

const labelled = (labels: Texts | undefined): { labels?: Texts } => (labels ? { labels: sorted(labels) } : {});

const annotated = (annotations: Texts | undefined): { annotations?: Texts } =>
  annotations ? { annotations: sorted(annotations) } : {};

/** In one order, so that equal ones are one question. */
const sorted = (texts: Texts): Texts => Object.fromEntries(Object.entries(texts).sort(([a], [b]) => (a < b ? -1 : 1)));

const byName = (a: Pool, b: Pool): number => (a.name < b.name ? -1 : 1);

const keyOf = ({ meta }: PodRow): string => `${meta.namespace}/${meta.name}`;
