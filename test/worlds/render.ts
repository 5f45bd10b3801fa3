// Facts as lines of text: sorted, ids replaced by names, so that a golden reads like a table of the database.
import { singletonId } from '../../lib/delta/ids.ts';
import type { Atom, MemberFact, RowFact, Value } from '../../lib/delta/fact.ts';
import type { HoldFact, ObjectFact, PlanFact, ProblemFact, Ref, StatusFact } from '../../operator/api/fact.ts';
import { factsOf } from './process.ts';
import type { Question } from '../../operator/api/policy-module.ts';
import type { Space } from '../../operator/api/tables.ts';
import type { Process } from './process.ts';

/** Of what is ready, unless it says another. */
const usualReason = 'ResetLogicalSwitchAclSuccess';

const ofTag = new Set(['vendor', 'kubeloom-owner', 'kubeloom-id']);

interface Line {
  readonly owner: string;
  readonly text: string;
}

const views: Readonly<Record<string, (process: Process) => Line[]>> = {
  nb: (process) => nb(factsOf(process, 'rows') as (RowFact | MemberFact)[], (fact) => !isStanding(fact)),
  balancers: (process) => nb(factsOf(process, 'rows') as (RowFact | MemberFact)[], isStanding),
  plan: (process) => (factsOf(process, 'plan') as PlanFact[]).map(plan),
  objects: (process) => (factsOf(process, 'objects') as ObjectFact[]).map(object),
  status: (process) => (factsOf(process, 'status') as StatusFact[]).map(status),
  problems: (process) => (factsOf(process, 'problems') as ProblemFact[]).map(problem),
  holds: (process) => (factsOf(process, 'holds') as HoldFact[]).map(hold),
  demand: (process) => [...process.world.demand.entries()].map(([, entry]) => demand(entry as unknown as Demanded)),
  space: (process) => [...process.world.space.entries()].map(([name, entry]) => space(name, entry)),
  offer: (process) => (process.graph.dump('offer') as [string, Question][]).map(offer),
  kept: (process) => [...process.world.kept.entries()].map(([name]) => line('', name)),
  frozen: (process) => [...process.graph.failures].map(([source, error]) => line('', source, (error as Error).message)),
};

/** What is never given, of a subnet that has such. */
const space = (name: string, { reserved, mac }: Space): Line => line('', name, flow({ reserved, mac }));

/** The key has a hash of the text. */
const offer = ([key, { input }]: [string, Question]): Line => line('', key, flow(input));

interface Demanded {
  readonly ip: string;
  readonly owner: Ref;
  readonly subnets: readonly string[];
  readonly node: string;
  readonly podType: string;
  readonly wish?: unknown;
}

/** The sorted lines of a view, of the given owners only when there are any. */
export function lines(process: Process, view: string, of: readonly string[]): string[] {
  const render = views[view];
  if (!render) throw new Error(`unknown section ${view}`);
  return render(process)
    .filter(({ owner }) => of.length === 0 || of.includes(owner))
    .map(({ text }) => text)
    .sort();
}

const line = (owner: string, ...parts: readonly string[]): Line => ({
  owner,
  text: parts.filter((part) => part !== '').join(' '),
});

const named = ({ kind, namespace, name }: Ref): string => `${kind} ${namespace === '' ? name : `${namespace}/${name}`}`;

const nameOf = ({ columns: { name } }: RowFact): string => (typeof name === 'string' ? name : '');

/** What stands for the id of a row elsewhere. */
const labelOf = (fact: RowFact): string => nameOf(fact) || `${fact.row} of ${fact.owner}`;

type Wanted = RowFact | MemberFact;

/** What every VPC has of load balancers, and every switch of a VPC: said in a view of its own, or goldens say little else. */
function isStanding(fact: Wanted): boolean {
  if ('row' in fact) return fact.owner.startsWith('Vpc/') && fact.row.startsWith('Load_Balancer');
  return fact.member.startsWith('Logical_') && fact.column.startsWith('load_balancer');
}

