// Locks of RFC 7047 section 4.1.8, as things of a session: asked for on every connection anew, because a server forgets them
// with the connection. A lock belongs to one server: clients of a cluster see each other's only at the same member, so they
// use `leaderOnly`. What a holder writes is safe only in a transaction that asserts the lock.
//
//   idle --connected--> asked --{"locked": false}--> waiting --"locked"--> held      any --connection lost--> idle
//                         +----{"locked": true}----------------------------^ |       any --release--> released
//                                                  ^---------"stolen"--------+
import { ConnectionLost, ProtocolError } from './errors.ts';
import type { Assert } from './types.ts';

/** Told of the lock, synchronously and in the order of the wire; what it throws is a bug and is not caught. */
export interface LockConsumer {
  acquired?(): void;
  /** It was stolen, or the connection is gone. It is asked for again: `acquired` may follow. */
  lost?(reason: string): void;
}

/** How to ask for a lock, and who is told of it. */
export interface LockOptions extends LockConsumer {
  /** Takes the lock from whoever has it. Only once: after it was lost, it waits like everybody else. */
  readonly steal?: boolean;
}

/** A lock that is wanted until `release`. */
export interface Lock {
  readonly id: string;
  readonly held: boolean;
  /** The operation that makes a transaction fail (NotOwner) when the lock is not held any more. */
  readonly assertion: Assert;
  /**
   * Waits until it is held, and gives a signal that aborts when it is lost or released. Rejects with ConnectionLost when it
   * is released before, and with the reason of `signal`.
   */
  acquired(signal?: AbortSignal): Promise<AbortSignal>;
  /** Gives it up, or up waiting for it. */
  release(): void;
}

type State = 'idle' | 'asked' | 'waiting' | 'held' | 'released';

/** The lock, and what its session and its conversation do with it. */
export class SessionLock implements Lock {
  readonly id: string;
  readonly #consumer: LockConsumer;
  readonly #released: (wasAsked: boolean) => void;
  #state: State = 'idle';
  #steal: boolean;
  #holding = new AbortController();
  #next = Promise.withResolvers<AbortSignal>();

  /** Throws RangeError when `id` is not an <id> of RFC 7047 section 3.1. */
  constructor(id: string, options: LockOptions, released: (wasAsked: boolean) => void) {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(id)) throw new RangeError(`not the name of a lock: ${JSON.stringify(id)}`);
    this.id = id;
    this.#consumer = options;
    this.#steal = options.steal ?? false;
    this.#released = released;
    this.#next.promise.catch(() => undefined);
  }

  get held(): boolean {
    return this.#state === 'held';
  }

  get assertion(): Assert {
    return { op: 'assert', lock: this.id };
  }

  async acquired(signal?: AbortSignal): Promise<AbortSignal> {
    signal?.throwIfAborted();
    if (signal === undefined) return await this.#next.promise;
    const { promise, reject } = Promise.withResolvers<never>();
    const abort = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', abort);
    try {
      return await Promise.race([this.#next.promise, promise]);
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  release(): void {
    if (this.#state === 'released') return;
    const asked = this.#state !== 'idle';
    const held = this.held;
    this.#state = 'released';
    if (held) this.#holding.abort(new ConnectionLost(`the lock ${this.id} was released`, false));
    else this.#next.reject(new ConnectionLost(`the lock ${this.id} was released before it was held`, false));
    this.#released(asked);
  }

  /** The request to send on a new connection. */
  ask(): 'lock' | 'steal' {
    this.#state = 'asked';
    return this.#steal ? 'steal' : 'lock';
  }

  /** Takes the reply to it. */
  replied(reply: unknown): void {
    const locked = typeof reply === 'object' && reply !== null && 'locked' in reply ? reply.locked : undefined;
    if (typeof locked !== 'boolean') throw new ProtocolError('not a reply to lock');
    if (this.#state !== 'asked') return;
    this.#steal = false;
    if (locked) this.#hold();
    else this.#state = 'waiting';
  }

  /** Takes a notification. One that comes before the reply is about an earlier lock of the same name. */
  notified(method: 'locked' | 'stolen'): void {
    if (method === 'locked' && this.#state === 'waiting') this.#hold();
    if (method === 'stolen' && this.#state === 'held') this.#lose('waiting', 'stolen');
  }

  disconnected(reason: string): void {
    if (this.#state === 'held') this.#lose('idle', reason);
    else if (this.#state !== 'released') this.#state = 'idle';
  }

  #hold(): void {
    this.#state = 'held';
    this.#holding = new AbortController();
    this.#next.resolve(this.#holding.signal);
    this.#consumer.acquired?.();
  }

  #lose(state: 'waiting' | 'idle', reason: string): void {
    this.#state = state;
    this.#next = Promise.withResolvers<AbortSignal>();
    this.#next.promise.catch(() => undefined);
    this.#holding.abort(new ConnectionLost(`the lock ${this.id} was lost: ${reason}`, false));
    this.#consumer.lost?.(reason);
  }
}
