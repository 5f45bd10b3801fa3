import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../operator/api/fact.ts';
import { type Reason, wordsOf } from '../../../operator/api/reasons.ts';
import { conditions, conditionsOf, type ConditionInputs } from '../../../operator/kube/conditions.ts';

const inputs = (over: Partial<ConditionInputs> = {}): ConditionInputs => ({
  generation: 2,
  problems: [],
  applied: true,
  words: wordsOf('Subnet'),
  previous: [],
  now: '2026-01-01T00:00:10Z',
  ...over,
});
const problem = (reason: string, message = reason) => ({ reason: reason as Reason, message });
const brief = (list: readonly { type: string; status: string; reason: string }[]) =>
  list.map(({ type, status, reason }) => `${type}=${status} ${reason}`);
const asShown = (list: ReturnType<typeof conditions>) => list as unknown as JsonObject[];

describe('conditions', () => {
  it.each<[string, Partial<ConditionInputs>, string[]]>([
    [
      'all well',
      {},
      ['Ready=True ResetLogicalSwitchAclSuccess', 'Validated=True ValidateLogicalSwitchSuccess', 'Error=False NoError'],
    ],
    [
      'not applied yet, never seen',
      { applied: false },
      ['Ready=Unknown Init', 'Validated=True ValidateLogicalSwitchSuccess', 'Error=False NoError'],
    ],
    [
      'a problem',
      { problems: [problem('NoReadyGateway')] },
      ['Ready=False NoReadyGateway', 'Validated=True ValidateLogicalSwitchSuccess', 'Error=True NoReadyGateway'],
    ],
    [
      'an invalid spec beside another problem',
      { problems: [problem('NoReadyGateway'), problem('ValidateLogicalSwitchFailed')] },
      [
        'Ready=False ValidateLogicalSwitchFailed',
        'Validated=False ValidateLogicalSwitchFailed',
        'Error=True ValidateLogicalSwitchFailed',
      ],
    ],
    [
      'fields without effect: ready all the same',
      { problems: [problem('FeatureNotAvailable')] },
      [
        'Ready=True ResetLogicalSwitchAclSuccess',
        'Validated=True ValidateLogicalSwitchSuccess',
        'Error=True FeatureNotAvailable',
      ],
    ],
    [
      'fields without effect, not applied yet',
      { applied: false, problems: [problem('FeatureNotAvailable')] },
      ['Ready=Unknown Init', 'Validated=True ValidateLogicalSwitchSuccess', 'Error=True FeatureNotAvailable'],
    ],
    [
      'a rule that is not enforced, beside fields without effect: never ready',
      { problems: [problem('FeatureNotAvailable'), problem('SetLogicalSwitchAclsFailed')] },
      [
        'Ready=False SetLogicalSwitchAclsFailed',
        'Validated=True ValidateLogicalSwitchSuccess',
        'Error=True SetLogicalSwitchAclsFailed',
      ],
    ],
  ])('%s', (_name, over, wanted) => {
    expect(brief(conditions(inputs(over)))).toEqual(wanted);
  });

  it.each([
    ['IPPool', ['UpdateIPAMFailed', 'ReconcileAddressSetFailed'], ['UpdateIPAMSucceeded', 'UpdateIPAMSucceeded']],
    ['Vip', ['VipInvalid', 'AcquireAddressFailed'], ['AcquireAddressSucceeded', 'ValidateVipSuccess']],
    [
      'Vpc',
      ['ValidateLogicalSwitchFailed', 'VipInvalid'],
      ['ResetLogicalSwitchAclSuccess', 'ValidateLogicalSwitchSuccess'],
    ],
  ] as const)('are in the words of %s', (kind, [invalid, other], [ready, valid]) => {
    const of = (...reasons: string[]): string[] =>
      brief(conditions(inputs({ words: wordsOf(kind), problems: reasons.map((reason) => problem(reason)) })));
    expect(of()).toEqual([`Ready=True ${ready}`, `Validated=True ${valid}`, 'Error=False NoError']);
    expect(of(other)).toEqual([`Ready=False ${other}`, `Validated=True ${valid}`, `Error=True ${other}`]);
    expect(of(other, invalid).slice(0, 2)).toEqual([`Ready=False ${invalid}`, `Validated=False ${invalid}`]);
  });

  it('does not depend on the order of problems', () => {
    const [a, b] = [problem('A', 'x'), problem('B', 'y')];
    expect(conditions(inputs({ problems: [a, b] }))).toEqual(conditions(inputs({ problems: [b, a] })));
    expect(conditions(inputs({ problems: [a, b] }))[0]?.message).toBe('x; y');
  });

  it('keeps every time while nothing changes', () => {
    const first = conditions(inputs());
    expect(conditions(inputs({ previous: asShown(first), now: '2026-01-01T01:00:00Z' }))).toEqual(first);
  });

  it('keeps the transition time when only the words change, and renews both when the status does', () => {
    const first = conditions(inputs({ problems: [problem('A')] }));
    const words = conditions(
      inputs({ problems: [problem('B')], previous: asShown(first), now: '2026-01-01T01:00:00Z' }),
    );
    expect(words[0]).toMatchObject({
      lastTransitionTime: '2026-01-01T00:00:10Z',
      lastUpdateTime: '2026-01-01T01:00:00Z',
    });
    const well = conditions(inputs({ previous: asShown(first), now: '2026-01-01T02:00:00Z' }));
    expect(well[0]).toMatchObject({
      lastTransitionTime: '2026-01-01T02:00:00Z',
      lastUpdateTime: '2026-01-01T02:00:00Z',
    });
    expect(well[1]?.lastTransitionTime).toBe('2026-01-01T00:00:10Z');
  });

  it('leaves Ready as it was, with its generation, while rows are on their way', () => {
    const first = conditions(inputs());
    const pending = conditions(inputs({ generation: 3, applied: false, previous: asShown(first), now: 'later' }));
    expect(pending[0]).toEqual(first[0]);
    expect(pending[1]?.observedGeneration).toBe(3);
  });

  it('reads any observed status', () => {
    expect(conditionsOf(undefined)).toEqual([]);
    expect(conditionsOf({ conditions: 'x' })).toEqual([]);
    expect(conditionsOf({ conditions: [1, { type: 'Ready' }] })).toEqual([{ type: 'Ready' }]);
  });
});
