// Whom a change lets in or keeps out: connections between classes of pods, judged from the rows before and after by the
// evaluation that `kubeloom why` has. Pods of one namespace with the same labels in the same groups are one class, and one
// of them stands for all. Looked at are classes that a changed rule or set concerns, and whom they talk to.
import type { MemberFact, RowFact } from '../../lib/delta/fact.ts';
import type { Labels } from '../../lib/graph/selector.ts';
import { ConnectionError, Evaluation } from '../why/verdict.ts';
import type { Protocol } from '../why/packet.ts';
import { nbOf } from '../why/rows.ts';

/** A pod's port, as both sides have it. */
export interface Workload {
  /** Name of the logical switch port. */
  readonly port: string;
  /** UUID of the port's row. */
  readonly id: string;
  readonly namespace: string;
  readonly subnet: string;
  readonly labels: Labels;
  readonly addresses: readonly string[];
  readonly ports: readonly { readonly name: string; readonly protocol: string; readonly number: number }[];
}

/** Pods that are treated alike. */
export interface WorkloadClass {
  readonly namespace: string;
  readonly labels: Labels;
  readonly pods: number;
}

/** One end of a connection; absent: outside of the cluster. */
type End = WorkloadClass | undefined;

export interface TrafficChange {
  readonly from?: WorkloadClass;
  readonly to?: WorkloadClass;
  readonly protocol: Protocol;
  /** Absent: every port that no rule names. */
  readonly port?: number;
  /** What becomes of it. */
  readonly now: 'allowed' | 'denied';
}

export interface Traffic {
  readonly changes: readonly TrafficChange[];
  /** Pairs of classes that were not looked at, because there are too many. */
  readonly left: number;
}

type Facts = readonly (RowFact | MemberFact)[];

export interface Side {
  readonly facts: Facts;
  readonly workloads: readonly Workload[];
}

/** Pairs of classes that are looked at; each takes some milliseconds. */
const most = 2000;

/** Addresses of documentation (RFC 5737, RFC 3849) stand for everybody outside. */
const outside = { 4: '203.0.113.77', 6: '2001:db8::77' } as const;

/** A port that no rule of anybody names, it is hoped: discard (RFC 863). */
const unnamed = 9;

/** Labels that tell the pods of one workload apart, or one revision from the next. */
const ofInstances: ReadonlySet<string> = new Set([
  'pod-template-hash',
  'controller-revision-hash',
  'statefulset.kubernetes.io/pod-name',
  'apps.kubernetes.io/pod-index',
  'batch.kubernetes.io/job-completion-index',
]);

interface Class extends WorkloadClass {
  readonly one: Workload;
  readonly all: readonly Workload[];
}

export function traffic(before: Side, after: Side): Traffic {
  const members = [membersOf(before.facts), membersOf(after.facts)] as const;
  const there = new Set(before.workloads.map(({ port }) => port));
  const classes = classesOf(
    after.workloads.filter(({ port }) => there.has(port)),
    members,
  );
  const touched = touchedOf(before.facts, after.facts);
  const concerned = classes.filter(({ one }) => members.some((of) => [...(of.get(one.id) ?? [])].some(isIn(touched))));
  if (concerned.length === 0) return { changes: [], left: 0 };
  const judge = new Judge(before.facts, after.facts, touched);
  const pairs = pairsOf(concerned, classes);
  return {
    changes: pairs.slice(0, most).flatMap((pair) => judge.between(...pair)),
    left: Math.max(0, pairs.length - most),
  };
}

const isIn =
  (set: ReadonlySet<string>) =>
  (element: string): boolean =>
    set.has(element);

/** Port groups, by the port that is in them. */
function membersOf(facts: Facts): ReadonlyMap<string, ReadonlySet<string>> {
  const members = new Map<string, Set<string>>();
  for (const fact of facts) {
    if (!('member' in fact) || fact.member !== 'Port_Group') continue;
    const port = String(fact.element);
    const groups = members.get(port) ?? new Set();
    members.set(port, groups.add(fact.id));
  }
  return members;
}

function classesOf(
  workloads: readonly Workload[],
  members: readonly ReadonlyMap<string, ReadonlySet<string>>[],
): Class[] {
  const keyOf = (one: Workload): string => {
    const groups = members.map((of) => [...(of.get(one.id) ?? [])].sort());
    return JSON.stringify([one.namespace, one.subnet, entriesOf(told(one.labels)), groups]);
  };
  return [...Map.groupBy(workloads, keyOf).values()].flatMap((all) => {
    const [one] = all;
    return one ? [{ namespace: one.namespace, labels: told(one.labels), pods: all.length, one, all }] : [];
  });
}

const entriesOf = (labels: Labels): string[] =>
  Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .sort();

const told = (labels: Labels): Labels =>
  Object.fromEntries(Object.entries(labels).filter(([key]) => !ofInstances.has(key)));

/** Groups that a change concerns: by a rule, by who is in them, or by a set that a rule of theirs names. */
function touchedOf(before: Facts, after: Facts): ReadonlySet<string> {
  const [old, now] = [written(before), written(after)];
  const differ = (id: string): boolean => old.get(id) !== now.get(id);
  return new Set([...before, ...after].flatMap((fact) => touchedBy(fact, differ)));
}

function touchedBy(fact: RowFact | MemberFact, differ: (id: string) => boolean): string[] {
  if ('member' in fact) return fact.member === 'Port_Group' && differ(fact.id) ? [fact.id] : [];
  const { in: home, needs = [] } = fact;
  if (fact.row !== 'ACL' || home?.row !== 'Port_Group') return [];
  return differ(fact.id) || needs.some(differ) ? [home.id] : [];
}

