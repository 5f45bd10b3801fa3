// What a few rows mean to packets, as far as the tests of this folder use them: a port is isolated while a drop rule
// holds for a group that it is in; it accepts addresses of sets that allow rules name. Of a database, or of wishes.
import type { MemberFact, RowFact } from '../../../lib/delta/fact.ts';
import type { CommittedRows } from './committed.ts';

export interface View {
  /** Names of all ports. */
  readonly present: ReadonlySet<string>;
  /** Names of ports that a drop rule is in force for. */
  readonly isolated: ReadonlySet<string>;
  /** The same with the owner of the rule, where it is known: `owner isolates port`. */
  readonly because: ReadonlySet<string>;
  /** `port<-address` for each address that an allow rule lets in. */
  readonly allowed: ReadonlySet<string>;
  /** Names in texts that no row has. */
  readonly dangling: readonly string[];
  /** Names of ports that hang on more than one switch. */
  readonly doubled: readonly string[];
}

interface Rule {
  readonly owner: string;
  readonly match: string;
  readonly action: string;
}

interface Rows {
  /** Ports by id. */
  readonly ports: ReadonlyMap<string, string>;
  readonly switches: readonly ReadonlySet<string>[];
  /** Groups by name, with the ids of their ports. */
  readonly groups: ReadonlyMap<string, ReadonlySet<string>>;
  readonly sets: ReadonlyMap<string, ReadonlySet<string>>;
  readonly rules: readonly Rule[];
}

const none: ReadonlySet<string> = new Set();

function view(rows: Rows): View {
  const drops = rows.rules.filter(({ action }) => action === 'drop');
  const allows = rows.rules.filter(({ action }) => action !== 'drop');
  const isolated = drops.flatMap((rule) => portsOf(rows, rule));
  const because = drops.flatMap((rule) => portsOf(rows, rule).map((port) => `${rule.owner} isolates ${port}`));
  const allowed = allows.flatMap((rule) => pairsOf(rows, rule));
  const held = rows.switches.flatMap((ids) => [...ids]);
  const doubled = held.filter((id, at) => held.indexOf(id) !== at).map((id) => rows.ports.get(id) ?? id);
  const dangling = rows.rules.flatMap(({ match }) => missing(rows, match));
  return {
    present: new Set(rows.ports.values()),
    isolated: new Set(isolated),
    because: new Set(because),
    allowed: new Set(allowed),
    dangling,
    doubled,
  };
}

const groupOf = (match: string): string => /@([\w.]+)/.exec(match)?.[1] ?? '';
const peersOf = (match: string): string | undefined => /\$([\w.]+)/.exec(match)?.[1];

function portsOf({ groups, ports }: Rows, { match }: Rule): string[] {
  return [...(groups.get(groupOf(match)) ?? none)].map((id) => ports.get(id) ?? id);
}

function pairsOf(rows: Rows, rule: Rule): string[] {
  const addresses = [...(rows.sets.get(peersOf(rule.match) ?? '') ?? none)];
  return portsOf(rows, rule).flatMap((port) => addresses.map((address) => `${port}<-${address}`));
}

function missing({ groups, sets }: Rows, match: string): string[] {
  const [group, peers] = [groupOf(match), peersOf(match)];
  return [...(groups.has(group) ? [] : [group]), ...(peers === undefined || sets.has(peers) ? [] : [peers])];
}

const setOf = (value: string | ReadonlySet<string> | undefined): ReadonlySet<string> =>
  typeof value === 'string' || value === undefined ? none : value;

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

/** What the database of a moment means. */
export function viewOfRows(tables: CommittedRows): View {
  const all = (table: string): [string, Readonly<Record<string, string | ReadonlySet<string>>>][] => [
    ...(tables.get(table) ?? []),
  ];
  const named = (table: string, column: string): Map<string, ReadonlySet<string>> =>
    new Map(all(table).map(([, row]) => [textOf(row['name']), setOf(row[column])]));
  return view({
    ports: new Map(all('Logical_Switch_Port').map(([id, { name }]) => [id, textOf(name)])),
    switches: all('Logical_Switch').map(([, { ports }]) => setOf(ports)),
    groups: named('Port_Group', 'ports'),
    sets: named('Address_Set', 'addresses'),
    rules: all('ACL').map(([, { match, action }]) => ({ owner: '', match: textOf(match), action: textOf(action) })),
  });
}

/** What is meant. */
export function viewOfFacts(facts: Iterable<RowFact | MemberFact>): View {
  const rows = new Map<string, RowFact>();
  const elements = new Map<string, Set<string>>();
  for (const fact of facts) {
    if ('row' in fact) rows.set(fact.id, fact);
    else elements.set(fact.id, (elements.get(fact.id) ?? new Set()).add(String(fact.element)));
  }
  const of = (table: string): RowFact[] => [...rows.values()].filter(({ row }) => row === table);
  const named = (table: string): Map<string, ReadonlySet<string>> =>
    new Map(of(table).map(({ id, columns }) => [textOf(columns['name']), elements.get(id) ?? none]));
  return view({
    ports: new Map(of('Logical_Switch_Port').map(({ id, columns }) => [id, textOf(columns['name'])])),
    switches: [],
    groups: named('Port_Group'),
    sets: named('Address_Set'),
    rules: of('ACL').map(({ owner, columns }) => ({
      owner,
      match: textOf(columns['match']),
      action: textOf(columns['action']),
    })),
  });
}
