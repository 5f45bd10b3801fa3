// Leader election on a Lease. A holder that cannot renew stops writing before anyone else may begin; a process that
// lost the lease stays and waits its turn, warm. `mayWrite` is to be asked right before each write.
import type { Ref } from '../api/fact.ts';
import type { KubeClient } from './client.ts';
import type { Clock } from './clock.ts';
import {
  acquiredAt,
  claimedLease,
  holds,
  type LeaseClaim,
  leaseStep,
  type LeaseTimes,
  leaseTimes,
  releasedLease,
  type SeenLease,
  seenLease,
} from './election.ts';
import { AlreadyExistsError, ConflictError, messageOf, NotFoundError } from './errors.ts';
import type { Log } from './log.ts';
import type { KubeObject } from './object.ts';
import { resources } from './resources.ts';

export interface LeaderLeaseOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly log: Log;
  readonly namespace: string;
  readonly name: string;
  /** Unique per process, e.g. `<pod>_<uuid>`: a restarted pod is another candidate. */
  readonly identity: string;
  /** Set on the Lease while this process holds it, such as `kubeloom.io/plan-address`. */
  readonly annotations?: Readonly<Record<string, string>>;
  readonly times?: Partial<LeaseTimes>;
  readonly onElected: () => void;
  /** The lease was lost: another may write from now on. Not called by `stop`. */
  readonly onDeposed: (reason: string) => void;
}

export class LeaderLease {
  readonly #options: LeaderLeaseOptions;
  readonly #times: LeaseTimes;
  readonly #ref: Ref;
  readonly #claim: LeaseClaim;
  #epoch = 0;
  #seen: SeenLease | undefined;
  /** Monotonic time at which the last good renewal was sent; undefined unless we hold the lease. */
  #renewedAt: number | undefined;
  #started = false;
  #cancelTick: () => void = () => undefined;
  #cancelDeadline: () => void = () => undefined;
  #ticking: Promise<void> = Promise.resolve();

  constructor(options: LeaderLeaseOptions) {
    this.#options = options;
    this.#times = { ...leaseTimes, ...options.times };
    if (!(this.#times.retry < this.#times.deadline && this.#times.deadline < this.#times.duration)) {
      throw new Error('a lease needs retry < deadline < duration');
    }
    const { namespace, name, identity, annotations = {} } = options;
    this.#ref = { apiVersion: resources.Lease.apiVersion, kind: 'Lease', namespace, name };
    this.#claim = { identity, times: this.#times, annotations };
  }

  /** Whether this process holds the lease and has renewed it recently enough by its own clock. */
  mayWrite(): boolean {
    return this.#renewedAt !== undefined && holds(this.#renewedAt, this.#options.clock.now(), this.#times);
  }

  /** Greater for each leader than for those before it; that of the lease as far as seen here, 0 before. */
  get epoch(): number {
    return this.#epoch;
  }

  /** Who holds the lease as far as seen here; '' for nobody. */
  get holder(): string {
    return this.#seen?.holder ?? '';
  }

  start(): void {
    if (this.#started) return;
    this.#started = true;
    this.#tick();
  }

  /** Gives the lease back if it is held. The caller has stopped every writer before. */
  async stop(): Promise<void> {
    if (!this.#started) return;
    this.#started = false;
    this.#cancelTick();
    this.#cancelDeadline();
    await this.#ticking;
    const held = this.mayWrite();
    this.#renewedAt = undefined;
    if (!held) return;
    try {
      const { client, clock } = this.#options;
      const object = await client.get(this.#ref, this.#patience);
      if (object.spec?.holderIdentity !== this.#claim.identity) return;
      await client.update(this.#ref, releasedLease(object, this.#claim, clock.wall()), this.#patience);
    } catch (error) {
      this.#options.log.warn({ error: messageOf(error) }, 'lease could not be given back, it expires by itself');
    }
  }

  // Ms for one request: one that hangs must not eat the time in which another try would still renew.
  get #patience(): number {
    return this.#times.deadline / 4;
  }

  #tick(): void {
    this.#ticking = this.#step()
      .catch((error: unknown) => this.#failed(error))
      .finally(() => {
        if (!this.#started) return;
        // Spread, so that candidates who start together do not collide at every try.
        const { clock } = this.#options;
        const pause =
          this.#renewedAt === undefined ? this.#times.retry * (1 + clock.random() * 0.2) : this.#times.retry;
        this.#cancelTick = clock.after(pause, () => this.#tick());
      });
  }

  async #step(): Promise<void> {
    const { client, clock } = this.#options;
    const object = await this.#read();
    this.#seen = seenLease(object, this.#seen, clock.now());
    const step = leaseStep(this.#seen, this.#claim.identity, clock.now());
    if (step === 'wait') {
      this.#depose('another process holds the lease');
      return;
    }
    const sentAt = clock.now();
    const written = await client.update(
      this.#ref,
      claimedLease(object, step, this.#claim, clock.wall()),
      this.#patience,
    );
    this.#seen = seenLease(written, undefined, sentAt);
    this.#epoch = acquiredAt(written);
    this.#hold(sentAt);
  }

  async #read(): Promise<KubeObject> {
    const { client } = this.#options;
    try {
      return await client.get(this.#ref, this.#patience);
    } catch (error) {
      if (!(error instanceof NotFoundError)) throw error;
    }
    const { apiVersion, kind, namespace, name } = this.#ref;
    const empty = {
      apiVersion,
      kind,
      metadata: { namespace, name },
      spec: { holderIdentity: '', leaseDurationSeconds: 1 },
    };
    try {
      return await client.create(resources.Lease, empty);
    } catch (error) {
      if (!(error instanceof AlreadyExistsError)) throw error;
      return client.get(this.#ref);
    }
  }

  #hold(sentAt: number): void {
    const { clock, log, onElected } = this.#options;
    const first = this.#renewedAt === undefined;
    this.#renewedAt = sentAt;
    this.#cancelDeadline();
    this.#cancelDeadline = clock.after(Math.max(0, sentAt + this.#times.deadline - clock.now()), () =>
      this.#depose('the lease could not be renewed in time'),
    );
    if (!first || !this.#started) return;
    log.info({ lease: this.#ref.name, identity: this.#claim.identity }, 'elected');
    onElected();
  }

  #depose(reason: string): void {
    if (this.#renewedAt === undefined) return;
    this.#renewedAt = undefined;
    this.#cancelDeadline();
    this.#options.log.warn({ lease: this.#ref.name, reason }, 'deposed');
    this.#options.onDeposed(reason);
  }

  #failed(error: unknown): void {
    // Someone else was quicker: the next try sees who.
    if (error instanceof ConflictError) return;
    this.#options.log.warn({ lease: this.#ref.name, error: messageOf(error) }, 'lease could not be read or renewed');
  }
}
