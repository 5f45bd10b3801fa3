// Rows of ACLs: rules on the switch of a subnet, judged in tier 2 with everything else that a namespace's owner may say.
import { owner as ownerOf } from '../../../lib/delta/ids.ts';
import type { RowFact, RowId } from '../../../lib/delta/fact.ts';
import { subnetRef } from '../../api/refs.ts';
import { aclTier } from '../priorities.ts';
import { row, set } from './row.ts';
import { acls } from './switch.ts';

export interface Rule {
  /** Unique among the rules of the subnet. */
  readonly name: string;
  /** As seen from the switch: `to-lport` is towards a pod. */
  readonly direction: 'to-lport' | 'from-lport';
  /** 0 to 32767; the highest that matches decides. */
  readonly priority: number;
  readonly match: string;
  /** As ovn-nb(5) names it. */
  readonly action: string;
  /** Log what it meets, as a warning with the name of the subnet. */
  readonly log?: true;
  /** Sets and groups that the match names. */
  readonly needs?: readonly RowId[];
}

/** A rule on the switch of a subnet. */
export const switchAcl = (subnet: string, { name, direction, priority, match, action, log, needs }: Rule): RowFact =>
  row('ACL', {
    owner: ownerOf(subnetRef(subnet)),
    name,
    columns: {
      direction,
      priority,
      match,
      action,
      tier: aclTier.namespace,
      log: log === true,
      ...(log === true && { name: set(subnet.slice(0, longestName)), severity: set('warning') }),
    },
    external: { subnet },
    in: acls(subnet),
    ...(needs && { needs }),
  });

/** ACL.name is limited in the schema. */
const longestName = 63;
