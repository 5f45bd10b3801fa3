// What somebody wants of a selection: a group of its ports, a set of its addresses, that it is isolated.
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
}

/** What nothing allows is dropped. */
export interface DenyFacet extends Scope {
  readonly kind: 'deny';
  readonly direction: Direction;
  readonly enforcement: Enforcement;
}

export type Facet = GroupFacet | SetFacet | DenyFacet;
