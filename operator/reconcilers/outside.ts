// Who is in the sets of policies without being a pod: nodes that a selector picks, and what a domain name resolves to.
import { owner as ownerOf } from '../../lib/delta/ids.ts';
import type { MemberFact, Owner } from '../../lib/delta/fact.ts';
import { domainKey } from '../api/domain-row.ts';
import type { DomainRow } from '../api/domain-row.ts';
import { dnsNameResolverRef } from '../api/refs.ts';
import { memberOf } from '../nb/rows/policy.ts';
import type { Reconciler, WorldRead } from './reconciler.ts';

const none: readonly string[] = [];

/** A node's addresses in the sets of the selectors that it satisfies. */
export function* nodeMembers(
  name: string,
  { addresses, owner }: { readonly addresses: readonly string[]; readonly owner: Owner },
  read: WorldRead,
): Generator<MemberFact> {
  for (const selection of read.get('matchedNode', name) ?? none) yield* members(selection, addresses, owner, read);
}

export const domainName: Reconciler<DomainRow> = {
  kind: 'DNSNameResolver',
  *desired({ meta: { name }, domain, addresses }, read) {
    yield* members(domainKey(domain), addresses, ownerOf(dnsNameResolverRef(name)), read);
  },
};

function* members(
  selection: string,
  addresses: readonly string[],
  owner: Owner,
  read: WorldRead,
): Generator<MemberFact> {
  for (const facet of read.at('facetsBySelection', selection)) {
    if (facet.kind !== 'nodes' && facet.kind !== 'domain') continue;
    for (const address of addresses)
      if (address.includes(':') === (facet.family === 6)) yield memberOf(facet.into, address, owner);
  }
}
