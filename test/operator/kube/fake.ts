// Doubles of what the edges are given: a clock that moves when told, tables without a graph, a log that remembers.
import type { Table } from '../../../lib/graph/types.ts';
import type { Clock } from '../../../operator/kube/clock.ts';
import type { Log } from '../../../operator/kube/log.ts';

interface Timer {
  readonly at: number;
  readonly run: () => void;
}

export class FakeClock implements Clock {
  #now = 1000;
  #offset = 0;
  readonly #timers = new Set<Timer>();

  now(): number {
    return this.#now;
  }

  wall(): number {
    return Date.UTC(2026, 0, 1) + this.#now + this.#offset;
  }

  /** Someone sets the wall clock, by so many ms; time itself goes on as before. */
  jump(ms: number): void {
    this.#offset += ms;
  }

  random(): number {
    return 0;
  }

  after(ms: number, run: () => void): () => void {
    const timer = { at: this.#now + ms, run };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  get waiting(): number {
    return this.#timers.size;
  }

  /** Moves time forward, firing what falls due in its order, and lets promises settle between. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await settled();
    for (;;) {
      const next = [...this.#timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.#timers.delete(next);
      this.#now = next.at;
      next.run();
      await settled();
    }
    this.#now = end;
  }
}

/** Every promise that is ready has run its continuations. */
export const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A table that is only a map, with the changes written down. */
export class FakeTable<V> implements Table<V> {
  readonly name: string;
  readonly rows = new Map<string, V>();
  readonly changes: string[] = [];
  readonly #told: (key: string, value: V | undefined) => void;

  /** `told` hears of every change; no value means that the key has gone. */
  constructor(name = 'table', told: (key: string, value: V | undefined) => void = () => undefined) {
    this.name = name;
    this.#told = told;
  }
  get size(): number {
    return this.rows.size;
  }
  get(key: string): V | undefined {
    return this.rows.get(key);
  }
  has(key: string): boolean {
    return this.rows.has(key);
  }
  entries(): IterableIterator<[string, V]> {
    return this.rows.entries();
  }
  set(key: string, value: V): void {
    if (JSON.stringify(this.rows.get(key)) === JSON.stringify(value)) return;
    this.rows.set(key, value);
    this.changes.push(`set ${key}`);
    this.#told(key, value);
  }
  delete(key: string): void {
    if (!this.rows.delete(key)) return;
    this.changes.push(`delete ${key}`);
    this.#told(key, undefined);
  }
  replace(entries: Iterable<readonly [string, V]>): void {
    const gone = new Set(this.rows.keys());
    for (const [key, value] of entries) {
      gone.delete(key);
      this.set(key, value);
    }
    for (const key of gone) this.delete(key);
  }
}

export interface MemoryLog extends Log {
  readonly lines: { readonly level: string; readonly fields: object; readonly message: string }[];
}

export function memoryLog(): MemoryLog {
  const lines: MemoryLog['lines'] = [];
  const at = (level: string) => (fields: object, message: string) => void lines.push({ level, fields, message });
  return { lines, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}
