import { describe, expect, it } from 'vitest';
import { NodeCondition } from '../../agent/condition.ts';
import type { Report } from '../../proto/kubeloom/plan/v1/Report.gen.ts';

interface Rig {
  readonly condition: NodeCondition;
  readonly told: () => (string | undefined)[];
  /** What is the matter from now on. */
  readonly be: (why?: string) => void;
  readonly pass: (ms: number) => void;
}

function rig(): Rig {
  const reports: Report[] = [];
  const state = { why: undefined as string | undefined, now: 0, due: undefined as (() => void) | undefined, at: 0 };
  const condition = new NodeCondition({
    now: () => state.now,
    setTimeout: (callback, ms) => {
      state.due = callback;
      state.at = state.now + ms;
    },
    clearTimeout: () => (state.due = undefined),
    why: () => state.why,
    report: (report) => reports.push(report),
  });
  return {
    condition,
    told: () => reports.splice(0).map(({ condition: told }) => `${told?.status} ${told?.reason}`),
    be: (why) => {
      state.why = why;
      condition.judge();
    },
    pass: (ms) => {
      state.now += ms;
      if (state.due !== undefined && state.at <= state.now) state.due();
    },
  };
}

const [fine, lost] = ['False JoinSubnetGatewayReachable', 'True JoinSubnetGatewayUnreachable'];

describe('the condition of the node', () => {
  it('is told once, and again to another leader', () => {
    const { condition, told, be } = rig();
    be();
    be();
    expect(told()).toEqual([fine]);
    condition.forget();
    be();
    expect(told()).toEqual([fine]);
  });

  it('is a loss only when it lasts', () => {
    const { told, be, pass } = rig();
    be();
    told();
    be('ovn0 is down');
    pass(14_000);
    expect(told()).toEqual([]);
    pass(1000);
    expect(told()).toEqual([lost]);
    be();
    expect(told()).toEqual([fine]);
  });

  it('is none when it is over in time', () => {
    const { told, be, pass } = rig();
    be();
    told();
    be('Open vSwitch restarts');
    pass(10_000);
    be();
    pass(10_000);
    be('again');
    pass(14_000);
    expect(told()).toEqual([]);
  });
});
