// An OvnEip. That of a VPC's port on an external subnet is told of by the VPC (vpc-external.ts); nothing is done for the
// other types yet, and their makers are told so.
import { owner as ownerOf } from '../../lib/delta/ids.ts';
import { textOf } from '../api/json.ts';
import { eipRef } from '../api/refs.ts';
import type { EipRow } from '../api/tables.ts';
import { problem } from './reconciler.ts';
import type { Reconciler } from './reconciler.ts';
import { lrp } from './vpc-external.ts';

export const eip: Reconciler<EipRow> = {
  kind: 'OvnEip',
  *desired({ meta, spec }) {
    const type = textOf(spec['type']) || 'nat';
    if (type === lrp) return;
    const about = eipRef(meta.name);
    yield problem(
      about,
      'KindNotAvailable',
      `Kubeloom takes OvnEip objects of type ${type} and does nothing for them yet`,
    );
    yield { status: about, generation: meta.generation, owner: ownerOf(about), fields: {} };
  },
};
