// One agent's stream: Init, its node's items, InitDone, then changes, each batch closed by its revision.
//
//   greeting --Hello--> filling --all items written, gate open--> following --cancelled | replaced--> ended
//
// A slow agent costs one outbox entry per item, not one per change: what waits is collapsed by key.
import type { PlanItem } from './item.ts';
import type { ItemChange, PlanStore } from './store.ts';

/** The messages of proto/plan.proto, in the form that proto-loader takes with keepCase and oneofs. */
export type ToAgent =
  | { readonly init: { readonly version: number; readonly epoch: string } }
  | { readonly apply: { readonly key: string; readonly item: Readonly<Record<string, unknown>> } }
  | { readonly delete: { readonly key: string } }
  | { readonly init_done: { readonly revision: string } }
  | { readonly revision: { readonly revision: string } };

/** The writing half of a call. `write` answers false when the caller should wait for `drained`. */
export interface Outlet {
  write(message: ToAgent): boolean;
}

export const protocolVersion = 1;

const snake = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** Plain data with its keys as proto/plan.proto spells them. */
function spelled(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(spelled);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [snake(key), spelled(inner)]));
}

/** An item as the message `Item`: the oneof's field is named like the item's kind. */
export function encoded(item: PlanItem): Readonly<Record<string, unknown>> {
  const { kind, ...fields } = item;
  return { [kind]: spelled(fields) };
}

export class PlanStream {
  readonly #store: PlanStore;
  readonly #node: string;
  readonly #outlet: Outlet;
  readonly #outbox = new Map<string, PlanItem | undefined>();
  #unsubscribe: (() => void) | undefined;
  #blocked = false;
  #open = false;
  #initialised = false;
  #told = -1;

  constructor(store: PlanStore, node: string, outlet: Outlet) {
    this.#store = store;
    this.#node = node;
    this.#outlet = outlet;
  }

  /** The revision that the agent was last told to be complete, -1 before InitDone. */
  get told(): number {
    return this.#told;
  }

  /** Answers Hello: everything of this node goes out, and from now on every change. */
  start(epoch: number): void {
    this.#unsubscribe = this.#store.subscribe(this.#node, { changed: (changes) => this.#collect(changes) });
    this.#send({ init: { version: protocolVersion, epoch: String(epoch) } });
    for (const [key, item] of this.#store.items(this.#node)) this.#outbox.set(key, item);
    this.#pump();
  }

  /** The operator's inputs are complete: the agent may remove what it was not told of. */
  openGate(): void {
    this.#open = true;
    this.#pump();
  }

  /** The transport takes more. */
  drained(): void {
    this.#blocked = false;
    this.#pump();
  }

  end(): void {
    this.#unsubscribe?.();
    this.#outbox.clear();
  }

  #collect(changes: readonly ItemChange[]): void {
    for (const { key, item } of changes) {
      this.#outbox.delete(key);
      this.#outbox.set(key, item);
    }
    this.#pump();
  }

  #pump(): void {
    if (this.#unsubscribe === undefined) return;
    for (const [key, item] of this.#outbox) {
      if (this.#blocked) return;
      this.#outbox.delete(key);
      this.#send(item === undefined ? { delete: { key } } : { apply: { key, item: encoded(item) } });
    }
    if (!this.#blocked) this.#close();
  }

  /** Nothing waits: what the agent has now is one consistent revision. */
  #close(): void {
    const { revision } = this.#store;
    if (!this.#initialised && this.#open) {
      this.#initialised = true;
      this.#told = revision;
      this.#send({ init_done: { revision: String(revision) } });
    } else if (this.#initialised && this.#told !== revision) {
      this.#told = revision;
      this.#send({ revision: { revision: String(revision) } });
    }
  }

  #send(message: ToAgent): void {
    if (!this.#outlet.write(message)) this.#blocked = true;
  }
}
