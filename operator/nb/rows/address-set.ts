// Address sets and their members. A set's row never names its members: each is a fact of the object whose address it is.
import { owner as ownerOf, rowId } from '../../../lib/delta/ids.ts';
import type { MemberFact, Owner, RowFact, RowId } from '../../../lib/delta/fact.ts';
import { clusterRef } from '../../api/refs.ts';
import { nodesSetName } from '../names.ts';
import { row } from './row.ts';

/** Addresses of one family; a set of both is refused by ovn-controller. */
export type Family = 4 | 6;

export interface AddressSet {
  readonly owner: Owner;
  /** Unique among the sets of the owner. */
  readonly key: string;
  /** As matches name it. */
  readonly name: string;
  readonly external?: Readonly<Record<string, string>>;
}

export const addressSetId = (owner: Owner, key: string): RowId => rowId(owner, 'Address_Set', key);

export const addressSet = ({ owner, key, name, external = {} }: AddressSet): RowFact =>
  row('Address_Set', { owner, name: key, columns: { name }, external });

/** Id of the set of all nodes' InternalIPs. */
export const nodesSetId = (family: Family): RowId => addressSetId(ownerOf(clusterRef), nodesSetName(family));

export const nodesSet = (family: Family): RowFact =>
  addressSet({ owner: ownerOf(clusterRef), key: nodesSetName(family), name: nodesSetName(family) });

/** `address` is in the set as long as any owner says so. */
export const addressMember = (set: RowId, address: string, owner: Owner): MemberFact => ({
  member: 'Address_Set',
  id: set,
  column: 'addresses',
  element: address,
  owner,
});
