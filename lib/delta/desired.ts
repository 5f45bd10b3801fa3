// The desired side: what every source wants, put together by row and by element. Counts who wants what, so that an
// element goes with the last of its owners, and names what two owners want differently. Knows nothing of the database.
import type { Atom } from '../ovsdb/types.ts';
import { sameFact } from './equal.ts';
import type { MemberFact, Owner, Place, RowFact, RowId } from './fact.ts';
import { Multimap } from './multimap.ts';
import { referencesIn } from './shape.ts';
import type { Shapes } from './shape.ts';

export type Fact = RowFact | MemberFact;

/** One element of a column of a row; without column the row itself. */
export interface Spot {
  readonly row: RowId;
  readonly column?: string;
  readonly element?: Atom;
}

export interface Claim {
  readonly source: string;
  readonly owner: Owner;
  readonly value?: Atom;
}

/** What an element is wanted with: `contested` when two owners want a map's key with different values. */
export interface Wanted {
  readonly owners: readonly Owner[];
  readonly value: Atom | undefined;
  readonly contested: boolean;
}

/** Told of each row and element whose claims have changed, after the change. */
export interface Touch {
  row(id: RowId): void;
  /** `owner` is the one whose claim has come or gone. */
  element(row: RowId, column: string, element: Atom, owner: Owner): void;
  /** The fact is in force no longer; what it says may still be in the database. */
  withdrawn(fact: RowFact): void;
}

/** Elements wanted of one row, by column. */
export interface Members {
  readonly table: string;
  readonly columns: Map<string, Map<Atom, readonly Claim[]>>;
}

/** A place of a child, and how many claims there are to it. */
interface Placed extends Spot {
  claims: number;
}

const none: readonly never[] = [];

interface RowClaim {
  readonly source: string;
  readonly fact: RowFact;
}

export class Desired {
  readonly #shapes: Shapes;
  readonly #touch: Touch;
  readonly #sources = new Map<string, readonly Fact[]>();
  readonly #rows = new Map<RowId, RowClaim[]>();
  readonly #elements = new Map<RowId, Members>();
  /** Where a child row is to hang: every strong reference to it that anyone wants. */
  readonly #places = new Map<RowId, readonly Placed[]>();
  readonly #needers = new Multimap<RowId, RowId>();
  /** See `#alone`. */
  #last: readonly Claim[] | undefined;

  constructor(shapes: Shapes, touch: Touch) {
    this.#shapes = shapes;
    this.#touch = touch;
  }

  /** The facts of a source as they are kept: the objects of its last list, or equal ones of those before. */
  facts(source: string): readonly Fact[] {
    return this.#sources.get(source) ?? none;
  }

