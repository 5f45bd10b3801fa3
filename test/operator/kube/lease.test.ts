// The lease by hand clocks: each candidate has its own wall clock, its own way to the API server, and can be stopped.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../operator/api/fact.ts';
import { acquiredAt } from '../../../operator/kube/election.ts';
import { apiError, ConnectionError, DeadlineError } from '../../../operator/kube/errors.ts';
import { LeaderLease, type LeaderLeaseOptions } from '../../../operator/kube/lease.ts';
import type { KubeObject } from '../../../operator/kube/object.ts';
import { FakeClock, memoryLog } from './fake.ts';

const hour = 3_600_000;
const times = { duration: 15_000, deadline: 10_000, retry: 2000 };

/** One Lease with the API server's rules for a create and for an update. */
class LeaseStore {
  object: KubeObject | undefined;
  updates = 0;
  #version = 0;

  shown(): KubeObject {
    if (this.object === undefined) throw new Error('there is no Lease');
    return this.object;
  }

  create(body: JsonObject): KubeObject {
    if (this.object !== undefined) throw apiError('POST', 409, { reason: 'AlreadyExists' });
    return this.#put(body, `uid-${this.#version}`);
  }

  update(body: JsonObject): KubeObject {
    const { metadata } = body as unknown as KubeObject;
    if (this.object === undefined) throw apiError('PUT', 404, {});
    if (this.object.metadata.resourceVersion !== metadata.resourceVersion) throw apiError('PUT', 409, {});
    this.updates += 1;
    return this.#put(body, metadata.uid);
  }

  /** As kubectl edit. */
  edit(spec: JsonObject): void {
    if (this.object !== undefined)
      this.#put({ ...this.object, spec: { ...this.object.spec, ...spec } } as never, this.object.metadata.uid);
  }

