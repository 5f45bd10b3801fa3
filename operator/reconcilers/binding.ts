// Which subnets the pods of a namespace use: those of its VPC first, then those bound to it by name or label in the
// order of their names, else the default subnet; and the IPPools that they are bound to. An annotation of the user's on
// the namespace does not count: it is where the result is shown.
import { labelKeys, matches } from '../api/labels.ts';
import type { Binding, NamespaceRow } from '../api/tables.ts';
import { clusterOf } from './reconciler.ts';
import type { Projection, WorldRead } from './reconciler.ts';
import { defaultSubnets, vpcOfNamespace } from './vpc-namespaces.ts';

/** Table `binding`. */
export const binding: Projection<NamespaceRow, Binding> = function* (row, read) {
  const { name } = row.meta;
  const vpc = vpcOfNamespace(name, read);
  const ofVpc = vpc ? defaultSubnets(vpc, read) : [];
  const bound = [...read.at('networksByNamespace', name).map((network) => network.name), ...selected(row, read)];
  const subnets = [...new Set([...ofVpc, ...bound.sort()])];
  const pools = read.at('poolsByNamespace', name).map((pool) => pool.name);
  yield [
    name,
    {
      namespace: name,
      subnets: subnets.length > 0 ? subnets : [clusterOf(read).defaultSubnet],
      pools: pools.sort(),
    },
  ];
};

function selected(row: NamespaceRow, read: WorldRead): string[] {
  const { labels } = row.meta;
  const candidates = labelKeys(labels).flatMap((key) => read.at('networksBySelector', key));
  return candidates
    .filter((network) => network.namespaceSelectors.some((selector) => matches(selector, labels)))
    .map((network) => network.name);
}
