// ACLs as rules of a logical switch: what applies there, in which stage and tier, with its match read once.
import type { Row } from '../../lib/ovsdb/index.ts';
import { parseMatch, type Names } from './expression.ts';
import type { Test } from './field.ts';
import { MatchError } from './match-error.ts';
import { entries, integer, text } from './rows.ts';

/** An object of the cluster, as the rows that it made name it. */
export interface Owner {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

export type Stage = 'from-lport' | 'from-lport-after-lb' | 'to-lport';
export type Action = 'allow' | 'allow-related' | 'allow-stateless' | 'drop' | 'reject' | 'pass';

export interface Rule {
  readonly uuid: string;
  /** The name that is logged; '' for none. */
  readonly name: string;
  readonly owner?: Owner;
  /** The row that holds it. */
  readonly on: { readonly table: 'Logical_Switch' | 'Port_Group'; readonly name: string };
  readonly stage: Stage;
  readonly action: Action;
  readonly priority: number;
  readonly tier: number;
  readonly match: string;
}

export function ruleOf(uuid: string, row: Row, on: Rule['on']): Rule {
  const owner = ownerOf(row);
  return {
    uuid,
    name: text(row, 'name'),
    ...(owner && { owner }),
    on,
    stage: stageOf(row),
    action: text(row, 'action') as Action,
    priority: integer(row, 'priority'),
    tier: integer(row, 'tier'),
    match: text(row, 'match'),
  };
}

function stageOf(row: Row): Stage {
  if (text(row, 'direction') === 'to-lport') return 'to-lport';
  return entries(row, 'options').get('apply-after-lb') === 'true' ? 'from-lport-after-lb' : 'from-lport';
}

export function ownerOf(row: Row | undefined): Owner | undefined {
  const [kind = '', namespace = '', name = ''] = (entries(row, 'external_ids').get('kubeloom-owner') ?? '').split('/');
  return kind === '' ? undefined : { kind, namespace, name };
}

/** A rule that OVN cannot read: it is as if it were not there, which opens what a drop closes. */
export interface Unreadable {
  readonly rule: Rule;
  readonly reason: string;
}

/** A rule with its test. */
export interface Readable {
  readonly rule: Rule;
  readonly test: Test;
}

/** The rules of one stage. */
export interface StageRules {
  readonly stage: Stage;
  /** By tier, the highest priority first. */
  readonly tiers: readonly (readonly Readable[])[];
}

const stages = ['from-lport', 'from-lport-after-lb', 'to-lport'] as const;

/** All rules of a switch, by stage. */
export class RuleBook {
  readonly stages: Readonly<Record<Stage, StageRules>>;
  /** Those whose packets are kept from connection tracking, by side. */
  readonly stateless: { readonly ingress: readonly Readable[]; readonly egress: readonly Readable[] };
  readonly any: boolean;
  /** Whether one is allow-related: then the switch tracks connections. */
  readonly related: boolean;
  readonly unreadable: readonly Unreadable[];

  /** `vips`: whether the switch has virtual addresses, which make it track connections too. */
  constructor(rules: readonly Rule[], names: Names, vips: boolean) {
    this.any = rules.length > 0;
    this.related = rules.some(({ action }) => action === 'allow-related');
    const stateful = this.related || vips;
    const unreadable: Unreadable[] = [];
    const of = (stage: Stage): StageRules => {
      const here = rules.filter((rule) => rule.stage === stage);
      const maxTier = Math.max(0, ...here.map(({ tier }) => tier));
      const readable = here.flatMap((rule) => {
        const prefixed = maxTier > 0 || (stateful && rule.action !== 'pass' && rule.action !== 'allow-stateless');
        const read = readableOf(rule, names, prefixed);
        if ('test' in read) return [read];
        unreadable.push(read);
        return [];
      });
      return { stage, tiers: tiersOf(readable, maxTier) };
    };
    this.stages = Object.fromEntries(stages.map((stage) => [stage, of(stage)])) as Record<Stage, StageRules>;
    this.stateless = {
      ingress: [...statelessOf(this.stages['from-lport']), ...statelessOf(this.stages['from-lport-after-lb'])],
      egress: statelessOf(this.stages['to-lport']),
    };
    this.unreadable = unreadable;
  }
}

/**
 * northd pastes the text into a longer match where it asks for the tier or for what connection tracking said, and so do
 * we: `ip4) || (ip6` is then refused.
 */
function readableOf(rule: Rule, names: Names, prefixed: boolean): Readable | Unreadable {
  try {
    return { rule, test: parseMatch(prefixed ? `1 && (${rule.match})` : `(${rule.match})`, names) };
  } catch (error) {
    if (error instanceof MatchError) return { rule, reason: error.message };
    throw error;
  }
}

const tiersOf = (rules: readonly Readable[], maxTier: number): Readable[][] =>
  Array.from({ length: maxTier + 1 }, (_, tier) =>
    rules.filter(({ rule }) => rule.tier === tier).sort((a, b) => order(a.rule, b.rule)),
  );

const order = (a: Rule, b: Rule): number => b.priority - a.priority || (a.uuid < b.uuid ? -1 : 1);

const statelessOf = ({ tiers }: StageRules): Readable[] =>
  tiers.flat().filter(({ rule }) => rule.action === 'allow-stateless');
