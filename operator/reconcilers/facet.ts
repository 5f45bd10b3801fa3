// Facets of selections, and the rows that they fill. Policies that want the same share it, so facets and rows are named
// after what they are, and not after who asked.
import { owner as ownerOf, rowId } from '../../lib/delta/ids.ts';
import type { Owner } from '../../lib/delta/fact.ts';
import type {
  Collection,
  DenyFacet,
  Enforcement,
  GroupFacet,
  JudgedFacet,
  OutsideFacet,
  Scope,
  SetFacet,
} from '../api/facet.ts';
import type { Direction } from '../api/policy-row.ts';
import { selectionRef } from '../api/refs.ts';
import { identifier } from '../nb/names.ts';

export interface Keyed<V> {
  readonly key: string;
  readonly value: V;
}

const textOf = ({ providers, port, ...scope }: Scope): string =>
  `${providers.join(',')} ${port ? `${port.name}/${port.protocol}/${port.number}` : ''} ${selectedBy(scope)}`;

/** Selections as text, in the way of a formula. */
const selectedBy = ({ selection, among }: Pick<Scope, 'selection' | 'among'>): string =>
  among ? `${selection} & (${among.join(' | ')})` : selection;

/** A group that all share who select the same; `own` keeps it for one policy, under a name that people know. */
export function groupFacet(scope: Scope, vpc: string, own?: Own): Keyed<GroupFacet> {
  const text = `group ${vpc} ${textOf(scope)}`;
  const into = own ? ownCollection('Port_Group', own) : shared('Port_Group', text, scope);
  return { key: `${own?.name ?? ''} ${text}`, value: { ...scope, kind: 'group', vpc, into, isShared: !own } };
}

export function setFacet(scope: Scope, vpc: string, family: 4 | 6, own?: Own): Keyed<SetFacet> {
  const text = `set ${family} ${vpc} ${textOf(scope)}`;
  const into = own ? ownCollection('Address_Set', own) : shared('Address_Set', text, scope);
  const services = own?.services === true && { services: true as const };
  const value = { ...scope, kind: 'set', vpc, family, into, isShared: !own, ...services } as const;
  return { key: `${own?.name ?? ''} ${text}`, value };
}

export const denyFacet = (scope: Scope, direction: Direction, enforcement: Enforcement): Keyed<DenyFacet> => ({
  key: `deny ${direction} ${enforcement} ${textOf(scope)}`,
  value: { ...scope, kind: 'deny', direction, enforcement },
});

export const judgedFacet = (scope: Scope, tier: JudgedFacet['tier'], direction: Direction): Keyed<JudgedFacet> => ({
  key: `judged ${tier} ${direction} ${textOf(scope)}`,
  value: { ...scope, kind: 'judged', tier, direction },
});

/** Nodes and what domain names stand for are outside of all VPCs: all share one set. */
export function outsideFacet(kind: OutsideFacet['kind'], selection: string, family: 4 | 6): Keyed<OutsideFacet> {
  const scope = { selection, providers: [] };
  const text = `${kind} ${family} ${selection}`;
  return { key: text, value: { ...scope, kind, family, into: shared('Address_Set', text, scope), isShared: true } };
}

/** A row of one policy alone. */
export interface Own {
  readonly owner: Owner;
  /** Unique among the rows of the policy; the name may change. */
  readonly key: string;
  readonly name: string;
  /** The set has the ClusterIPs of Services, too. */
  readonly services?: boolean;
  readonly external: Readonly<Record<string, string>>;
}

const ownCollection = (row: Collection['row'], { owner, key, name, external }: Own): Collection => ({
  row,
  id: rowId(owner, row, key),
  owner,
  key,
  name: identifier(name),
  external,
});

/** Owner of the rows of selections, as far as their ids are concerned; each row has an owner of its own. */
const all = ownerOf(selectionRef(''));

/** The id says what is selected, and the name begins like it; so does the owner, which no object of the API is. */
function shared(row: Collection['row'], text: string, { port, ...scope }: Scope): Collection {
  const id = rowId(all, row, text);
  const key = `${id.slice(0, 8)}${id.slice(9, 13)}${id.slice(15, 18)}`;
  const external = {
    selection: selectedBy(scope),
    ...(port && { port: `${port.name}/${port.protocol}/${port.number}` }),
  };
  return { row, id, owner: ownerOf(selectionRef(key)), key, name: `sel.${key}`, external };
}
