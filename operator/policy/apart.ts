// Whether two selections can have nobody in common, as far as their selectors tell. It errs on one side alone: what is not
// seen to be apart counts as overlapping.
import type { Selection, Selector } from '../../lib/graph/selector.ts';

export const areApart = (one: Selection, other: Selection): boolean =>
  haveNoneInCommon(one.entities, other.entities) || haveNoneInCommon(one.scopes ?? [], other.scopes ?? []);

function haveNoneInCommon(one: Selector, other: Selector): boolean {
  return one.some(({ key, operator, values }) => {
    if (operator !== 'In') return false;
    const same = other.find((requirement) => requirement.key === key && requirement.operator === 'In');
    return same !== undefined && !values.some((value) => same.values.includes(value));
  });
}
