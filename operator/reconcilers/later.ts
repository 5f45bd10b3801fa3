// Objects of kinds that nothing acts on yet: all that is wanted for one is to say so.
import { owner as ownerOf } from '../../lib/delta/ids.ts';
import { isLater, laterOf } from '../api/later.ts';
import type { LaterRow } from '../api/tables.ts';
import { problem } from './reconciler.ts';
import type { Reconciler } from './reconciler.ts';

export const later: Reconciler<LaterRow> = {
  kind: 'Later',
  *desired({ about, meta }) {
    if (!isLater(about.kind)) return;
    yield problem(about, 'KindNotAvailable', `Kubeloom takes ${about.kind} objects and does nothing for them yet`);
    const { status } = laterOf(about.kind);
    if (status) yield { status: about, generation: meta.generation, owner: ownerOf(about), fields: status };
  },
};
