// Which SecurityGroups a port is in: those that its annotation names, and in a VPC of its own the one for all. Like all
// members these are the pod's own facts.
import type { MemberFact } from '../../lib/delta/fact.ts';
import type { ProblemFact } from '../api/fact.ts';
import type { PortRow } from '../api/policy-tables.ts';
import { podRef } from '../api/refs.ts';
import { defaultSecurityGroup } from '../api/security-row.ts';
import type { Network, PodRow } from '../api/tables.ts';
import { memberOf } from '../nb/rows/policy.ts';
import { collectionOf } from './named.ts';
import { clusterOf, problem } from './reconciler.ts';
import type { WorldRead } from './reconciler.ts';
import { securityDenyId } from './security-deny.ts';

/** Names of the groups of a port in this network, whether or not they exist. */
export function groupsOf(named: readonly string[], { vpc }: Network, read: WorldRead): readonly string[] {
  const isCustom = vpc !== clusterOf(read).defaultVpc;
  const isDefault = isCustom && !named.includes(defaultSecurityGroup) && read.get('security', defaultSecurityGroup);
  return isDefault ? [...named, defaultSecurityGroup] : named;
}

/** What Kube-OVN says of it in the port's external_ids. */
export function securityIds(
  named: readonly string[],
  network: Network,
  read: WorldRead,
): Readonly<Record<string, string>> {
  const isCustom = network.vpc !== clusterOf(read).defaultVpc;
  if (named.length === 0 && !isCustom) return nothing;
  const groups = groupsOf(named, network, read);
  return {
    ...(isCustom && { [`associated_sg_${defaultSecurityGroup}`]: 'false' }),
    ...Object.fromEntries(groups.map((group) => [`associated_sg_${group}`, 'true'])),
    ...(named.length > 0 && { security_groups: named.join('/') }),
  };
}

const nothing = {};

export function* missingGroups({ meta }: PodRow, named: readonly string[], read: WorldRead): Generator<ProblemFact> {
  for (const group of named) {
    if (read.get('security', group)) continue;
    const message = `SecurityGroup ${group} does not exist, so the pod is not in it`;
    yield problem(podRef(meta.namespace, meta.name), 'SecurityGroupNotFound', message);
  }
}

export function* securityMembers({ id, owner, groups, sources }: PortRow, read: WorldRead): Generator<MemberFact> {
  let isIsolated = false;
  for (const group of groups) {
    const rows = read.get('security', group);
    if (!rows) continue;
    isIsolated = true;
    yield memberOf(collectionOf(rows.group), id, owner);
    for (const address of sources)
      yield memberOf(collectionOf(rows.sets[address.includes(':') ? 6 : 4]), address, owner);
  }
  if (isIsolated) yield memberOf({ row: 'Port_Group', id: securityDenyId }, id, owner);
}
