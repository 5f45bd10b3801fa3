import { describe, expect, it } from 'vitest';
import { labelChange, type Leaders, type Member } from '../../../operator/kube/leader-labels.ts';

const all = { 'ovn-nb-leader': 'true', 'ovn-sb-leader': 'true', 'ovn-northd-leader': 'true' };
const member = (pod: string, labels: Record<string, string> = {}, ready = true): Member => ({
  namespace: 'n',
  pod,
  uid: `uid of ${pod}`,
  ready,
  labels,
});

describe('labelChange', () => {
  it.each<[string, Member[], Leaders, (Record<string, string | null> | undefined)[]]>([
    ['the only member leads every role', [member('a')], {}, [all]],
    ['nothing to change', [member('a', all)], {}, [undefined]],
    [
      'a member that is not ready leads nothing',
      [member('a', all, false)],
      {},
      [{ 'ovn-nb-leader': null, 'ovn-sb-leader': null, 'ovn-northd-leader': null }],
    ],
    [
      'of several, only what is known is said',
      [member('a'), member('b', { 'ovn-nb-leader': 'true' })],
      { nb: 'a' },
      [{ 'ovn-nb-leader': 'true' }, { 'ovn-nb-leader': null }],
    ],
    ['nothing is known', [member('a', all), member('b')], {}, [undefined, undefined]],
  ])('%s', (_name, members, leaders, wanted) => {
    expect(members.map((one) => labelChange(one, members, leaders))).toEqual(wanted);
  });
});
