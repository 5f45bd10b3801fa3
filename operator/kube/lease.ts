// Leader election on a Lease. A holder that cannot renew stops writing before anyone else may begin; a process that
// lost the lease stays and waits its turn, warm. `mayWrite` is to be asked right before each write.
import type { Ref } from '../api/fact.ts';
import type { KubeClient } from './client.ts';
import type { Clock } from './clock.ts';
import {
  absentLease,
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
import { decodeObject, type KubeObject } from './object.ts';
import { pathOf, resources } from './resources.ts';

export interface LeaderLeaseOptions {
  readonly client: Pick<KubeClient, 'get' | 'update' | 'request'>;
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
  readonly #claim: Omit<LeaseClaim, 'epoch'>;
  /** The epoch of the term that this process leads, or led last. */
  #epoch = 0;
  /** The highest epoch ever seen: the Lease may be deleted, and with it its memory. */
  #highest = 0;
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

  /** Greater for each leader than for those before it; that of this process's last term, 0 before its first. */
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
    if (object === undefined) {
      await this.#make();
      return;
    }
    this.#seen = seenLease(object, this.#seen, clock.now(), this.#times.duration);
    this.#highest = Math.max(this.#highest, this.#seen.epoch);
    const held = this.mayWrite() ? this.#epoch : undefined;
    const step = leaseStep(this.#seen, { identity: this.#claim.identity, held }, clock.now());
    if (step === 'wait') this.#depose('another process holds the lease');
    if (step === 'wait') return;
    // Someone else has led for a moment: what is served and fenced under the old epoch has to end.
    if (step === 'acquire') this.#depose('the lease was taken away');
    const sentAt = clock.now();
    const lease = claimedLease(object, step, this.#claimed(step), clock.wall());
    this.#taken(await client.update(this.#ref, lease, this.#patience), sentAt);
  }

  #claimed(step: 'renew' | 'acquire'): LeaseClaim {
    return { ...this.#claim, epoch: step === 'renew' ? this.#epoch : this.#highest };
  }

  #taken(written: KubeObject, sentAt: number): void {
    this.#seen = seenLease(written, undefined, sentAt, this.#times.duration);
    this.#epoch = this.#seen.epoch;
    this.#highest = Math.max(this.#highest, this.#epoch);
    this.#hold(sentAt);
  }

  /** Undefined when there is no Lease. */
  async #read(): Promise<KubeObject | undefined> {
    try {
      return await this.#options.client.get(this.#ref, this.#patience);
    } catch (error) {
      if (error instanceof NotFoundError) return undefined;
      throw error;
    }
  }

  // There is no Lease: none was ever made, or someone has deleted it. Whoever was its holder may still believe so, and
  // only he may make it anew before his time is over.
  async #make(): Promise<void> {
    const { client, clock } = this.#options;
    const held = this.mayWrite();
    if (!held && this.#seen !== undefined) {
      this.#seen = absentLease(this.#seen, clock.now(), this.#times.duration);
      if (clock.now() < this.#seen.freeAt) return;
    }
    const { apiVersion, kind, namespace, name } = this.#ref;
    const step = held ? 'renew' : 'acquire';
    const empty = { apiVersion, kind, metadata: { namespace, name, uid: '', resourceVersion: '' } };
    const { metadata: _metadata, ...lease } = claimedLease(empty, step, this.#claimed(step), clock.wall());
    const { annotations } = this.#claim;
    const body = { ...lease, metadata: { namespace, name, annotations } };
    const path = pathOf(resources.Lease, { namespace });
    const sentAt = clock.now();
    const answer = await client.request({ method: 'POST', path, body, deadlineMs: this.#patience });
    this.#taken(decodeObject(answer, `POST ${path}`), sentAt);
  }

  #hold(sentAt: number): void {
    const { clock, log, onElected } = this.#options;
    // The answer was read so late (this process may have been stopped) that it says nothing of now.
    if (!holds(sentAt, clock.now(), this.#times)) return;
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
    if (error instanceof ConflictError || error instanceof AlreadyExistsError) return;
    this.#options.log.warn({ lease: this.#ref.name, error: messageOf(error) }, 'lease could not be read or renewed');
  }
}
