// The sets of policies that have the ClusterIPs of the Services by which their pods are reached, beside the pods' own
// addresses. Costs nothing as long as no policy has such a set.
import type { Fact } from '../api/fact.ts';
import type { Owner } from '../../lib/delta/fact.ts';
import type { SetFacet } from '../api/facet.ts';
import type { EndpointSliceRow, ServiceRow } from '../api/service-row.ts';
import { memberOf } from '../nb/rows/policy.ts';
import type { WorldRead } from './reconciler.ts';

interface Place {
  readonly owner: Owner;
  readonly vpc: string;
  readonly slices: readonly EndpointSliceRow[];
}

export function* clusterIpsInSets({ clusterIps }: ServiceRow, place: Place, read: WorldRead): Generator<Fact> {
  const { owner, vpc, slices } = place;
  const facets = read.at('facetsOfServices', vpc).filter((facet) => facet.kind === 'set');
  if (facets.length === 0) return;
  const pods = new Set(slices.flatMap(({ endpoints }) => endpoints.map(({ pod }) => pod)));
  const selections = new Set([...pods].flatMap((pod) => read.get('matched', pod) ?? []));
  for (const facet of facets.filter(({ selection }) => selections.has(selection)))
    for (const address of ofFamily(facet, clusterIps)) yield memberOf(facet.into, address, owner);
}

const ofFamily = ({ family }: SetFacet, addresses: readonly string[]): string[] =>
  addresses.filter((address) => address.includes(':') === (family === 6));
