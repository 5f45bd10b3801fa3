// Makes the API hold what object facts want: server-side apply, one request per object and field manager however many
// facts speak of it, withdrawn when the facts go. Nothing is sent that the API server already has.
//
// How a fresh process recognises its own: fields by the field manager, generated objects by the label below.
import type { Owner } from '../../lib/delta/fact.ts';
import type { Sink } from '../../lib/graph/types.ts';
import type { JsonObject, ObjectFact, ProblemFact, Ref } from '../api/fact.ts';
import { refOfOwner } from '../api/refs.ts';
import type { Meta } from '../api/tables.ts';
import { Awaiting } from './awaiting.ts';
import { BySource } from './by-source.ts';
import {
  AlreadyExistsError,
  ApiError,
  ConflictError,
  isAnotherUid,
  isTransient,
  messageOf,
  NotFoundError,
} from './errors.ts';
import { covers, digestOf } from './json.ts';
import { bodyOf, contentOf, managedBy, merged, nameOf, typeOf } from './manifest.ts';
import { asObject, decodeObject, type KubeObject } from './object.ts';
import { KeyedQueue } from './queue.ts';
import { pathOf, refKey, resourceOf, type Resource } from './resources.ts';
import { assertMayWrite, metered, type WriterOptions } from './writer.ts';

/**
 * What is known of an object: (part of) its content, that it does not exist, or nothing because its kind is not
 * watched. `metadata.uid` and `metadata.deletionTimestamp` are heeded when they are there.
 */
export type Observation = JsonObject | 'absent' | 'unknown';

/** The observation that a table's row gives: what of an object is compared with annotations and labels to write. */
export function observedMeta(meta: Meta | undefined): Observation {
  if (meta === undefined) return 'absent';
  const { uid, annotations, labels, finalizers, deleting } = meta;
  return { metadata: { uid, annotations, labels, finalizers, ...(deleting ? { deletionTimestamp: 'set' } : {}) } };
}

export interface ApplierOptions extends WriterOptions {
  readonly observed: (ref: Ref) => Observation;
  /** Whether every row of the owner is confirmed in the database; facts with `after: 'applied'` wait for it. */
  readonly applied: (owner: Owner) => boolean;
  /** Told of what the API server refuses for good; the source is of the object, and goes when it is accepted. */
  readonly problems?: Pick<Sink<ProblemFact>, 'replace'>;
  /** Given each object that an apply returned, and what was known of it before. */
  readonly told?: (object: KubeObject, before: Observation) => void;
  readonly concurrency?: number;
}

/**
 * So often a field is left to whoever owns it. After that the reflector has shown what he wrote, the facts have been
 * computed from it, and they state the field all the same: he owns it with nothing in it.
 */
const yields = 3;

interface Applied {
  readonly ref: Ref;
  readonly manager: string;
  readonly generated: boolean;
  readonly digest: string;
  readonly uid: string;
}

interface Wanted {
  readonly body: JsonObject;
  readonly digest: string;
  /** The object that is meant, when the facts say so. */
  readonly uid: string | undefined;
}

export class Applier implements Sink<ObjectFact> {
  readonly #options: ApplierOptions;
  readonly #queue: KeyedQueue;
  readonly #facts = new BySource<ObjectFact>(({ object, manager }) => targetOf(object, manager));
  readonly #applied = new Map<string, Applied>();
  readonly #awaiting = new Awaiting();
  readonly #refused = new Set<string>();
  /** Refusals in a row because of fields that others own. */
  readonly #conflicts = new Map<string, number>();
  readonly #managers = new Set<string>();

