// What somebody wants of a selection: a group of its ports, a set of its addresses, that it is isolated. And of what is
// no pod: sets of the addresses of nodes, and of those that a domain name has.
import type { Owner, RowId } from '../../lib/delta/fact.ts';
import type { Direction, NamedPort } from './policy-row.ts';

export type Enforcement = 'standard' | 'lax';

/** A port group or an address set that facets fill. */
export interface Collection {
  readonly row: 'Port_Group' | 'Address_Set';
  readonly id: RowId;
  readonly owner: Owner;
  /** Name of the row among the owner's. */
  readonly key: string;
  /** As matches name it. */
  readonly name: string;
  readonly external: Readonly<Record<string, string>>;
}

/** Which of the pods' ports count. */
export interface Scope {
  /** Key of the selection. */
  readonly selection: string;
  /** Of these networks alone; empty: of all. */
  readonly providers: readonly string[];
  /** Of pods whose container has this port under this name alone. */
  readonly port?: NamedPort;
  /** Of pods that are in one of these selections as well; absent: of all. */
  readonly among?: readonly string[];
}

/** The ports that lie in a VPC. */
export interface GroupFacet extends Scope {
  readonly kind: 'group';
  readonly vpc: string;
  readonly into: Collection;
  /** All who want it share the row; otherwise it is one policy's own. */
  readonly isShared: boolean;
  /** Directions in which the group drops by itself what nothing allows. */
  readonly isolates?: { readonly directions: readonly Direction[]; readonly enforcement: Enforcement };
}

/** The addresses that a VPC reaches. */
export interface SetFacet extends Scope {
  readonly kind: 'set';
  readonly vpc: string;
  readonly family: 4 | 6;
  readonly into: Collection;
  readonly isShared: boolean;
  /** The ClusterIPs by which the pods are reached are in it, too. */
  readonly services?: true;
}

/** What nothing allows is dropped. */
export interface DenyFacet extends Scope {
  readonly kind: 'deny';
  readonly direction: Direction;
  readonly enforcement: Enforcement;
}

/** Rules of the administrator's are asked of its ports: what keeps them alive all the same has to be there. */
export interface JudgedFacet extends Scope {
  readonly kind: 'judged';
  readonly tier: 'admin' | 'baseline';
  readonly direction: Direction;
}

/** Addresses of nodes, or those that a domain name resolves to; `selection` is the key of either. */
export interface OutsideFacet extends Scope {
  readonly kind: 'nodes' | 'domain';
  readonly family: 4 | 6;
  readonly into: Collection;
  readonly isShared: true;
}

export type Facet = GroupFacet | SetFacet | DenyFacet | JudgedFacet | OutsideFacet;
