// Groups and sets that users know by their names: those of SecurityGroups and the sets of IPPools. One that a match names
// is there before anybody fills it and after the last has left, since a match that names what is missing is no rule at
// all. So its row depends on the name alone, and each who fills it says the members.
import { owner as ownerOf, rowId } from '../../lib/delta/ids.ts';
import type { RowId } from '../../lib/delta/fact.ts';
import type { Collection } from '../api/facet.ts';
import { namesIn } from '../api/match.ts';
import type { NamedRow } from '../api/policy-tables.ts';
import { namedRef } from '../api/refs.ts';
import { isOwnSetName } from '../nb/names.ts';
import { collectionRow } from '../nb/rows/policy.ts';
import type { Entry, Reconciler, WorldRead } from './reconciler.ts';

/** Key in table `named`. */
export const namedKey = ({ row, name }: NamedRow): string => `${row} ${name}`;

/** Name of the row that a key is of. */
export const nameOfKey = (key: string): string => key.slice(key.indexOf(' ') + 1);

export const namedId = ({ row, name }: NamedRow): RowId => rowId(ownerOf(namedRef(name)), row, name);

/** The row as members see it. */
export const collectionOf = (one: NamedRow): Pick<Collection, 'row' | 'id'> => ({ row: one.row, id: namedId(one) });

/** Whoever fills or names it says so. */
export const wanted = (value: NamedRow): Entry => ({ entry: 'named', key: namedKey(value), value });

export const named: Reconciler<NamedRow> = {
  kind: 'Named',
  *desired(one, read) {
    const { row, name } = one;
    const owner = ownerOf(namedRef(name));
    yield collectionRow({ row, owner, key: name, id: namedId(one), name, external: externalOf(one, read) });
  },
};

/** Kube-OVN's words for whose it is. */
function externalOf(one: NamedRow, read: WorldRead): Readonly<Record<string, string>> {
  const [security] = read.at('securitiesByRow', namedKey(one));
  if (security) return { ...(one.row === 'Port_Group' && { type: 'security_group' }), sg: security.sg };
  const pool = one.row === 'Address_Set' ? read.get('poolSet', one.name) : undefined;
  return pool === undefined ? {} : { ippool: pool };
}

export interface References {
  /** What a match names that users fill. */
  readonly rows: readonly NamedRow[];
  /** As the match names them: those that nobody fills. */
  readonly empty: readonly string[];
}

/** What a match of a user names. Groups and sets of other kinds are not his to name, and stay as they are. */
export function references(match: string, read: WorldRead): References {
  if (!/[$@]/.test(match)) return nothing;
  const rows = new Map<string, NamedRow>();
  const empty: string[] = [];
  for (const text of namesIn(match)) {
    const row = referent(text);
    if (!row) continue;
    rows.set(namedKey(row), row);
    if (!isFilled(row, read)) empty.push(text);
  }
  return { rows: [...rows.values()], empty };
}

const nothing: References = { rows: [], empty: [] };

/** OVN knows a group on the switches of its ports alone, and a rule that names one elsewhere is left out there. */
export const notFilled = (text: string): string =>
  text.startsWith('@')
    ? `no SecurityGroup has ${text}, so OVN leaves the rule out`
    : `no IPPool and no SecurityGroup has ${text}, so it is empty`;

/** Names of objects have no "_" and no capitals, so a set made by hand is safe under a name that has. */
const name = String.raw`[a-z][a-z0-9.]{0,300}`;
const setText = new RegExp(String.raw`^\$(${name})$`);
/** A group, and the sets that OVN makes of one (ovn-nb(5), table Port_Group). */
const groupText = /^(?:@(ovn\.sg\.[a-z0-9.]{1,260})|\$(ovn\.sg\.[a-z0-9.]{1,260})_ip[46])$/;
const associated = /^ovn\.sg\..*\.associated\.v[46]$/;

function referent(text: string): NamedRow | undefined {
  const group = groupText.exec(text);
  const of = group?.[1] ?? group?.[2];
  if (of !== undefined) return { row: 'Port_Group', name: of };
  const set = setText.exec(text)?.[1];
  if (set === undefined || (isOwnSetName(set) && !associated.test(set))) return undefined;
  return { row: 'Address_Set', name: set };
}

const isFilled = (one: NamedRow, read: WorldRead): boolean =>
  read.at('securitiesByRow', namedKey(one)).length > 0 ||
  (one.row === 'Address_Set' && read.get('poolSet', one.name) !== undefined);
