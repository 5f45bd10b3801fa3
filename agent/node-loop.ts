// Keeps the node as it should be: drivers run in their order (referents before references) when what is wanted has
// changed, when something on the node has, or from time to time; one pass at a time, and only those concerned.
//
//   idle --mark--> passing --all as wanted--> idle
//                     |----- a driver failed --> waiting --pause | mark--> passing
import type { Driver, Have, Want } from './drivers/driver.ts';
import { isEmpty, pendingOf } from './drivers/driver.ts';

export interface Step {
  readonly driver: Driver;
  /** Undefined: not known yet, leave everything as it is. */
  readonly want: () => Want | undefined;
}

export interface Failure {
  /** Key of a plan item. */
  readonly key: string;
  readonly message: string;
}

export interface LoopOptions {
  readonly steps: readonly Step[];
  /** Monotonic timers, in milliseconds. */
  readonly setTimeout: (callback: () => void, ms: number) => unknown;
  readonly clearTimeout: (timer: unknown) => void;
  /** Milliseconds between two looks at everything, for what changes without an event (iptables, ipset). */
  readonly resyncMs: number;
  /** After each pass that left nothing to do but failures. */
  readonly settled: (failures: readonly Failure[]) => void;
  readonly log: { info(fields: object, message: string): void; warn(fields: object, message: string): void };
  /** A driver changed the node, or failed to. */
  readonly applied?: (driver: string, ok: boolean) => void;
}

const FIRST_PAUSE = 250;
const LONGEST_PAUSE = 30_000;

const textOf = (want: Want): string => JSON.stringify([...want].map(([key, { text }]) => [key, text]));

export class NodeLoop {
  readonly #options: LoopOptions;
  readonly #dirty = new Set<string>();
  /** What each driver was last found to have; a want of the same text needs no look at the node. */
  readonly #confirmed = new Map<string, { readonly want: Want; readonly text: string }>();
  readonly #failed = new Map<string, { failures: readonly Failure[]; message: string }>();
  #running: Promise<void> | undefined;
  #again = false;
  /** Until `start` too: what a want is computed from may not have been read yet. */
  #stopped = true;
  #failures = 0;
  #retry: unknown;
  #resync: unknown;

  constructor(options: LoopOptions) {
    this.#options = options;
    for (const { driver } of options.steps) this.#dirty.add(driver.name);
  }

  /** From now on marks start passes; the first one at once. */
  start(): void {
    this.#stopped = false;
    this.mark();
  }

  /** Starts a pass; with drivers named, they look at the node even when nothing else is wanted. */
  mark(...drivers: readonly string[]): void {
    for (const driver of drivers) this.#dirty.add(driver);
    if (this.#stopped) return;
    if (this.#running !== undefined) {
      this.#again = true;
      return;
    }
    this.#options.clearTimeout(this.#retry);
    this.#running = this.#passes().finally(() => (this.#running = undefined));
  }

  /** Ends after the pass under way. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#options.clearTimeout(this.#retry);
    this.#options.clearTimeout(this.#resync);
    await this.#running;
  }

  async #passes(): Promise<void> {
    // What woke us is often one of several changes in one turn of the event loop.
    await Promise.resolve();
    do {
      this.#again = false;
      for (const step of this.#options.steps) await this.#step(step);
    } while (this.#again && !this.#stopped);
    this.#plan();
    this.#options.settled([...this.#failed.values()].flatMap(({ failures }) => failures));
  }

  async #step({ driver, want: wanted }: Step): Promise<void> {
    const want = wanted();
    if (want === undefined) return;
    const confirmed = this.#dirty.has(driver.name) ? undefined : this.#confirmed.get(driver.name);
    if (confirmed?.want === want) return;
    const text = textOf(want);
    if (confirmed?.text === text) {
      this.#confirmed.set(driver.name, { want, text });
      return;
    }
    this.#dirty.delete(driver.name);
    this.#confirmed.delete(driver.name);
    try {
      await this.#reconcile(driver, want);
      this.#confirmed.set(driver.name, { want, text });
      if (this.#failed.delete(driver.name)) this.#options.log.info({ driver: driver.name }, 'driver works again');
    } catch (error) {
      this.#dirty.add(driver.name);
      await this.#blame(driver, want, error as Error);
    }
  }

  async #reconcile(driver: Driver, want: Want): Promise<void> {
    const pending = pendingOf(want, await driver.read(want));
    if (isEmpty(pending)) return;
    await driver.apply(pending, want);
    this.#options.applied?.(driver.name, true);
    const keys = [...pending.put.keys(), ...pending.remove.keys()].slice(0, 20);
    this.#options.log.info({ driver: driver.name, changed: keys }, 'node state changed');
    const left = pendingOf(want, await driver.read(want));
    if (isEmpty(left)) return;
    throw new Error(`still not as wanted: ${[...left.put.keys(), ...left.remove.keys()].slice(0, 20).join(', ')}`);
  }

  /** Names the plan items whose parts are not there; told once per message, a failure may last. */
  async #blame(driver: Driver, want: Want, error: Error): Promise<void> {
    this.#options.applied?.(driver.name, false);
    const have = await driver.read(want).catch((): Have => new Map());
    const keys = new Set([...pendingOf(want, have).put.keys()].map((key) => want.get(key)?.from ?? ''));
    const message = `${driver.name}: ${error.message}`;
    if (this.#failed.get(driver.name)?.message !== message)
      this.#options.log.warn({ driver: driver.name, error: error.message }, 'driver failed, will try again');
    const failures = [...keys].filter((key) => key !== '').map((key) => ({ key, message }));
    this.#failed.set(driver.name, { failures, message });
  }

  #plan(): void {
    const { setTimeout, clearTimeout, resyncMs, steps } = this.#options;
    clearTimeout(this.#retry);
    clearTimeout(this.#resync);
    if (this.#stopped) return;
    this.#failures = this.#failed.size === 0 ? 0 : this.#failures + 1;
    const pause = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** Math.min(this.#failures - 1, 10));
    if (this.#failures > 0) this.#retry = setTimeout(() => this.mark(), pause);
    this.#resync = setTimeout(() => this.mark(...steps.map(({ driver }) => driver.name)), resyncMs);
  }
}