  constructor(options: ApplierOptions) {
    this.#options = options;
    const { clock, log, concurrency = 32 } = options;
    this.#queue = new KeyedQueue({
      ...metered(options, 'objects'),
      clock,
      concurrency,
      run: (target) => this.#run(target),
      onFailure: (target, error, attempt) => {
        log.warn({ target, attempt, error: messageOf(error) }, 'object could not be applied');
        this.#tell(target, error);
      },
    });
  }

  /** Objects that wait, are being written, or are retried. */
  get size(): number {
    return this.#queue.size;
  }

  /** What is kept, for tests of what grows. */
  get kept(): Readonly<Record<string, number>> {
    const { size: applied } = this.#applied;
    return { applied, waiting: this.#awaiting.size, refused: this.#refused.size, conflicts: this.#conflicts.size };
  }

  /** The source now wants exactly these objects. */
  replace(source: string, facts: readonly ObjectFact[]): void {
    for (const { manager } of facts) this.#managers.add(manager);
    for (const target of this.#facts.replace(source, facts)) this.#queue.add(target);
  }

  /** A source that failed keeps what it wanted. */
  freeze(): void {
    // Nothing changes.
  }

  /** The rows of this owner are confirmed now. */
  confirmed(owner: Owner): void {
    for (const target of this.#awaiting.confirmed(owner)) this.#queue.add(target);
  }

  /** The object has changed in the API, perhaps by others: what we want of it is written again if it is gone. */
  check(ref: Ref): void {
    for (const manager of this.#managers) {
      const target = targetOf(ref, manager);
      if (this.#facts.at(target).length > 0) this.#queue.add(target);
    }
  }

  /** Begins to write, everything that is wanted first of all. */
  start(): void {
    this.#queue.start();
    for (const target of this.#facts.targets()) this.#queue.add(target);
  }

  /** Resolves when no request is under way. Facts go on being taken in. What was written is another's to know now. */
  async stop(): Promise<void> {
    await this.#queue.stop();
    for (const target of this.#refused) this.#accepted(target);
    for (const kept of [this.#applied, this.#awaiting, this.#conflicts]) kept.clear();
  }

  /**
   * Deletes generated objects of these kinds that nobody wants: left over from a process before this one. Only after
   * every input has been read, or it would delete what is about to be wanted.
   */
  async prune(kinds: readonly Resource[]): Promise<void> {
    const [label, value] = Object.entries(managedBy)[0] ?? [];
    for (const resource of kinds) {
      const { items } = await this.#options.client.list(resource, { labelSelector: `${label}=${value}` });
      for (const { metadata } of items) {
        const { apiVersion, kind } = resource;
        const ref = { apiVersion, kind, namespace: metadata.namespace ?? '', name: metadata.name };
        const wanted = [...this.#managers].some((manager) => this.#facts.at(targetOf(ref, manager)).length > 0);
        if (!wanted) await this.#delete(ref, metadata.uid);
      }
    }
  }

  async #run(target: string): Promise<void> {
    const facts = this.#facts.at(target);
    // Somebody may have made it before, and a fact may say something of his.
    const first = facts.find(({ generated }) => generated) ?? facts[0];
    this.#awaiting.arrive(target);
    if (first === undefined) return this.#withdraw(target);
    if (first.create) return this.#create(first);
    if (first.keep) return this.#keep(target, first);
    const awaited = facts.filter(({ after, owner }) => after === 'applied' && !this.#options.applied(owner));
    if (awaited.length > 0) {
      const owners = awaited.map(({ owner }) => owner);
      this.#awaiting.wait(target, owners);
      return;
    }
    const uid = this.#meant(target, first, facts);
    const body = bodyOf(first, facts, uid);
    const wanted = { body, digest: digestOf(body), uid };
    await this.#strip(first.object, facts, uid);
    if (!this.#isPointless(target, wanted, first)) await this.#apply(target, first, wanted);
    this.#accepted(target);
  }

  // The object that is written to: the one that a fact names, or the one that we know, so that a request that is late
  // (this process may have been stopped meanwhile) neither meets a namesake nor brings back what was deleted.
  #meant(target: string, { object }: ObjectFact, facts: readonly ObjectFact[]): string | undefined {
    const named = facts.findLast((fact) => fact.uid !== undefined)?.uid;
    if (named !== undefined) return named;
    const observed = this.#options.observed(object);
    if (observed === 'absent') return undefined;
    return (observed === 'unknown' ? undefined : uidOf(observed)) ?? this.#applied.get(target)?.uid;
  }

  // Nothing is remembered of it: the object is the user's from the moment it exists.
  async #create({ object, manifest }: ObjectFact): Promise<void> {
    const observed = this.#options.observed(object);
    if (typeof observed === 'object') return;
    assertMayWrite(this.#options);
    try {
      const body = merged(manifest, { ...typeOf(object), metadata: nameOf(object) });
      const written = await this.#options.client.create(resourceOf(object), body);
      this.#options.onWritten?.(written);
    } catch (error) {
      if (!(error instanceof AlreadyExistsError)) throw error;
    }
  }

  // What a process before this one applied is ours to delete, too. It is written anew as soon as it can be said.
  #keep(target: string, { object, manager, generated }: ObjectFact): void {
    const observed = this.#options.observed(object);
    const before = this.#applied.get(target);
    if (typeof observed === 'object')
      this.#applied.set(target, before ?? { ref: object, manager, generated, digest: '', uid: uidOf(observed) ?? '' });
    this.#accepted(target);
  }

  // Whether nothing is to be sent: the API has it already, or the object that was meant is gone.
  #isPointless(target: string, { digest, body, uid }: Wanted, { object, manager, generated }: ObjectFact): boolean {
    const observed = this.#options.observed(object);
    const before = this.#applied.get(target);
    if (observed === 'unknown') return before?.digest === digest;
    if (isAnother(observed, uid)) return true;
    // Metadata and defaults are for objects that others make: an apply would make one.
    if (observed === 'absent') return !generated;
    const changed = before !== undefined && before.digest !== digest;
    if (changed || !covers(observed, contentOf(body))) return false;
    this.#applied.set(target, before ?? { ref: object, manager, generated, digest, uid: uidOf(observed) ?? '' });
    return true;
  }

  async #apply(target: string, fact: ObjectFact, { body, digest, uid }: Wanted): Promise<void> {
    const { object, manager, generated } = fact;
    const force = fact.yields !== true || (this.#conflicts.get(target) ?? 0) >= yields;
    assertMayWrite(this.#options);
    const before = this.#options.observed(object);
    try {
      const written = await this.#send(object, { body, manager, force });
      this.#conflicts.delete(target);
      this.#applied.set(target, { ref: object, manager, generated, digest, uid: written.metadata.uid });
      this.#options.onWritten?.(written);
      this.#options.told?.(written, before);
    } catch (error) {
      if (isFieldConflict(error)) this.#conflicts.set(target, (this.#conflicts.get(target) ?? 0) + 1);
      if (!this.#isGone(target, fact, { error, uid })) throw error;
      this.#options.log.debug({ target, uid }, 'the object that was meant is gone, nothing applied');
    }
  }

  // What we generate is made again; a missing kind or namespace is waited for.
  #isGone(
    target: string,
    { generated }: ObjectFact,
    { error, uid }: { readonly error: unknown; readonly uid: string | undefined },
  ): boolean {
    const gone = !isFieldConflict(error) && uid !== undefined && isAnotherUid(error);
    if (generated && gone) this.#applied.delete(target);
    return !generated && (gone || error instanceof NotFoundError);
  }

  async #send(
    ref: Ref,
    { body, manager, force }: { readonly body: JsonObject; readonly manager: string; readonly force: boolean },
  ): Promise<KubeObject> {
    const { client } = this.#options;
    if (force) return client.patch(ref, { type: 'apply', body, manager });
    const path = pathOf(resourceOf(ref), ref);
    const contentType = 'application/apply-patch+yaml';
    const query = { fieldManager: manager, force: 'false' };
    return decodeObject(await client.request({ method: 'PATCH', path, query, contentType, body }), `PATCH ${path}`);
  }

  // An apply removes nothing that others wrote.
  async #strip(ref: Ref, facts: readonly ObjectFact[], uid: string | undefined): Promise<void> {
    const surplus = surplusOf(this.#options.observed(ref), facts, uid);
    if (surplus.length === 0) return;
    assertMayWrite(this.#options);
    const annotations = Object.fromEntries(surplus.map((key) => [key, null]));
    const body = { metadata: { ...(uid === undefined ? {} : { uid }), annotations } };
    try {
      this.#options.onWritten?.(await this.#options.client.patch(ref, { type: 'merge', body }));
    } catch (error) {
      if (!(error instanceof NotFoundError || isAnotherUid(error))) throw error;
    }
  }

  #tell(target: string, error: unknown): void {
    const [fact] = this.#facts.at(target);
    if (fact === undefined || !isRefusal(error)) return;
    const { owner, object } = fact;
    const problem = refOfOwner(owner) ?? object;
    this.#refused.add(target);
    const message = `${object.kind} ${object.name}: ${messageOf(error)}`;
    this.#options.problems?.replace(sourceOf(target), [{ problem, reason: 'ObjectRefused', message, owner }]);
  }

  #accepted(target: string): void {
    if (this.#refused.delete(target)) this.#options.problems?.replace(sourceOf(target), []);
  }

  async #withdraw(target: string): Promise<void> {
    this.#accepted(target);
    this.#conflicts.delete(target);
    const applied = this.#applied.get(target);
    if (applied === undefined) return;
    const { ref, manager, generated, uid } = applied;
    const observed = this.#options.observed(ref);
    if (observed !== 'absent' && (generated || !isDeleting(observed))) {
      assertMayWrite(this.#options);
      if (generated) await this.#delete(ref, uid);
      else await this.#release(ref, manager, uid);
    }
    this.#applied.delete(target);
  }

  // An apply without our fields removes them. The UID keeps it from creating an object that is gone meanwhile.
  async #release(ref: Ref, manager: string, uid: string): Promise<void> {
    const body = { ...typeOf(ref), metadata: { ...nameOf(ref), uid } };
    try {
      const written = await this.#options.client.patch(ref, { type: 'apply', body, manager });
      this.#options.onWritten?.(written);
    } catch (error) {
      if (!isAnotherUid(error)) throw error;
    }
  }

  async #delete(ref: Ref, uid: string): Promise<void> {
    assertMayWrite(this.#options);
    try {
      await this.#options.client.delete(ref, { ...(uid === '' ? {} : { uid }), propagation: 'Background' });
    } catch (error) {
      if (!isAnotherUid(error)) throw error;
    }
  }
}

const sourceOf = (target: string): string => `object/${target}`;

/** A field is another manager's, and the apply was not to take it from him. */
function isFieldConflict(error: unknown): boolean {
  return error instanceof ConflictError && error.causes.some(({ reason }) => reason === 'FieldManagerConflict');
}

/** Whether somebody has to do something about it: not the passing of time, and not the end of a namespace. */
function isRefusal(error: unknown): boolean {
  if (!(error instanceof ApiError) || error instanceof ConflictError || isTransient(error)) return false;
  return !error.causes.some(({ reason }) => reason === 'NamespaceTerminating');
}

function targetOf(ref: Ref, manager: string): string {
  return `${manager} ${refKey(ref)}`;
}

function uidOf(observed: JsonObject): string | undefined {
  const uid = asObject(observed.metadata)?.uid;
  return typeof uid === 'string' ? uid : undefined;
}

function isDeleting(observed: Observation): boolean {
  return typeof observed === 'object' && asObject(observed.metadata)?.deletionTimestamp !== undefined;
}

/** Annotations of the object that is meant that it must not have. */
function surplusOf(observed: Observation, facts: readonly ObjectFact[], uid: string | undefined): string[] {
  const unwanted = facts.flatMap(({ without = [] }) => without);
  if (unwanted.length === 0 || typeof observed === 'string' || isAnother(observed, uid)) return [];
  const shown = asObject(asObject(observed.metadata)?.annotations) ?? {};
  return unwanted.filter((key) => key in shown);
}

// The object that was meant is gone, or a namesake is in its place.
function isAnother(observed: JsonObject | 'absent', uid: string | undefined): boolean {
  if (uid === undefined) return false;
  return observed === 'absent' || (uidOf(observed) ?? uid) !== uid;
}
