// What a policy says, once its module has translated it: templates of rules, and the selections that they speak of.
import type { Selection } from '../../lib/graph/selector.ts';
import type { AdminPolicyRow } from './admin-policy-row.ts';
import type { Direction, NetworkPolicyRow, Protocol } from './policy-row.ts';

/**
 * A rule with place-holders: `@` is the group of its subject, `$n` set n, `#` the number behind a port's name, `!` the
 * address from which a pod is met that is behind its own Service.
 */
export interface Template {
  readonly direction: Direction;
  /** Place of the rule among those of its direction. */
  readonly rule: number;
  readonly family: 4 | 6;
  readonly match: string;
  /** Places in the translation's list of selections. */
  readonly sets: readonly number[];
  /** It is of a pod that is met behind its own Service: the group is of those of the subject that are in one of the sets. */
  readonly self?: true;
  /** Whose containers call the port so: those of the subject, or of the peers. */
  readonly named?: { readonly side: 'subject' | 'peer'; readonly name: string; readonly protocol: Protocol };
}

/** What a set is of: pods, nodes, or what a domain name resolves to. */
export type SourceKind = 'pods' | 'nodes' | 'domain';

export interface Translation {
  readonly isolates: readonly Direction[];
  readonly templates: readonly Template[];
  /** Keys of selections; the first is the subject. */
  readonly selections: readonly string[];
  readonly kinds: readonly SourceKind[];
  /** Names of ports that have to be looked up, by selection. */
  readonly names: readonly { readonly selection: string; readonly name: string }[];
  /** Domain names that have to be resolved, with their final dot. */
  readonly domains: readonly string[];
  /** What of the policy cannot be used. */
  readonly faults: readonly string[];
}

/** A policy's translation, with the selections that it speaks of. */
export interface Translated {
  readonly translation: Translation;
  /** Undefined for a domain name. */
  readonly selections: readonly (Selection | undefined)[];
}

/** Throws TranslationFailed when the module cannot answer. */
export type Translate = (policy: NetworkPolicyRow | AdminPolicyRow) => Translated;