  *owners(): Iterable<Owner> {
    for (const facts of this.#sources.values()) for (const { owner } of facts) yield owner;
  }

  sources(): IterableIterator<string> {
    return this.#sources.keys();
  }

  /** Facts that did not change touch nothing. The list is kept, and shared with whoever else keeps it. */
  replace(source: string, facts: readonly Fact[]): void {
    const before = this.#sources.get(source) ?? none;
    const after = renewed(before, distinct(facts));
    const gone = without(before, after);
    const fresh = without(after, before);
    if (after.length > 0) this.#sources.set(source, after);
    else this.#sources.delete(source);
    for (const fact of gone) this.#withdraw(source, fact);
    for (const fact of fresh) this.#claim(source, fact);
    for (const fact of gone) this.#tell(fact);
    for (const fact of fresh) this.#tell(fact);
  }

  /** The fact that is in force for a row; undefined when nobody wants it, or when it is contested. */
  fact(id: RowId): RowFact | undefined {
    return this.contested(id) ? undefined : this.#rows.get(id)?.[0]?.fact;
  }

  wanted(id: RowId): boolean {
    return this.#rows.has(id);
  }

  /** Two owners want the row, or two parents want the child. */
  contested(id: RowId): boolean {
    const claims = this.#rows.get(id);
    if (claims && claims.length > 1 && differ(claims)) return true;
    return (this.#places.get(id)?.length ?? 0) > 1;
  }

  /** Everyone who has to do with a contested row. */
  claimants(id: RowId): Owner[] {
    const places = this.places(id).flatMap((spot) => this.#ownersAt(spot));
    return [...new Set([...this.#ownersAt({ row: id }), ...places])].sort();
  }

  #ownersAt({ row, column, element }: Spot): Owner[] {
    if (column !== undefined && element !== undefined)
      return this.#claims(row, column, element).map(({ owner }) => owner);
    return (this.#rows.get(row) ?? []).map(({ fact }) => fact.owner);
  }

  element(row: RowId, column: string, element: Atom): Wanted | undefined {
    const claims = this.#claims(row, column, element);
    const first = claims[0];
    if (!first) return undefined;
    if (claims.length === 1) return { owners: [first.owner], value: first.value, contested: false };
    const owners = [...new Set(claims.map(({ owner }) => owner))].sort();
    return { owners, value: first.value, contested: claims.some(({ value }) => value !== first.value) };
  }

  members(row: RowId): Members | undefined {
    return this.#elements.get(row);
  }

  places(child: RowId): readonly Spot[] {
    return this.#places.get(child) ?? none;
  }

  /** Rows whose fact names `id` in `needs`. */
  needers(id: RowId): ReadonlySet<RowId> {
    return this.#needers.get(id);
  }

  rows(): IterableIterator<RowId> {
    return this.#rows.keys();
  }

  /** Children that anyone wants somewhere. */
  placed(): IterableIterator<RowId> {
    return this.#places.keys();
  }

  memberRows(): IterableIterator<RowId> {
    return this.#elements.keys();
  }

  #claim(source: string, fact: Fact): void {
    if ('member' in fact) {
      this.#put(source, fact);
      return;
    }
    const claims = this.#rows.get(fact.id);
    const claim = { source, fact };
    // A list that is spread from an empty one has room for seventeen.
    this.#rows.set(fact.id, claims ? [...claims, claim] : [claim]);
    for (const need of fact.needs ?? []) this.#needers.add(need, fact.id);
    for (const spot of this.#childSpots(fact)) this.#place(spot.child, { row: fact.id, column: spot.column });
    if (fact.in) this.#put(source, placement(fact, fact.in));
  }

  #withdraw(source: string, fact: Fact): void {
    if ('member' in fact) {
      this.#take(source, fact);
      return;
    }
    this.#touch.withdrawn(fact);
    const left = (this.#rows.get(fact.id) ?? []).filter((claim) => claim.source !== source || claim.fact !== fact);
    if (left.length > 0) this.#rows.set(fact.id, left);
    else this.#rows.delete(fact.id);
    const needed = new Set(left.flatMap((claim) => claim.fact.needs ?? []));
    for (const need of fact.needs ?? []) if (!needed.has(need)) this.#needers.delete(need, fact.id);
    for (const spot of this.#childSpots(fact)) this.#displace(spot.child, { row: fact.id, column: spot.column });
    if (fact.in) this.#take(source, placement(fact, fact.in));
  }

  #put(source: string, member: MemberFact): void {
    const { id, column, element, owner, value } = member;
    const members = this.#elements.get(id) ?? { table: member.member, columns: new Map() };
    this.#elements.set(id, members);
    const elements = members.columns.get(column) ?? new Map<Atom, readonly Claim[]>();
    members.columns.set(column, elements);
    const claims = elements.get(element);
    const alone = this.#alone(source, owner, value);
    elements.set(element, claims ? [...claims, ...alone] : alone);
    for (const child of this.#childOf(member)) this.#place(child, { row: id, column, element });
  }

  /** The list of one claim. A source claims several elements at once in the same words, which need not be kept twice. */
  #alone(source: string, owner: Owner, value: Atom | undefined): readonly Claim[] {
    const last = this.#last?.[0];
    if (last?.source === source && last.owner === owner && last.value === value) return this.#last ?? [];
    this.#last = [{ source, owner, ...(value !== undefined && { value }) }];
    return this.#last;
  }

  #take(source: string, member: MemberFact): void {
    const { id, column, element, owner, value } = member;
    const claims = this.#claims(id, column, element);
    const at = claims.findIndex((claim) => claim.source === source && claim.owner === owner && claim.value === value);
    if (at < 0) return;
    const left = claims.toSpliced(at, 1);
    if (left.length > 0) this.#elements.get(id)?.columns.get(column)?.set(element, left);
    else this.#erase(id, column, element);
    for (const child of this.#childOf(member)) this.#displace(child, { row: id, column, element });
  }

  #erase(id: RowId, column: string, element: Atom): void {
    const columns = this.#elements.get(id)?.columns;
    const elements = columns?.get(column);
    elements?.delete(element);
    if (elements?.size === 0) columns?.delete(column);
    if (columns?.size === 0) this.#elements.delete(id);
  }

  #claims(row: RowId, column: string, element: Atom): readonly Claim[] {
    return this.#elements.get(row)?.columns.get(column)?.get(element) ?? none;
  }

  #childOf(member: MemberFact): readonly RowId[] {
    const column = this.#shapes.get(member.member)?.columns.get(member.column);
    if (!column?.holdsChildren) return none;
    return [(column.value ? member.value : member.element) as RowId];
  }

  #childSpots(fact: RowFact): readonly { child: RowId; column: string }[] {
    const holding = this.#shapes
      .get(fact.row)
      ?.strong.filter(({ name, holdsChildren }) => holdsChildren && fact.columns[name] !== undefined);
    if (!holding?.length) return none;
    return holding.flatMap((column) => {
      const targets = [...referencesIn(column, fact.columns[column.name] ?? '')];
      return targets
        .filter(([, { strong }]) => strong)
        .map(([target]) => ({ child: target as RowId, column: column.name }));
    });
  }

  #place(child: RowId, spot: Spot): void {
    const places = this.#places.get(child);
    const same = places?.find((other) => sameSpot(other, spot));
    const placed = { ...spot, claims: 1 };
    if (same) same.claims++;
    else this.#places.set(child, places ? [...places, placed] : [placed]);
  }

  #displace(child: RowId, spot: Spot): void {
    const places = this.#places.get(child) ?? [];
    const same = places.find((other) => sameSpot(other, spot));
    if (same && --same.claims > 0) return;
    const left = places.filter((other) => other !== same);
    if (left.length > 0) this.#places.set(child, left);
    else this.#places.delete(child);
  }

