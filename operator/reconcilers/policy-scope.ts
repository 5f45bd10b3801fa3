// Where a policy's rules are needed: in which VPCs, since addresses mean something in one only, and for which families.
import type { AskedName, NamedNumber, PortRow, Presence, VpcFamily } from '../api/policy-tables.ts';
import type { NamespaceRow, Network, Tables } from '../api/tables.ts';
import { clusterOf } from './reconciler.ts';
import type { Entry, Projection, WorldRead } from './reconciler.ts';
import type { LabelledRow, NamedPort, NetworkPolicyRow } from '../api/policy-row.ts';
import type { Translate } from '../api/translation.ts';

/** Tables `translation` and, shared, `selection`. */
export const translationOf = (translate: Translate) =>
  function* (row: NetworkPolicyRow, read: WorldRead, key: string): Generator<Entry> {
    if (!clusterOf(read).enableNp) return;
    const { translation, selections } = translate(row);
    yield { entry: 'translation', key, value: translation };
    for (const [at, value] of selections.entries())
      yield { entry: 'selection', key: translation.selections[at] ?? '', value };
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

/** Table `presence`, shared: what the subnets of the namespace do not tell. */
export const presence: Projection<PortRow, Presence> = function* ({ namespace, subnet, vpc }, read) {
  if (read.get('binding', namespace)?.subnets.includes(subnet) === true) return;
  yield [`${namespace} ${vpc}`, { namespace, vpc }];
};

/** VPCs in which the namespace has pods or may get some; with `providers` those of these networks alone. */
export function vpcsOf(namespace: string, providers: readonly string[], read: WorldRead): string[] {
  const vpcs = new Set<string>();
  if (providers.length > 0) {
    for (const provider of providers) for (const { vpc } of read.at('networksByProvider', provider)) vpcs.add(vpc);
    return [...vpcs].sort();
  }
  for (const subnet of read.get('binding', namespace)?.subnets ?? []) {
    const network = read.get('network', subnet);
    if (network) vpcs.add(network.vpc);
  }
  for (const { vpc } of read.at('presencesByNamespace', namespace)) vpcs.add(vpc);
  return [...vpcs].sort();
}

export const hasFamily = (vpc: string, family: 4 | 6, read: WorldRead): boolean =>
  read.get('vpcFamily', `${vpc} ${family}`) !== undefined;

export const nameKey = (selection: string, name: string): string => `${name} ${selection}`;

/** Table `askedName`, shared. */
export const askedNames: Projection<NetworkPolicyRow, AskedName> = function* (_, read, key) {
  for (const { selection, name } of read.get('translation', key)?.names ?? []) {
    yield [nameKey(selection, name), { selection, name }];
  }
};

/** Table `namedNumber`, shared. */
export const namedNumbers: Projection<LabelledRow, NamedNumber> = function* ({ ports }, read, pod) {
  if (ports.length === 0) return;
  for (const selection of read.get('matched', pod) ?? []) {
    const asked = new Set(read.at('namesBySelection', selection).map(({ name }) => name));
    for (const port of ports) if (asked.has(port.name)) yield numberOf(selection, port);
  }
};

const numberOf = (selection: string, { name, protocol, number }: NamedPort): readonly [string, NamedNumber] => [
  `${nameKey(selection, name)} ${protocol} ${number}`,
  { selection, name, protocol, number },
];
