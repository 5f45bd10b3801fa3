// The namespaces of a VPC, and the subnet that their pods use. Kept apart from the rows of the VPC, since bindings of
// namespaces ask it too.
import type { Fact } from '../api/fact.ts';
import { textOf, textsOf } from '../api/json.ts';
import { vpcRef } from '../api/refs.ts';
import type { VpcRow } from '../api/tables.ts';
import { clusterOf, problem } from './reconciler.ts';
import type { WorldRead } from './reconciler.ts';

/** Of two VPCs that list a namespace the first in the order of names has it. */
export const vpcOfNamespace = (namespace: string, read: WorldRead): VpcRow | undefined =>
  read.at('vpcsByNamespace', namespace).toSorted((a, b) => (a.meta.name < b.meta.name ? -1 : 1))[0];

/**
 * The subnets for namespaces of the VPC. One that is named and does not exist yet is waited for, so that no pod gets an
 * address of another VPC while objects come in any order; one that is another VPC's counts for nothing.
 */
export function defaultSubnets({ meta: { name }, spec }: VpcRow, read: WorldRead): string[] {
  const { defaultVpc, defaultSubnet } = clusterOf(read);
  if (name === defaultVpc) return [defaultSubnet];
  const named = textOf(spec['defaultSubnet']);
  const network = read.get('network', named);
  if (named !== '' && (network === undefined || network.vpc === name)) return [named];
  return read
    .at('networksByVpc', name)
    .filter(({ isDefault }) => isDefault)
    .map((flagged) => flagged.name)
    .sort();
}

export function* namespaceProblems(row: VpcRow, read: WorldRead): Generator<Fact> {
  const { meta, spec } = row;
  const about = vpcRef(meta.name);
  for (const namespace of new Set(textsOf(spec['namespaces']))) {
    const holder = vpcOfNamespace(namespace, read)?.meta.name ?? '';
    if (holder !== meta.name) {
      yield problem(about, 'NamespaceConflict', `namespace ${namespace} is bound to VPC ${holder}`);
    }
  }
  const named = textOf(spec['defaultSubnet']);
  if (named === '' || meta.name === clusterOf(read).defaultVpc) return;
  const network = read.get('network', named);
  if (network?.vpc === meta.name) return;
  const why = network ? 'is not in this VPC' : 'does not exist';
  yield problem(about, 'DefaultSubnetInvalid', `defaultSubnet ${named} ${why}`);
}
