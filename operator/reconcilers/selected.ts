// The groups and sets that facets fill: there is one as long as somebody wants it, and several may want the same.
import type { Collection, Facet } from '../api/facet.ts';
import { collectionRow } from '../nb/rows/policy.ts';
import type { Projection, Reconciler } from './reconciler.ts';

/** Table `collection`, shared. */
export const collections: Projection<Facet, Collection> = function* (facet) {
  if (facet.kind !== 'deny') yield [facet.into.id, facet.into];
};

export const selected: Reconciler<Collection> = {
  kind: 'Selection',
  *desired(collection) {
    yield collectionRow(collection);
  },
};
