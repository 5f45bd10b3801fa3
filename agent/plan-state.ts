// The plan's state machine, without a network: what each message of the operator does to the tables. A stream that is cut
// leaves everything as it was; only the InitDone of the next one removes what was not heard again.
//
//   greeted --Init--> filling --InitDone--> following --Revision--> following
import type { ToAgent__Output } from '../proto/kubeloom/plan/v1/ToAgent.gen.ts';
import { itemOf } from './items.ts';
import type { Failure } from './node-loop.ts';
import type { PlanTables } from './tables.ts';

/** The newest version of the protocol that this agent speaks. */
export const PLAN_VERSION = 1;

/** The operator is not to be obeyed: an older leader, or one of a protocol that we do not know. */
export class PlanRefused extends Error {
  override readonly name = 'PlanRefused';
}

export class PlanState {
  readonly #tables: PlanTables;
  readonly #malformed = new Map<string, string>();
  #heard: Set<string> | undefined;
  #epoch: bigint;
  #revision: string;
  #complete: boolean;

  /** What a file of an earlier process says, or nothing. */
  constructor(tables: PlanTables, kept: { epoch: string; revision: string; complete: boolean }) {
    this.#tables = tables;
    this.#epoch = BigInt(kept.epoch);
    this.#revision = kept.revision;
    this.#complete = kept.complete;
  }

  /** Highest epoch obeyed. */
  get epoch(): string {
    return String(this.#epoch);
  }

  /** The last consistent revision, '0' before the first. */
  get revision(): string {
    return this.#revision;
  }

  /** Whether the tables are a whole plan, of this stream or of an earlier one. */
  get complete(): boolean {
    return this.#complete;
  }

  /** Items that could not be used. */
  get malformed(): readonly Failure[] {
    return [...this.#malformed].map(([key, message]) => ({ key, message }));
  }

  /**
   * Takes a message; true when the tables are a consistent revision again. Throws PlanRefused, upon which the stream is to
   * be ended. Messages of newer versions are ignored.
   */
  take(message: ToAgent__Output): boolean {
    if (message.init) this.#init(message.init);
    else if (this.#heard === undefined && !this.#following) throw new PlanRefused('the plan does not begin with Init');
    else if (message.apply) this.#apply(message.apply);
    else if (message.delete) this.#delete(message.delete.key);
    else if (message.init_done) return this.#done(message.init_done.revision);
    else if (message.revision) return this.#revise(message.revision.revision);
    return false;
  }

  /** The stream has ended. */
  cut(): void {
    this.#heard = undefined;
    this.#following = false;
  }

  #following = false;

  #init({ version, epoch }: { version: number; epoch: string }): void {
    // Whatever comes after an Init that is refused is refused, too.
    this.cut();
    if (version > PLAN_VERSION) throw new PlanRefused(`plan of version ${version}; this agent speaks ${PLAN_VERSION}`);
    if (BigInt(epoch) < this.#epoch)
      throw new PlanRefused(`epoch ${epoch} of a deposed leader, ${this.#epoch} is obeyed`);
    this.#epoch = BigInt(epoch);
    this.#heard = new Set();
    this.#following = false;
  }

  #apply({ key, item }: { key: string; item: Parameters<typeof itemOf>[0] }): void {
    this.#heard?.add(key);
    try {
      const parsed = itemOf(item);
      this.#malformed.delete(key);
      if (parsed !== undefined) this.#tables.apply(key, parsed);
    } catch (error) {
      // What was there before stays: a broken message must not take a pod's network away.
      this.#malformed.set(key, error instanceof Error ? error.message : String(error));
    }
  }

  #delete(key: string): void {
    this.#heard?.delete(key);
    this.#malformed.delete(key);
    this.#tables.delete(key);
  }

  #done(revision: string): boolean {
    const heard = this.#heard;
    if (heard === undefined) return false;
    for (const [key] of this.#tables.entries()) if (!heard.has(key)) this.#tables.delete(key);
    for (const key of this.#malformed.keys()) if (!heard.has(key)) this.#malformed.delete(key);
    this.#heard = undefined;
    this.#following = true;
    this.#complete = true;
    return this.#revise(revision);
  }

  #revise(revision: string): boolean {
    if (!this.#following) return false;
    this.#revision = revision;
    return true;
  }
}
