// What the bench asks of its helper on the node, and what that answers: one JSON object per line each way.

/** The two contestants: the product, and the least that does the same work. */
export type Side = 'product' | 'raw';

/**
 * What is timed.
 *  - `assigned`: one ADD after the other, for pods whose address is there;
 *  - `bound`: one after the other, from the creation of the bound pod to the answer of its ADD;
 *  - `bound-api`: the same, where the raw side also makes the two API writes that an assignment is;
 *  - `burst`: all ADDs at once, for pods whose address is there; one time for the whole.
 */
export type Kind = 'assigned' | 'bound' | 'bound-api' | 'burst';

export interface Setup {
  readonly node: string;
  /** Where the API server is, and an administrator's credentials, as PEM. */
  readonly api: {
    readonly host: string;
    readonly port: number;
    readonly ca: string;
    readonly cert: string;
    readonly key: string;
  };
  /** Remote of the northbound database. */
  readonly northbound: string;
  readonly image: string;
}

export type Order = { readonly setup: Setup } | { readonly round: Kind; readonly side: Side; readonly count: number };

export interface RoundResult {
  /** Milliseconds of each operation; of a burst, one number. */
  readonly times: readonly number[];
  /** Mean milliseconds of an ADD without its waits for address, annotations and OVN. */
  readonly own: number;
  /** Processes started per ADD on the node, the CNI executable not counted. */
  readonly processes: number;
}

export type Answer = { readonly ready: true } | { readonly result: RoundResult } | { readonly error: string };
