// A Vip. Its address is assigned once: whoever wants another one makes another Vip.
import { isDeepStrictEqual } from 'node:util';
import { textOf } from '../../api/json.ts';
import { vipRow, type VipRow } from '../../api/vip-row.ts';
import { vipFault } from '../../reconcilers/vip-holding.ts';
import type { Checks, View } from './check.ts';
import { specOf, statusOf } from './check.ts';
import { addressFaults, subnetFaults } from './fields.ts';

function* placeFaults({ subnet, wanted }: VipRow, view: View): Generator<string> {
  yield* subnetFaults('subnet', subnet, view);
  yield* addressFaults({ field: 'v4ip', text: wanted.v4, family: 4, subnet }, view);
  yield* addressFaults({ field: 'v6ip', text: wanted.v6, family: 6, subnet }, view);
}

export const vip: Checks = {
  *faults(object, view) {
    const row = vipRow(object);
    const fault = vipFault(row);
    if (fault === undefined) yield* placeFaults(row, view);
    else yield fault;
  },
  *changes(before, after) {
    const { v4ip, v6ip, mac } = statusOf(before);
    const has = [v4ip, v6ip, mac].map(textOf).filter((text) => text !== '');
    if (has.length > 0 && !isDeepStrictEqual(specOf(before), specOf(after)))
      yield `spec may not change any more: the Vip has ${has.join(' ')}`;
  },
};
