// Where a policy's rules are needed: in which VPCs, since addresses mean something in one only, and for which families.
// And which numbers the ports have that policies call by name.
import type { Selector } from '../../lib/graph/selector.ts';
import type { AdminPolicyRow } from '../api/admin-policy-row.ts';
import type { NamedPort, NetworkPolicyRow } from '../api/policy-row.ts';
import type { AskedName, NamedNumber, Place, PortRow, Presence, VpcFamily } from '../api/policy-tables.ts';
import type { NamespaceRow, Network, NodeRow, Tables } from '../api/tables.ts';
import type { Translate } from '../api/translation.ts';
import type { Entry, Projection, WorldRead } from './reconciler.ts';

/** Tables `translation` and, shared, `selection`, `nodeSelection` and `askedName`. */
export const translationOf = (translate: Translate) =>
  function* (row: NetworkPolicyRow | AdminPolicyRow, _: WorldRead, key: string): Generator<Entry> {
    const { translation, selections } = translate(row);
    yield { entry: 'translation', key, value: translation };
    for (const [at, value] of selections.entries()) {
      const entry = translation.kinds[at] === 'nodes' ? 'nodeSelection' : 'selection';
      if (value) yield { entry, key: translation.selections[at] ?? '', value };
    }
    for (const name of translation.names) yield { entry: 'askedName', key: nameKey(name), value: name };
  };

/** Table `nodeLabels`: nodes are in no namespace. */
export const nodeLabels: Projection<NodeRow, Tables['nodeLabels']> = function* ({ meta: { name, labels } }) {
  yield [name, { scope: '', labels }];
};

/** Table `scope`. */
export const scopes: Projection<NamespaceRow, Tables['scope']> = function* ({ meta: { name, labels } }) {
  yield [name, { labels }];
};

/** Table `vpcFamily`, shared. */
export const vpcFamilies: Projection<Network, VpcFamily> = function* ({ vpc, cidrs, switched }) {
  if (!switched) return;
  for (const cidr of cidrs) {
    const family = cidr.includes(':') ? 6 : 4;
    yield [`${vpc} ${family}`, { vpc, family }];
  }
};

/** Table `presence`, shared. */
export const presence: Projection<PortRow, Presence> = function* ({ namespace, subnet }) {
  yield [`${namespace} ${subnet}`, { namespace, subnet }];
};

/** Table `places`: the VPCs of the subnets that the namespace is bound to, and of those that its pods are in. */
export const places: Projection<NamespaceRow, readonly Place[]> = function* ({ meta: { name } }, read) {
  const subnets = new Set([
    ...(read.get('binding', name)?.subnets ?? []),
    ...read.at('presencesByNamespace', name).map(({ subnet }) => subnet),
  ]);
  const vpcs = [...subnets].flatMap((subnet) => read.get('network', subnet)?.vpc ?? []);
  yield [name, placesIn(vpcs, read)];
};

/** The VPCs in order, each once. */
const placesIn = (vpcs: readonly string[], read: WorldRead): Place[] =>
  [...new Set(vpcs)].sort().map((vpc) => ({ vpc, families: familiesOf(vpc, read) }));

const familiesOf = (vpc: string, read: WorldRead): (4 | 6)[] =>
  read
    .at('familiesByVpc', vpc)
    .map(({ family }) => family)
    .sort((a, b) => a - b);

/** Where a policy of the namespace is needed; with `providers` where these networks are. */
export function placesOf(namespace: string, providers: readonly string[], read: WorldRead): readonly Place[] {
  if (providers.length === 0) return read.get('places', namespace) ?? [];
  return placesIn(
    providers.flatMap((provider) => read.at('networksByProvider', provider)).map(({ vpc }) => vpc),
    read,
  );
}

/** Of the places of a policy the one where the namespace has pods; the default VPC, when it is one of several. */
export function homeOf(
  namespace: string,
  all: readonly Place[],
  { defaultVpc, read }: { readonly defaultVpc: string; readonly read: WorldRead },
): string {
  const subnets = read.at('presencesByNamespace', namespace).map(({ subnet }) => subnet);
  const inhabited = new Set(subnets.map((subnet) => read.get('network', subnet)?.vpc));
  const there = all.map(({ vpc }) => vpc).filter((vpc) => inhabited.has(vpc));
  return there.includes(defaultVpc) ? defaultVpc : (there[0] ?? defaultVpc);
}

/**
 * Where a policy is needed whose pods are of these namespaces: of those that the selector names, or everywhere. Each
 * namespace carries its name as a label, which nobody can change.
 */
export function placesOfNamespaces(namespaces: Selector, read: WorldRead): readonly Place[] {
  const named = namespaces.find(({ key, operator }) => key === nameLabel && operator === 'In');
  const vpcs = named
    ? named.values.flatMap((name) => read.get('places', name) ?? []).map(({ vpc }) => vpc)
    : read.at('familiesByVpc', everyVpc).map(({ vpc }) => vpc);
  return placesIn(vpcs, read);
}

const nameLabel = 'kubernetes.io/metadata.name';

/** Key of index `familiesByVpc` under which all are. */
export const everyVpc = '';

export const nameKey = ({ selection, name }: AskedName): string => `${name} ${selection}`;

/** Table `namedNumber`, shared. */
export const namedNumbers: Projection<readonly NamedPort[], NamedNumber> = function* (ports, read, pod) {
  for (const selection of read.get('matched', pod) ?? []) {
    const asked = new Set(read.at('namesBySelection', selection).map(({ name }) => name));
    for (const port of ports) if (asked.has(port.name)) yield numberOf(selection, port);
  }
};

const numberOf = (selection: string, { name, protocol, number }: NamedPort): readonly [string, NamedNumber] => [
  `${nameKey({ selection, name })} ${protocol} ${number}`,
  { selection, name, protocol, number },
];
