// What a policy says, once its module has translated it: templates of rules, and the selections that they speak of.
import type { Selection } from '../../lib/graph/selector.ts';
import type { Direction, NetworkPolicyRow, Protocol } from './policy-row.ts';

/** A rule with place-holders: `@` is the group of its subject, `$n` set n, `#` the number behind a port's name. */
export interface Template {
  readonly direction: Direction;
  /** Place of the rule among those of its direction. */
  readonly rule: number;
  readonly family: 4 | 6;
  readonly match: string;
  /** Places in the translation's list of selections. */
  readonly sets: readonly number[];
  /** Whose containers call the port so: those of the subject, or of the peers. */
  readonly named?: { readonly side: 'subject' | 'peer'; readonly name: string; readonly protocol: Protocol };
}

export interface Translation {
  readonly isolates: readonly Direction[];
  readonly templates: readonly Template[];
  /** Keys of selections; the first is the subject. */
  readonly selections: readonly string[];
  /** Names of ports that have to be looked up, by selection. */
  readonly names: readonly { readonly selection: string; readonly name: string }[];
  /** What of the policy cannot be used. */
  readonly faults: readonly string[];
}

/** A policy's translation, with the selections that it speaks of. */
export interface Translated {
  readonly translation: Translation;
  readonly selections: readonly Selection[];
}

/** Throws TranslationFailed when the module cannot answer. */
export type Translate = (policy: NetworkPolicyRow) => Translated;
