// Facets of selections, and the rows that they fill. Policies that want the same share it, so facets and rows are named
// after what they are, and not after who asked.
import { owner as ownerOf, rankOf, rowId } from '../../lib/delta/ids.ts';
import type { Owner } from '../../lib/delta/fact.ts';
import type { Collection, DenyFacet, Enforcement, GroupFacet, Scope, SetFacet } from '../api/facet.ts';
import type { Direction } from '../api/policy-row.ts';
import { selectionRef } from '../api/refs.ts';
import { identifier } from '../nb/names.ts';

export interface Keyed<V> {
  readonly key: string;
  readonly value: V;
}

const textOf = ({ selection, providers, port }: Scope): string =>
  `${providers.join(',')} ${port ? `${port.name}/${port.protocol}/${port.number}` : ''} ${selection}`;

/** Owner of the rows of a selection, which no object of the API is. */
const ownerOfHash = (hash: string): Owner => ownerOf(selectionRef(hash));

const hashOf = (text: string): string => rankOf(text).slice(0, 16);

/** A group that all share who select the same; `own` keeps it for one policy, under a name that people know. */
export function groupFacet(scope: Scope, vpc: string, own?: Own): Keyed<GroupFacet> {
  const text = `group ${vpc} ${textOf(scope)}`;
  const into = own ? ownCollection('Port_Group', own) : shared('Port_Group', hashOf(text), scope);
  return { key: `${own?.name ?? ''} ${text}`, value: { ...scope, kind: 'group', vpc, into, isShared: !own } };
}

export function setFacet(scope: Scope, vpc: string, family: 4 | 6, own?: Own): Keyed<SetFacet> {
  const text = `set ${family} ${vpc} ${textOf(scope)}`;
  const into = own ? ownCollection('Address_Set', own) : shared('Address_Set', hashOf(text), scope);
  return { key: `${own?.name ?? ''} ${text}`, value: { ...scope, kind: 'set', vpc, family, into, isShared: !own } };
}

export const denyFacet = (scope: Scope, direction: Direction, enforcement: Enforcement): Keyed<DenyFacet> => ({
  key: `deny ${direction} ${enforcement} ${textOf(scope)}`,
  value: { ...scope, kind: 'deny', direction, enforcement },
});

/** A row of one policy alone. */
export interface Own {
  readonly owner: Owner;
  readonly name: string;
  readonly external: Readonly<Record<string, string>>;
}

const ownCollection = (row: Collection['row'], { owner, name, external }: Own): Collection => ({
  row,
  id: rowId(owner, row, name),
  owner,
  key: name,
  name: identifier(name),
  external,
});

function shared(row: Collection['row'], hash: string, { selection, port }: Scope): Collection {
  const owner = ownerOfHash(hash);
  const external = { selection, ...(port && { port: `${port.name}/${port.protocol}/${port.number}` }) };
  return { row, id: rowId(owner, row, hash), owner, key: hash, name: `sel.${hash}`, external };
}
