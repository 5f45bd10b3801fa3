// Makes the API hold what object facts want: server-side apply, one request per object and field manager however many
// facts speak of it, withdrawn when the facts go. Nothing is sent that the API server already has.
//
// How a fresh process recognises its own: fields by the field manager, generated objects by the label below.
import type { Owner } from '../../lib/delta/fact.ts';
import type { Sink } from '../../lib/graph/types.ts';
import type { Json, JsonObject, ObjectFact, Ref } from '../api/fact.ts';
import type { Meta } from '../api/tables.ts';
import { BySource } from './by-source.ts';
import { AlreadyExistsError, isAnotherUid, messageOf, NotFoundError } from './errors.ts';
import { canonicalJson, covers } from './json.ts';
import { asObject } from './object.ts';
import { KeyedQueue } from './queue.ts';
import { refKey, resourceOf, type Resource } from './resources.ts';
import { assertMayWrite, type WriterOptions } from './writer.ts';

/** On every generated object; `kubeloom.io/owner` names who wants it. */
export const managedBy = { 'app.kubernetes.io/managed-by': 'kubeloom' } as const;

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
  readonly concurrency?: number;
}

interface Applied {
  readonly ref: Ref;
  readonly manager: string;
  readonly generated: boolean;
  readonly text: string;
  readonly uid: string;
}

interface Wanted {
  readonly body: JsonObject;
  readonly text: string;
  /** The object that is meant, when the facts say so. */
  readonly uid: string | undefined;
}

export class Applier implements Sink<ObjectFact> {
  readonly #options: ApplierOptions;
  readonly #queue: KeyedQueue;
  readonly #facts = new BySource<ObjectFact>(({ object, manager }) => targetOf(object, manager));
  readonly #applied = new Map<string, Applied>();
  readonly #waiting = new Map<Owner, Set<string>>();
  readonly #managers = new Set<string>();

  constructor(options: ApplierOptions) {
    this.#options = options;
    const { clock, log, concurrency = 32 } = options;
    this.#queue = new KeyedQueue({
      clock,
      concurrency,
      run: (target) => this.#run(target),
      onFailure: (target, error, attempt) =>
        log.warn({ target, attempt, error: messageOf(error) }, 'object could not be applied'),
    });
  }

  /** Objects that wait, are being written, or are retried. */
  get size(): number {
    return this.#queue.size;
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
    const targets = this.#waiting.get(owner);
    if (targets === undefined) return;
    this.#waiting.delete(owner);
    for (const target of targets) this.#queue.add(target);
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

  /** Resolves when no request is under way. Facts go on being taken in. */
  stop(): Promise<void> {
    return this.#queue.stop();
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
    const first = facts[0];
    if (first === undefined) return this.#withdraw(target);
    if (first.create) return this.#create(first);
    const awaited = facts.filter(({ after, owner }) => after === 'applied' && !this.#options.applied(owner));
    for (const { owner } of awaited) this.#wait(owner, target);
    if (awaited.length > 0) return;
    const uid = facts.findLast((fact) => fact.uid !== undefined)?.uid;
    const body = bodyOf(first, facts, uid);
    const wanted = { body, text: canonicalJson(body), uid };
    if (this.#isPointless(target, wanted, first)) return;
    await this.#apply(target, first, wanted);
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

  // Whether nothing is to be sent: the API has it already, or the object that was meant is gone.
  #isPointless(target: string, { text, body, uid }: Wanted, { object, manager, generated }: ObjectFact): boolean {
    const observed = this.#options.observed(object);
    const before = this.#applied.get(target);
    if (observed === 'unknown') return before?.text === text;
    if (isAnother(observed, uid)) return true;
    if (observed === 'absent' || (before !== undefined && before.text !== text)) return false;
    if (!covers(observed, contentOf(body))) return false;
    this.#applied.set(target, before ?? { ref: object, manager, generated, text, uid: uidOf(observed) ?? '' });
    return true;
  }

  async #apply(target: string, { object, manager, generated }: ObjectFact, { body, text, uid }: Wanted): Promise<void> {
    assertMayWrite(this.#options);
    try {
      const written = await this.#options.client.patch(object, { type: 'apply', body, manager });
      this.#applied.set(target, { ref: object, manager, generated, text, uid: written.metadata.uid });
      this.#options.onWritten?.(written);
    } catch (error) {
      const gone = error instanceof NotFoundError || (uid !== undefined && isAnotherUid(error));
      if (!gone) throw error;
      this.#options.log.debug({ target, uid }, 'the object that was meant is gone, nothing applied');
    }
  }

  async #withdraw(target: string): Promise<void> {
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

  #wait(owner: Owner, target: string): void {
    const targets = this.#waiting.get(owner);
    if (targets === undefined) this.#waiting.set(owner, new Set([target]));
    else targets.add(target);
  }
}

function targetOf(ref: Ref, manager: string): string {
  return `${manager} ${refKey(ref)}`;
}

function typeOf({ apiVersion, kind }: Ref): JsonObject {
  return { apiVersion, kind };
}

function nameOf({ namespace, name }: Ref): JsonObject {
  return namespace === '' ? { name } : { name, namespace };
}

function uidOf(observed: JsonObject): string | undefined {
  const uid = asObject(observed.metadata)?.uid;
  return typeof uid === 'string' ? uid : undefined;
}

function isDeleting(observed: Observation): boolean {
  return typeof observed === 'object' && asObject(observed.metadata)?.deletionTimestamp !== undefined;
}

function bodyOf(first: ObjectFact, facts: readonly ObjectFact[], uid: string | undefined): JsonObject {
  const owned: JsonObject = first.generated
    ? { metadata: { labels: managedBy, annotations: { 'kubeloom.io/owner': first.owner } } }
    : {};
  const wanted = facts.reduce<JsonObject>((whole, { manifest }) => merged(whole, manifest), owned);
  const identity = {
    ...typeOf(first.object),
    metadata: { ...nameOf(first.object), ...(uid === undefined ? {} : { uid }) },
  };
  return merged(wanted, identity);
}

// Objects are merged key by key, anything else is replaced by the later one.
function merged(a: JsonObject, b: JsonObject): JsonObject {
  const whole: Record<string, Json> = { ...a };
  for (const [key, value] of Object.entries(b)) {
    const before = asObject(whole[key]);
    const part = asObject(value);
    whole[key] = before !== undefined && part !== undefined ? merged(before, part) : value;
  }
  return whole;
}

// The object that was meant is gone, or a namesake is in its place.
function isAnother(observed: JsonObject | 'absent', uid: string | undefined): boolean {
  if (uid === undefined) return false;
  return observed === 'absent' || (uidOf(observed) ?? uid) !== uid;
}

// An observation need not repeat the type and name under which it was looked up.
function contentOf({ apiVersion: _version, kind: _kind, metadata, ...rest }: JsonObject): JsonObject {
  const { name: _name, namespace: _namespace, uid: _uid, ...others } = asObject(metadata) ?? {};
  return { ...rest, metadata: others };
}