function nb(facts: readonly Wanted[], isShown: (fact: Wanted) => boolean): Line[] {
  const names = new Map<string, string>();
  names.set(singletonId('NB_Global'), 'of all');
  for (const fact of facts) if ('row' in fact) names.set(fact.id, labelOf(fact));
  const text = (value: Atom): string => names.get(String(value)) ?? String(value);
  return facts.filter(isShown).map((fact) => {
    if ('member' in fact) {
      const member = `${fact.member}.${fact.column}`;
      const value = fact.value === undefined ? '' : `=${fact.value}`;
      return line(fact.owner, member, `${text(fact.id)} has`, `${text(fact.element)}${value}`);
    }
    const columns = Object.entries(fact.columns)
      .filter(([column]) => column !== 'name')
      .map(([column, value]) => [column, shown(value, text)] as const)
      .filter(([, value]) => value !== '')
      .map(([column, value]) => `${column}=${value}`);
    const home = fact.in ? `in ${text(fact.in.id)}.${fact.in.column}` : '';
    const needs = fact.needs ? `needs ${fact.needs.map(text).join(',')}` : '';
    return line(fact.owner, fact.row, nameOf(fact), home, ...columns.sort(), needs);
  });
}

function shown(value: Value, text: (atom: Atom) => string): string {
  if (value instanceof Map) {
    const pairs = [...(value as ReadonlyMap<Atom, Atom>)].filter(([key]) => !ofTag.has(String(key)));
    return pairs.length === 0
      ? ''
      : `{${pairs
          .map(([key, entry]) => `${key}=${text(entry)}`)
          .sort()
          .join(', ')}}`;
  }
  if (value instanceof Set)
    return value.size === 0
      ? ''
      : `[${[...value]
          .map((atom) => text(atom as Atom))
          .sort()
          .join(', ')}]`;
  const atom = text(value as Atom);
  return /[ =]/.test(atom) ? `"${atom}"` : atom;
}

/** Flow notation without quotes, keys sorted, empty values left out. */
function flow(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(flow).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return String(value);
  const entries = Object.entries(value).filter(
    ([, entry]) => entry !== '' && !(Array.isArray(entry) && entry.length === 0),
  );
  return `{${entries
    .map(([key, entry]) => `${key}: ${flow(entry)}`)
    .sort()
    .join(', ')}}`;
}

const plan = ({ plan: key, span, item, owner }: PlanFact): Line => {
  const { kind: _kind, ...fields } = item;
  return line(owner, key, `to ${span === 'all' ? 'all' : [...span].sort().join(',')}`, flow(fields));
};

const object = ({ object: ref, manifest, owner, manager, after, create, keep, without }: ObjectFact): Line =>
  line(
    owner,
    named(ref),
    create ? 'if absent' : `by ${manager}`,
    keep ? 'as it is' : '',
    after ? `after ${after}` : '',
    without ? `without ${without.join(', ')}` : '',
    flow(manifest),
  );

const status = ({ status: ref, fields, confirmed, owner, ready }: StatusFact): Line =>
  line(
    owner,
    named(ref),
    flow(fields),
    confirmed ? `and when applied ${flow(confirmed)}` : '',
    ready === undefined || ready === usualReason ? '' : `ready: ${ready}`,
  );
const problem = ({ problem: ref, reason, message, owner }: ProblemFact): Line =>
  line(owner, named(ref), `${reason}:`, message);
const hold = ({ hold: ref, reason, owner }: HoldFact): Line => line(owner, named(ref), 'held:', reason);
const demand = ({ ip, owner, subnets, node, podType, wish }: Demanded): Line =>
  line(
    '',
    ip,
    `for ${named(owner)}`,
    node === '' ? '' : `on ${node}`,
    `of ${subnets.join(',') || 'none'}`,
    podType,
    wish ? flow(wish) : '',
  );
