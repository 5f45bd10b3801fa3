// Keys of the one NB_Global row, which others make and share with us: each is a member, never the row.
import { singletonId } from '../../../lib/delta/ids.ts';
import type { MemberFact, Owner } from '../../../lib/delta/fact.ts';

/** The Kube-OVN whose names and external_ids the rows follow; an older one that comes back must not tag them anew. */
const kubeOvnVersion = 'v1.17.0';

const keys = {
  external_ids: { 'kube-ovn-version': kubeOvnVersion },
  options: {
    // ovn-nb(5): matches on ct.inv keep flows from being offloaded to hardware.
    use_ct_inv_match: 'false',
    // Without effect since OVN always groups datapaths; people and older OVN look for it.
    use_logical_dp_groups: 'true',
  },
} as const;

export function* globalKeys(owner: Owner): Generator<MemberFact> {
  for (const [column, entries] of Object.entries(keys)) {
    for (const [element, value] of Object.entries(entries)) {
      yield { member: 'NB_Global', id: singletonId('NB_Global'), column, element, value, owner };
    }
  }
}
