// What `kubeloom why` has found out: the question, and the verdict on it.
import type { Protocol } from './packet.ts';
import type { Verdict } from './verdict.ts';

/** One end of the connection: what was asked for, and its address. */
export interface Party {
  /** `pod shop/web`, `service shop/db`, or an address. */
  readonly what: string;
  readonly address: string;
}

export interface Answer {
  readonly from: Party;
  readonly to: Party;
  readonly protocol: Protocol;
  readonly port?: number | undefined;
  readonly verdict: Verdict;
}

/** 0: the connection passes, 2: it does not. */
export const exitCodeOf = ({ verdict }: Answer): number => (verdict.passes ? 0 : 2);
