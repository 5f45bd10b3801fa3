// Which subnets the pods of a namespace use: those of its VPC first, then those bound to it by name or label in the
// order of their names, else the default subnet; and the IPPools that they are bound to. An annotation of the user's on
// the namespace does not count: it is where the result is shown.
import { labelKey, matches } from '../api/labels.ts';
import type { Binding, NamespaceRow, VpcRow } from '../api/tables.ts';
import { textOf } from '../api/json.ts';
import { clusterOf } from './reconciler.ts';
import type { Projection, WorldRead } from './reconciler.ts';

/** Table `binding`. */
export const binding: Projection<NamespaceRow, Binding> = function* (row, read) {
  const { name } = row.meta;
  const ofVpc = read.at('vpcsByNamespace', name).flatMap((vpc) => defaultSubnets(vpc, read));
  const bound = [...read.at('networksByNamespace', name).map((network) => network.name), ...selected(row, read)];
  const subnets = [...new Set([...ofVpc.sort(), ...bound.sort()])];
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

function defaultSubnets(vpc: VpcRow, read: WorldRead): string[] {
  const named = textOf(vpc.spec['defaultSubnet']);
  if (named !== '') return [named];
  return read
    .at('networksByVpc', vpc.meta.name)
    .filter((network) => network.isDefault)
    .map((network) => network.name);
}

function selected(row: NamespaceRow, read: WorldRead): string[] {
  const { labels } = row.meta;
  const keys = ['', ...Object.entries(labels).map(([key, value]) => labelKey(key, value))];
  const candidates = keys.flatMap((key) => read.at('networksBySelector', key));
  return candidates
    .filter((network) => network.namespaceSelectors.some((selector) => matches(selector, labels)))
    .map((network) => network.name);
}
