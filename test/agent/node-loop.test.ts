import { describe, expect, it } from 'vitest';
import type { Driver, Have, Pending, Want } from '../../agent/drivers/driver.ts';
import type { Failure } from '../../agent/node-loop.ts';
import { NodeLoop } from '../../agent/node-loop.ts';

/** A driver of a state in memory, which counts what it is asked and fails when told to. */
class MemoryDriver implements Driver {
  readonly name: string;
  readonly state = new Map<string, string>();
  reads = 0;
  applies = 0;
  broken = '';

  constructor(name: string) {
    this.name = name;
  }

  read(): Promise<Have> {
    this.reads += 1;
    return Promise.resolve(new Map(this.state));
  }

  apply({ put, remove }: Pending): Promise<void> {
    this.applies += 1;
    for (const key of remove.keys()) this.state.delete(key);
    for (const [key, text] of put) if (key !== this.broken) this.state.set(key, text);
    return this.broken !== '' && put.has(this.broken) ? Promise.reject(new Error('no such thing')) : Promise.resolve();
  }
}

class Timers {
  #next = 0;
  readonly waiting = new Map<number, { callback: () => void; ms: number }>();
  readonly setTimeout = (callback: () => void, ms: number): number => {
    this.#next += 1;
    this.waiting.set(this.#next, { callback, ms });
    return this.#next;
  };
  readonly clearTimeout = (timer: unknown): void => void this.waiting.delete(timer as number);

  /** Fires the timer that is due first; how long it would have taken. */
  fire(): number {
    const [first] = [...this.waiting].sort(([, a], [, b]) => a.ms - b.ms);
    if (first === undefined) throw new Error('nothing is waiting');
    this.waiting.delete(first[0]);
    first[1].callback();
    return first[1].ms;
  }
}

const want = (...keys: readonly string[]): Want =>
  new Map(keys.map((key) => [key, { text: 'x', from: `item/${key}` }]));

interface Harness {
  readonly first: MemoryDriver;
  readonly second: MemoryDriver;
  readonly wants: { first: Want | undefined; second: Want | undefined };
  readonly loop: NodeLoop;
  readonly timers: Timers;
  readonly order: string[];
  /** The failures of the pass after this call. */
  readonly settled: (act: () => void) => Promise<readonly Failure[]>;
}

function harness(): Harness {
  const [first, second, timers] = [new MemoryDriver('first'), new MemoryDriver('second'), new Timers()];
  const wants: Harness['wants'] = { first: want('a'), second: want('b') };
  const order: string[] = [];
  let tell: (failures: readonly Failure[]) => void = () => undefined;
  const loop = new NodeLoop({
    steps: [
      { driver: first, want: () => wants.first },
      { driver: second, want: () => wants.second },
    ],
    setTimeout: timers.setTimeout,
    clearTimeout: timers.clearTimeout,
    resyncMs: 60_000,
    settled: (failures) => tell(failures),
    applied: (driver, ok) => order.push(`${driver} ${ok ? 'changed' : 'failed'}`),
    log: { info: () => undefined, warn: () => undefined },
  });
  const settled = async (act: () => void): Promise<readonly Failure[]> => {
    const { promise, resolve } = Promise.withResolvers<readonly Failure[]>();
    tell = resolve;
    act();
    const failures = await promise;
    // The pass clears its own mark one turn later.
    await new Promise((turn) => setImmediate(turn));
    return failures;
  };
  return { first, second, wants, loop, timers, order, settled };
}

describe('NodeLoop', () => {
  it('does nothing before it is started, then runs drivers in order', async () => {
    const { loop, first, order, settled } = harness();
    loop.mark('first');
    expect(first.reads).toBe(0);
    expect(await settled(() => loop.start())).toEqual([]);
    expect(order).toEqual(['first changed', 'second changed']);
  });

  it('does not look at the node again when the same is wanted', async () => {
    const { loop, first, second, wants, settled } = harness();
    await settled(() => loop.start());
    const reads = [first.reads, second.reads];
    await settled(() => loop.mark());
    expect([first.reads, second.reads]).toEqual(reads);
    wants.second = want('b', 'c');
    await settled(() => loop.mark());
    expect(first.reads).toBe(reads[0]);
    expect([...second.state.keys()]).toEqual(['b', 'c']);
  });

  it('mends what was changed on the node when it is marked, and at the latest at the next resync', async () => {
    const { loop, first, second, timers, settled } = harness();
    await settled(() => loop.start());
    first.state.clear();
    second.state.set('b', 'other');
    await settled(() => loop.mark('first'));
    expect([first.state.get('a'), second.state.get('b')]).toEqual(['x', 'other']);
    await settled(() => expect(timers.fire()).toBe(60_000));
    expect(second.state.get('b')).toBe('x');
  });

  it('leaves alone what is not known', async () => {
    const { loop, first, wants, settled } = harness();
    first.state.set('kept', 'x');
    wants.first = undefined;
    await settled(() => loop.start());
    expect([first.reads, first.state.has('kept')]).toEqual([0, true]);
  });

  it('goes on past a driver that fails, names the items, and tries again with growing pauses', async () => {
    const { loop, first, wants, timers, order, settled } = harness();
    wants.first = want('a', 'bad');
    first.broken = 'bad';
    expect(await settled(() => loop.start())).toEqual([{ key: 'item/bad', message: 'first: no such thing' }]);
    expect(order).toEqual(['first failed', 'second changed']);
    expect(first.state.get('a')).toBe('x');
    const pauses: number[] = [];
    for (let tries = 0; tries < 9; tries += 1) await settled(() => pauses.push(timers.fire()));
    expect(pauses).toEqual([250, 500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
    first.broken = '';
    expect(await settled(() => timers.fire())).toEqual([]);
  });

  it('calls a change a failure that does not show', async () => {
    const { loop, first, settled } = harness();
    first.apply = () => Promise.resolve();
    const failures = await settled(() => loop.start());
    expect(failures).toEqual([{ key: 'item/a', message: 'first: still not as wanted: a' }]);
  });

  it('does nothing more after stop', async () => {
    const { loop, first, timers, settled } = harness();
    await settled(() => loop.start());
    await loop.stop();
    const { reads } = first;
    loop.mark('first');
    await new Promise((turn) => setImmediate(turn));
    expect([first.reads, timers.waiting.size]).toEqual([reads, 0]);
  });
});