/** What is said of a row and of its elements, as one text. */
function written(facts: Facts): ReadonlyMap<string, string> {
  const lines = new Map<string, string[]>();
  const add = (id: string, line: string): void => {
    const known = lines.get(id);
    if (known) known.push(line);
    else lines.set(id, [line]);
  };
  for (const fact of facts) {
    if ('member' in fact) add(fact.id, `${fact.column} ${String(fact.element)}`);
    else if (fact.row === 'ACL') {
      const { direction, priority, match, action, tier } = fact.columns;
      add(fact.id, [direction, priority, match, action, tier].map(String).join(' '));
    }
  }
  return new Map([...lines].map(([id, all]) => [id, [...new Set(all)].sort().join('\n')]));
}

/** Each concerned class with all others and with the outside, in both directions, each pair once. */
function pairsOf(
  concerned: readonly Class[],
  classes: readonly Class[],
): (readonly [Class | undefined, Class | undefined])[] {
  const others: readonly (Class | undefined)[] = [...classes, undefined];
  const known = new Set(concerned);
  return concerned.flatMap((one) =>
    others.flatMap((other): (readonly [Class | undefined, Class | undefined])[] =>
      other && known.has(other)
        ? [[one, other]]
        : [
            [one, other],
            [other, one],
          ],
    ),
  );
}

interface Probe {
  readonly protocol: Protocol;
  readonly port: number;
  /** Stands for all that no rule names. */
  readonly rest?: true;
}

class Judge {
  readonly #sides: readonly [Evaluation, Evaluation];
  readonly #named: readonly Probe[];

  constructor(before: Facts, after: Facts, touched: ReadonlySet<string>) {
    this.#sides = [new Evaluation(nbOf(before)), new Evaluation(nbOf(after))];
    this.#named = [...before, ...after].flatMap((fact) =>
      'row' in fact && fact.row === 'ACL' && fact.in && touched.has(fact.in.id)
        ? probesOf(fact.columns['match'] as string)
        : [],
    );
  }

  between(from: Class | undefined, to: Class | undefined): TrafficChange[] {
    const ends = endsOf(from, to);
    if (!ends) return [];
    return this.#probes(to).flatMap((probe) => {
      const [old, now] = this.#sides.map((side) => passes(side, ends, probe));
      if (old === undefined || now === undefined || old === now) return [];
      return [
        {
          ...(from && { from: shown(from) }),
          ...(to && { to: shown(to) }),
          protocol: probe.protocol,
          ...(!probe.rest && { port: probe.port }),
          now: now ? 'allowed' : 'denied',
        } satisfies TrafficChange,
      ];
    });
  }

  #probes(to: Class | undefined): Probe[] {
    const own = (to?.one.ports ?? []).map(({ protocol, number }) => ({
      protocol: protocol.toLowerCase() as Protocol,
      port: number,
    }));
    const rest = (['tcp', 'udp'] as const).map((protocol): Probe => ({ protocol, port: unnamed, rest: true }));
    const all: readonly Probe[] = [...this.#named, ...own, ...rest];
    return [...new Map(all.map((probe) => [`${probe.protocol} ${probe.port} ${probe.rest ?? ''}`, probe])).values()];
  }
}

/** Ports that a match names; the first of a range stands for it. */
function probesOf(match: string): Probe[] {
  const single = [...match.matchAll(/\b(tcp|udp|sctp)\.dst == (?:\{([\d, ]+)\}|(\d+))/g)].flatMap(
    ([, protocol, several = '', one = '']) =>
      (several || one).split(',').map((port) => ({ protocol: protocol as Protocol, port: Number(port) })),
  );
  const ranges = [...match.matchAll(/(\d+) <= (tcp|udp|sctp)\.dst/g)].map(([, port, protocol]) => ({
    protocol: protocol as Protocol,
    port: Number(port),
  }));
  return [...single, ...ranges];
}

const shown = ({ namespace, labels, pods }: Class): WorkloadClass => ({ namespace, labels, pods });

interface Ends {
  readonly from: string;
  readonly to: string;
}

/** Another pod when a class talks to itself; undefined when it has none, or no family in common. */
function endsOf(from: Class | undefined, to: Class | undefined): Ends | undefined {
  const families = addressesOf(from?.one).map(familyOf);
  const another = from === to ? to?.all[1] : to?.one;
  if (to && !another) return undefined;
  const address = addressesOf(another).find((ip) => families.includes(familyOf(ip)));
  if (address === undefined) return undefined;
  return { from: from?.one.port ?? outside[familyOf(address)], to: address };
}

const addressesOf = (one: Workload | undefined): readonly string[] => one?.addresses ?? [outside[4], outside[6]];
const familyOf = (address: string): 4 | 6 => (address.includes(':') ? 6 : 4);

function passes(side: Evaluation, { from, to }: Ends, { protocol, port }: Probe): boolean | undefined {
  try {
    return side.verdict({ from, to, protocol, port }).passes;
  } catch (error) {
    // There is no way between them, whatever policies say.
    if (error instanceof ConnectionError) return undefined;
    throw error;
  }
}

/** A class as a line of text: `shop app=web (3 pods)`. */
export function nameOf(end: End): string {
  if (!end) return 'outside of the cluster';
  return `${end.namespace} ${entriesOf(end.labels).join(',') || '(no labels)'} (${end.pods === 1 ? '1 pod' : `${end.pods} pods`})`;
}
