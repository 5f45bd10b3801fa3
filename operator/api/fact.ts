// The seven shapes that a reconciler may yield. Everything that Kubeloom does to the world is one of them.
import type { MemberFact, Owner, RowFact } from '../../lib/delta/fact.ts';
import type { PlanItem } from '../plan/item.ts';
import type { Reason } from './reasons.ts';

/** An object of the Kubernetes API. `namespace` is '' for cluster-scoped kinds. */
export interface Ref {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

/** A JSON value, as the API server takes it. Integers above 2^53 are bigint and are written as plain numbers. */
export type Json = null | boolean | number | bigint | string | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

/** The nodes that a plan item concerns. */
export type Span = ReadonlySet<string> | 'all';

/** An item of the node plan; stored once, sent to the nodes of its span. `plan` is unique over all items. */
export interface PlanFact {
  readonly plan: string;
  readonly span: Span;
  readonly item: PlanItem;
  readonly owner: Owner;
}

/**
 * What the API server should hold for an object, written by server-side apply and withdrawn (`generated`: deleted)
 * when the fact goes. `manager` is the field manager; `after` delays the write until the owner's rows are confirmed.
 */
export interface ObjectFact {
  readonly object: Ref;
  readonly manifest: JsonObject;
  readonly owner: Owner;
  readonly manager: string;
  readonly after?: 'applied';
  /** True for objects that exist only because of this fact (Deployments, Services); false for annotations on others. */
  readonly generated: boolean;
  /** Fields that another manager owns are left to him while he has something to say in them. */
  readonly yields?: true;
  /** Make the object if it is absent, and leave it alone for ever if it exists; when the fact goes, nothing happens. */
  readonly create?: true;
  /** Leave the object as it is: what it should be cannot be said now. It is deleted with the fact, if it is generated. */
  readonly keep?: true;
  /** Annotations that it must not have, whoever wrote them. */
  readonly without?: readonly string[];
  /** UID of the object that is meant; a write to a namesake of another UID is dropped. */
  readonly uid?: string;
}

/** The computed part of an object's status; conditions are added from problems and from what is applied. */
export interface StatusFact {
  readonly status: Ref;
  readonly generation: number;
  readonly fields: JsonObject;
  /** Reason of Ready=True, Kube-OVN's word for it where it has several. */
  readonly ready?: string;
  /** Fields that are true once the owner's rows are confirmed; until then they stay as the API shows them. */
  readonly confirmed?: JsonObject;
  readonly owner: Owner;
}

/** Something that a user can fix. Becomes a condition and an event, and goes with its cause. */
export interface ProblemFact {
  readonly problem: Ref;
  readonly reason: Reason;
  readonly message: string;
  readonly owner: Owner;
}

/** Why an object may not go yet: its finalizer stays while any hold names it. */
export interface HoldFact {
  readonly hold: Ref;
  readonly reason: string;
  readonly owner: Owner;
}

export type Fact = RowFact | MemberFact | PlanFact | ObjectFact | StatusFact | ProblemFact | HoldFact;
