// One stage of ACLs and one packet, as the logical flows of ovn-northd 25.03 judge it:
//
//   tier 0 -> highest rule that matches: allow, drop, reject: decided
//                                        pass, or none      : tier 1 -> ... -> tier 3 -> default
//
// Before all rules: what connection tracking calls invalid is dropped, replies of a known connection pass, and IPv6's
// discovery of neighbours, routers and listeners passes.
import { isDiscovery } from './field.ts';
import type { Packet } from './packet.ts';
import type { Readable, Rule, StageRules } from './rule.ts';

/**
 * What connection tracking says of a packet: not asked, the first of a connection, an answer in a known one, or one that
 * can neither begin a connection nor belongs to one.
 */
export type Tracking = 'untracked' | 'new' | 'reply' | 'invalid';

export type Effect = 'allow' | 'drop' | 'reject';

export interface Judgement {
  readonly effect: Effect;
  /** What decided: a rule, or why none was asked, or that none matched. */
  readonly by: 'rule' | 'reply' | 'invalid' | 'discovery' | 'default';
  readonly rule?: Rule;
  /** Rules that handed the packet on to the next tier. */
  readonly passed: readonly Rule[];
  /** Rules of the same tier and priority with another effect: OVN does not say which one decides. */
  readonly rivals: readonly Rule[];
  /** Whether the connection is entered at the port, so that its replies are known. */
  readonly commits: boolean;
}

export interface Circumstances {
  readonly tracking: Tracking;
  /** Whether the switch tracks anything. */
  readonly stateful: boolean;
  /** What becomes of a packet that no rule decides. */
  readonly unmatched: Effect;
}

const none = { passed: [], rivals: [], commits: false } as const;

export function judgement(stage: StageRules, packet: Packet, circumstances: Circumstances): Judgement {
  const { tracking, stateful } = circumstances;
  if (stateful && tracking === 'invalid') return { effect: 'drop', by: 'invalid', ...none };
  if (stateful && tracking === 'reply') return { effect: 'allow', by: 'reply', ...none };
  if (isDiscovery(packet)) return { effect: 'allow', by: 'discovery', ...none };
  return byTier(stage, packet, circumstances);
}

function byTier(stage: StageRules, packet: Packet, circumstances: Circumstances): Judgement {
  const passed: Rule[] = [];
  let commits = false;
  for (const rules of stage.tiers) {
    const found = rules.find(({ test }) => test(packet));
    if (found === undefined) commits ||= commitsUnmatched(stage, circumstances);
    else if (found.rule.action !== 'pass')
      return decided(found.rule, passed, { commits, rules, packet, circumstances });
    else passed.push(found.rule);
  }
  return { effect: circumstances.unmatched, by: 'default', passed, rivals: [], commits };
}

/** Before load balancing and towards a port; behind load balancing nothing is entered by default, nor after a pass. */
const commitsUnmatched = ({ stage }: StageRules, { tracking, stateful, unmatched }: Circumstances): boolean =>
  stateful && tracking === 'new' && unmatched === 'allow' && stage !== 'from-lport-after-lb';

interface Context {
  readonly commits: boolean;
  readonly rules: readonly Readable[];
  readonly packet: Packet;
  readonly circumstances: Circumstances;
}

function decided(rule: Rule, passed: readonly Rule[], { commits, rules, packet, circumstances }: Context): Judgement {
  const { stateful, tracking } = circumstances;
  const entered = stateful && tracking === 'new' && (rule.action === 'allow' || rule.action === 'allow-related');
  const rivals = rules.filter(
    (other) => other.rule.priority === rule.priority && effectOf(other.rule) !== effectOf(rule) && other.test(packet),
  );
  return {
    effect: effectOf(rule) === 'pass' ? 'allow' : (effectOf(rule) as Effect),
    by: 'rule',
    rule,
    passed,
    rivals: rivals.map((other) => other.rule),
    commits: commits || entered,
  };
}

function effectOf({ action }: Rule): Effect | 'pass' {
  return action === 'drop' || action === 'reject' || action === 'pass' ? action : 'allow';
}
