// An IPPool that the operator would not put into force.
import { ipPoolRow } from '../../api/project.ts';
import { mistakes } from '../../reconcilers/ippool.ts';
import type { Checks } from './check.ts';
import { youngest } from './check.ts';

export const ippool: Checks = {
  *faults(object, view) {
    yield* mistakes({ ...ipPoolRow(object), created: youngest }, view);
  },
};
