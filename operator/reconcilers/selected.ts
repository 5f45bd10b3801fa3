// The groups and sets that policies share: there is one as long as somebody wants it.
import type { Facet } from '../api/facet.ts';
import { collectionRow } from '../nb/rows/policy.ts';
import type { RowReconciler } from './reconciler.ts';

export const selected: RowReconciler<Facet> = {
  kind: 'Selection',
  *desired(facet) {
    if ('into' in facet && facet.isShared) yield collectionRow(facet.into);
  },
};
