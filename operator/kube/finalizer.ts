// Keeps our finalizer on objects, so that none goes before its rows are gone:
//   1. an object that is not being deleted gets the finalizer (and loses its old name);
//   2. while a hold names it, or rows of it are unconfirmed, the finalizer stays;
//   3. once it is being deleted and neither is so, the finalizer is removed.
// What others put among the finalizers is never touched: every patch tests that the list is what we saw.
import type { Owner } from '../../lib/delta/fact.ts';
import { owner } from '../../lib/delta/ids.ts';
import type { Sink } from '../../lib/graph/types.ts';
import type { HoldFact, JsonObject, Ref } from '../api/fact.ts';
import type { Meta } from '../api/tables.ts';
import { BySource } from './by-source.ts';
import { ConflictError, InvalidError, messageOf, NotFoundError } from './errors.ts';
import type { KubeObject } from './object.ts';
import { KeyedQueue } from './queue.ts';
import { refKey } from './resources.ts';
import { assertMayWrite, metered, type WriterOptions } from './writer.ts';

export const finalizer = 'kubeovn.io/kube-ovn-controller';
/** What Kube-OVN called it before 1.13. */
export const oldFinalizer = 'kube-ovn-controller';

export type Finalized = Pick<Meta, 'uid' | 'deleting' | 'finalizers'>;

export interface FinalizerKeeperOptions extends WriterOptions {
  /** Whether every row of the owner, removals included, is confirmed in the database. */
  readonly applied: (owner: Owner) => boolean;
}

interface Known extends Finalized {
  readonly ref: Ref;
}

export class FinalizerKeeper implements Sink<HoldFact> {
  readonly #options: FinalizerKeeperOptions;
  readonly #queue: KeyedQueue;
  readonly #holds = new BySource<HoldFact>(({ hold }) => refKey(hold));
  readonly #known = new Map<string, Known>();
  readonly #unsettled = new Set<string>();
  readonly #byOwner = new Map<Owner, string>();

  constructor(options: FinalizerKeeperOptions) {
    this.#options = options;
    this.#queue = new KeyedQueue({
      ...metered(options, 'finalizers'),
      clock: options.clock,
      run: (target) => this.#run(target),
      onFailure: (target, error, attempt) =>
        options.log.warn({ target, attempt, error: messageOf(error) }, 'finalizer could not be changed'),
    });
  }

  get size(): number {
    return this.#queue.size;
  }

  /** The source now holds exactly these objects. */
  replace(source: string, facts: readonly HoldFact[]): void {
    for (const target of this.#holds.replace(source, facts)) this.#unsettled.add(target);
  }

  /** A source that failed keeps its holds. */
  freeze(): void {
    // Nothing changes.
  }

  /** An object of a kind that needs the finalizer, as the reflector has it; undefined when it is gone. */
  observe(ref: Ref, meta: Finalized | undefined): void {
    const target = refKey(ref);
    if (meta === undefined) {
      this.#known.delete(target);
      this.#byOwner.delete(owner(ref));
      this.#queue.drop(target);
      return;
    }
    const { uid, deleting, finalizers } = meta;
    this.#known.set(target, { ref, uid, deleting, finalizers });
    this.#byOwner.set(owner(ref), target);
    this.#unsettled.add(target);
  }

  /**
   * To be called after each settle of the graph, once its rows are with the tracker. Until then nothing is decided: a
   * deletion that has just been seen has not yet taken back its rows, and `applied` speaks of the time before.
   */
  settled(): void {
    for (const target of this.#unsettled) this.#queue.add(target);
    this.#unsettled.clear();
  }

  /** The rows of this owner are confirmed now. */
  confirmed(by: Owner): void {
    const target = this.#byOwner.get(by);
    if (target !== undefined && !this.#unsettled.has(target)) this.#queue.add(target);
  }

  /** What is confirmed has changed for many at once: everything is decided anew. */
  recheck(): void {
    for (const target of this.#known.keys()) if (!this.#unsettled.has(target)) this.#queue.add(target);
  }

  start(): void {
    this.#queue.start();
    this.recheck();
  }

  stop(): Promise<void> {
    return this.#queue.stop();
  }

  async #run(target: string): Promise<void> {
    const known = this.#known.get(target);
    if (known === undefined || this.#unsettled.has(target)) return;
    const wanted = this.#wanted(target, known);
    const operations = finalizerPatch(known, wanted);
    if (operations === undefined) return;
    assertMayWrite(this.#options);
    try {
      this.#show(target, await this.#options.client.patch(known.ref, { type: 'json', operations }));
    } catch (error) {
      if (error instanceof NotFoundError) return;
      // A test did not hold: someone else changed the list, or this is a namesake. Decide again on what is there now.
      if (error instanceof InvalidError || error instanceof ConflictError) await this.#reread(target, known.ref);
      throw error;
    }
  }

  #show(target: string, written: KubeObject): void {
    this.#learn(target, written);
    // Without finalizers an object that is being deleted is gone: there is nothing left to show.
    const { deletionTimestamp, finalizers = [] } = written.metadata;
    if (deletionTimestamp === undefined || finalizers.length > 0) this.#options.onWritten?.(written);
  }

  #wanted(target: string, { ref, deleting, finalizers }: Known): readonly string[] {
    const others = finalizers.filter((name) => name !== finalizer && name !== oldFinalizer);
    if (!deleting) return finalizers.includes(finalizer) ? withoutOld(finalizers) : [...others, finalizer];
    const held = this.#holds.at(target).length > 0 || !this.#options.applied(owner(ref));
    return held ? finalizers : others;
  }

  async #reread(target: string, ref: Ref): Promise<void> {
    try {
      this.#learn(target, await this.#options.client.get(ref));
    } catch (error) {
      if (error instanceof NotFoundError) this.#known.delete(target);
    }
  }

  // The deletion itself is learnt from the reflector alone, with the settle that belongs to it.
  #learn(target: string, { metadata }: KubeObject): void {
    const known = this.#known.get(target);
    if (known === undefined || known.uid !== metadata.uid) return;
    this.#known.set(target, { ...known, finalizers: metadata.finalizers ?? [] });
  }
}

function withoutOld(finalizers: readonly string[]): readonly string[] {
  return finalizers.filter((name) => name !== oldFinalizer);
}

/** RFC 6902 operations that turn the list into `wanted`, on this very object and list; undefined when it is so. */
export function finalizerPatch(
  { uid, finalizers }: Pick<Finalized, 'uid' | 'finalizers'>,
  wanted: readonly string[],
): JsonObject[] | undefined {
  if (finalizers.length === wanted.length && finalizers.every((name, index) => name === wanted[index]))
    return undefined;
  const path = '/metadata/finalizers';
  return [
    { op: 'test', path: '/metadata/uid', value: uid },
    { op: 'test', path, value: finalizers.length === 0 ? null : finalizers },
    wanted.length === 0 ? { op: 'remove', path } : { op: 'add', path, value: wanted },
  ];
}