  #put(body: JsonObject, uid: string): KubeObject {
    this.#version += 1;
    const { metadata, ...rest } = body as unknown as KubeObject;
    this.object = { ...rest, metadata: { ...metadata, uid, resourceVersion: String(this.#version) } };
    return this.object;
  }
}

/** The clock that all share, but for the wall. */
class WallClock extends FakeClock {
  readonly #base: FakeClock;
  #offset = 0;
  constructor(base: FakeClock) {
    super();
    this.#base = base;
  }
  override now(): number {
    return this.#base.now();
  }
  override wall(): number {
    return Date.UTC(2026, 0, 1) + this.#base.now() + this.#offset;
  }
  override jump(ms: number): void {
    this.#offset += ms;
  }
  override after(ms: number, run: () => void): () => void {
    return this.#base.after(ms, run);
  }
}

function candidate(store: LeaseStore, base: FakeClock, identity: string) {
  const clock = new WallClock(base);
  const events: string[] = [];
  const way = { open: true, delay: 0 };
  const wait = (ms: number): Promise<void> => new Promise((resolve) => base.after(ms, resolve));
  // A request that is given up may be carried out all the same, later.
  const asked = async <T>(answer: () => T, deadlineMs = 30_000): Promise<T> => {
    const { delay } = way;
    if (!way.open) throw new ConnectionError('LEASE', 'away');
    if (delay > deadlineMs) {
      base.after(
        delay,
        () =>
          void Promise.resolve()
            .then(answer)
            .catch(() => undefined),
      );
      await wait(deadlineMs);
      throw new DeadlineError('LEASE', 'no answer');
    }
    if (delay > 0) await wait(delay);
    return answer();
  };
  const client: LeaderLeaseOptions['client'] = {
    get: (_ref, deadlineMs) =>
      asked(() => {
        if (store.object === undefined) throw apiError('GET', 404, {});
        return store.object;
      }, deadlineMs),
    update: (_ref, body, deadlineMs) => asked(() => store.update(body), deadlineMs),
    request: ({ body, deadlineMs }) => asked(() => store.create(body as JsonObject) as never, deadlineMs),
  };
  const lease = new LeaderLease({
    client,
    clock,
    log: memoryLog(),
    namespace: 'n',
    name: 'l',
    identity,
    times,
    onElected: () => events.push(`elected ${lease.epoch}`),
    onDeposed: (reason) => events.push(reason),
  });
  lease.start();
  return { lease, events, way, clock };
}

const rig = () => {
  const store = new LeaseStore();
  const base = new FakeClock();
  return { store, base, candidate: (identity: string) => candidate(store, base, identity) };
};

const terms = (events: readonly string[]): number => events.filter((event) => event.startsWith('elected')).length;

describe('LeaderLease', () => {
  it.each([12 * hour, -12 * hour])('is not moved by a wall clock that jumps: %s ms', async (jump) => {
    const { store, base, candidate } = rig();
    const one = candidate('one');
    await base.advance(1);
    const two = candidate('two');
    await base.advance(10_000);
    const [epoch, updates] = [one.lease.epoch, store.updates];
    for (const clock of [one.clock, two.clock]) clock.jump(jump);
    await base.advance(60_000);
    one.clock.jump(-2 * jump);
    await base.advance(60_000);
    expect([terms(one.events), one.events.length, two.events]).toEqual([1, 1, []]);
    expect([one.lease.epoch, one.lease.mayWrite(), two.lease.mayWrite()]).toEqual([epoch, true, false]);
    // One renewal per period, no burst.
    expect(store.updates - updates).toBe(60);
  });

  it('gives each leader a greater epoch, also after its clock went back and the Lease was deleted', async () => {
    const { store, base, candidate } = rig();
    const one = candidate('one');
    await base.advance(1);
    const two = candidate('two');
    await base.advance(5000);
    two.clock.jump(-12 * hour);
    one.way.open = false;
    store.object = undefined;
    await base.advance(40_000);
    expect(two.lease.mayWrite()).toBe(true);
    expect(two.lease.epoch).toBeGreaterThan(one.lease.epoch);
  });

  it('is renewed through an API server that takes two seconds for each answer, and lost when it takes longer', async () => {
    const { base, candidate } = rig();
    const one = candidate('one');
    await base.advance(5000);
    one.way.delay = 2000;
    await base.advance(60_000);
    expect(one.events).toHaveLength(1);
    one.way.delay = 6000;
    await base.advance(14_000);
    expect(one.lease.mayWrite()).toBe(false);
    expect(one.events[1]).toBe('the lease could not be renewed in time');
  });

  it('is made anew by its holder when someone deletes it, under the same epoch, and nobody else takes it', async () => {
    const { store, base, candidate } = rig();
    const one = candidate('one');
    await base.advance(1);
    const two = candidate('two');
    await base.advance(5000);
    const { epoch } = one.lease;
    one.way.open = false;
    store.object = undefined;
    // The other one looks first, and more than once.
    await base.advance(5000);
    expect([store.object, two.lease.mayWrite()]).toEqual([undefined, false]);
    one.way.open = true;
    await base.advance(3000);
    const remade = store.shown();
    expect(remade.spec?.holderIdentity).toBe('one');
    expect(acquiredAt(remade)).toBe(epoch);
    expect([one.events.length, two.events.length]).toEqual([1, 0]);
  });

  it('begins a new term when another has led for a moment', async () => {
    const { store, base, candidate } = rig();
    const one = candidate('one');
    await base.advance(5000);
    store.edit({ holderIdentity: '', leaseDurationSeconds: 1, acquireTime: '2026-01-01T06:00:00.000000Z' });
    await base.advance(3000);
    expect(one.events).toHaveLength(3);
    expect(one.events[1]).toBe('the lease was taken away');
    expect(one.lease.epoch).toBeGreaterThan(Date.UTC(2026, 0, 1, 6));
  });

  it('is not made anew by one who was away while another took it, before that one must be silent', async () => {
    const { store, base, candidate } = rig();
    const one = candidate('one');
    await base.advance(1);
    const two = candidate('two');
    await base.advance(100);
    one.way.open = false;
    for (let left = 15_900; left > 0; left -= 100) await base.advance(100);
    expect(two.lease.mayWrite()).toBe(true);
    two.way.open = false;
    one.way.open = true;
    store.object = undefined;
    await base.advance(4000);
    expect([one.lease.mayWrite(), two.lease.mayWrite()]).toEqual([false, true]);
    await base.advance(15_000);
    expect([one.lease.mayWrite(), two.lease.mayWrite()]).toEqual([true, false]);
    expect(one.lease.epoch).toBeGreaterThan(two.lease.epoch);
  });

  // Whatever is done to the Lease, the clocks and the ways to the API server, as long as candidates remember it.
  it('never lets two write, and never gives an epoch twice', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyStep, { maxLength: 25 }), async (steps) => {
        const { store, base, candidate } = rig();
        const one = candidate('one');
        await base.advance(1);
        const two = candidate('two');
        await base.advance(100);
        for (const step of steps) {
          happen(step, store, step.who === 0 ? one : two);
          for (let left = step.do === 'pass' ? step.ms : 1; left > 0; left -= 250) {
            await base.advance(Math.min(left, 250));
            expect(one.lease.mayWrite() && two.lease.mayWrite()).toBe(false);
          }
        }
        const elected = one.events.filter((event) => event.startsWith('elected'));
        expect(elected.filter((event) => two.events.includes(event))).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });
});

type Step = { readonly do: keyof typeof effects; readonly who: number; readonly ms: number };

const effects = {
  pass: () => undefined,
  cut: (_step: Step, _store: LeaseStore, { way }: ReturnType<typeof candidate>) => void (way.open = false),
  mend: (_step: Step, _store: LeaseStore, { way }: ReturnType<typeof candidate>) => void (way.open = true),
  slow: ({ ms }: Step, _store: LeaseStore, { way }: ReturnType<typeof candidate>) => void (way.delay = ms % 4000),
  jump: ({ ms }: Step, _store: LeaseStore, { clock }: ReturnType<typeof candidate>) => clock.jump((ms - 10_000) * 500),
  delete: (_step: Step, store: LeaseStore) => void (store.object = undefined),
  strike: (_step: Step, store: LeaseStore) => store.edit({ holderIdentity: '' }),
};

const anyStep: fc.Arbitrary<Step> = fc.record({
  do: fc.constantFrom(...(Object.keys(effects) as (keyof typeof effects)[]), 'pass' as const, 'pass' as const),
  who: fc.nat(1),
  ms: fc.nat(20_000),
});

const happen = (step: Step, store: LeaseStore, target: ReturnType<typeof candidate>): void =>
  effects[step.do](step, store, target);