  #tell(fact: Fact): void {
    if ('member' in fact) {
      this.#touch.element(fact.id, fact.column, fact.element, fact.owner);
      for (const child of this.#childOf(fact)) this.#touch.row(child);
      return;
    }
    this.#touch.row(fact.id);
    for (const { child } of this.#childSpots(fact)) this.#touch.row(child);
    if (fact.in) this.#tellPlace(fact, fact.in);
  }

  /** A place that is wanted is looked at together with the row that is to hang there. */
  #tellPlace({ id, owner }: RowFact, { id: parent, column }: Place): void {
    const known = this.places(id).some((spot) => spot.row === parent && spot.column === column && spot.element === id);
    if (known && this.fact(parent)?.columns[column] === undefined) return;
    this.#touch.element(parent, column, id, owner);
  }
}

/** The same fact of the same owner from two sources is one wish; anything else is two. */
function differ([first, ...others]: readonly RowClaim[]): boolean {
  return others.some(({ fact }) => first !== undefined && !sameFact(fact, first.fact));
}

/** A child's place as the member of its parent that it is. */
function placement({ id, owner }: RowFact, { row, id: parent, column }: Place): MemberFact {
  return { member: row, id: parent, column, element: id, owner };
}

/** Without what is said twice; one source that says two things about a row keeps both, and contests itself. */
function distinct(facts: readonly Fact[]): readonly Fact[] {
  if (facts.length <= FEW && !facts.some((fact, at) => facts.findIndex((other) => sameFact(other, fact)) < at))
    return facts;
  const all = new Set(facts.map(finder(facts)));
  return all.size === facts.length ? facts : [...all].filter((fact) => fact !== undefined);
}

/** The facts with the old objects where they say the same: those are what the claims hold. */
function renewed(before: readonly Fact[], facts: readonly Fact[]): readonly Fact[] {
  if (before.length === 0) return facts;
  const same = finder(before);
  return facts.map((fact) => same(fact) ?? fact);
}

/** Those that are not, as objects, among the others. */
function without(facts: readonly Fact[], others: readonly Fact[]): readonly Fact[] {
  if (facts.length === 0 || others.length === 0) return facts;
  const known = new Set(others);
  return facts.filter((fact) => !known.has(fact));
}

/** Most sources yield a few facts, for which an index would cost more than the search. */
const FEW = 8;

/** Answers the first of the facts that says the same. */
function finder(facts: readonly Fact[]): (fact: Fact) => Fact | undefined {
  if (facts.length <= FEW) return (fact) => facts.find((other) => sameFact(other, fact));
  const index = Map.groupBy(facts, keyOf);
  return (fact) => index.get(keyOf(fact))?.find((other) => sameFact(other, fact));
}

/** One row held twice by one column is one place. */
function sameSpot(a: Spot, b: Spot): boolean {
  return a.row === b.row && a.column === b.column;
}

function keyOf(fact: Fact): string {
  if ('row' in fact) return `${fact.id} ${fact.owner}`;
  return `${fact.id} ${fact.column} ${String(fact.element)} ${fact.owner}`;
}
