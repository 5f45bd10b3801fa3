// What a check is: a pure function from an object, as the API server is asked to take it, and from what there is, to
// sentences that say what is wrong. Nothing here refuses; who does is review.ts.
import type { Read } from '../../../lib/graph/types.ts';
import type { JsonObject } from '../../api/fact.ts';
import { objectOf, textOf } from '../../api/json.ts';
import type { Indexes, Meta, Tables } from '../../api/tables.ts';

/** An object of a kind that translates addresses, or of the gateway that does it. */
export interface NatRow {
  readonly kind: NatKind;
  readonly meta: Meta;
  /** As written; parsed at the place of use. */
  readonly spec: JsonObject;
}

/** Those that refer to each other. */
export const natKinds = [
  'IptablesDnatRule',
  'IptablesEIP',
  'IptablesFIPRule',
  'IptablesSnatRule',
  'OvnDnatRule',
  'OvnFip',
  'OvnSnatRule',
  'VpcNatGateway',
] as const;
export type NatKind = (typeof natKinds)[number];

/** The operator's tables as far as they are filled here, and one that it does not have. */
export interface WebhookTables extends Tables {
  /** By `natKey`. */
  nat: NatRow;
}

export interface WebhookIndexes extends Indexes {
  /** Rules, by `eipKey`. */
  rulesByEip: NatRow;
  /** IptablesEIPs, by VpcNatGateway. */
  eipsByGateway: NatRow;
}

export type View = Read<WebhookTables, WebhookIndexes>;

export const natKey = (kind: NatKind, name: string): string => `${kind}/${name}`;

/** Key of the index `rulesByEip`: the two kinds of EIPs have names of their own. */
export const eipKey = (kind: 'OvnEip' | 'IptablesEIP', name: string): string => `${kind}/${name}`;

/** What is checked of a kind. Each part may be absent. */
export interface Checks {
  /** What is wrong with the object as it is. An update is refused for what the object before it did not have wrong. */
  readonly faults?: (object: JsonObject, view: View) => Iterable<string>;
  /** What may not be made of the object that there is. Asked only when spec changes. */
  readonly changes?: (before: JsonObject, after: JsonObject, view: View) => Iterable<string>;
  /** Why it may not be deleted. */
  readonly uses?: (object: JsonObject, view: View) => Iterable<string>;
}

export const specOf = (object: JsonObject): JsonObject => objectOf(object['spec']);
export const statusOf = (object: JsonObject): JsonObject => objectOf(object['status']);
export const nameOf = (object: JsonObject): string => textOf(objectOf(object['metadata'])['name']);

/** Of two objects of the same age the one that there is already is right, so what is judged counts as the youngest. */
export const youngest = Number.MAX_SAFE_INTEGER;
