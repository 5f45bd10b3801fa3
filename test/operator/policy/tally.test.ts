import { expect, it } from 'vitest';
import type { ModuleReport } from '../../../operator/api/policy-module.ts';
import { Tally } from '../../../operator/policy/tally.ts';

/** A clock that is moved by hand. */
class Hands {
  #now = 0;
  #due: { readonly at: number; readonly run: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  after(ms: number, run: () => void): () => void {
    const entry = { at: this.#now + ms, run };
    this.#due.push(entry);
    return () => void (this.#due = this.#due.filter((other) => other !== entry));
  }

  move(ms: number): void {
    this.#now += ms;
    const now = this.#due.filter(({ at }) => at <= this.#now);
    this.#due = this.#due.filter(({ at }) => at > this.#now);
    for (const { run } of now) run();
  }
}

it('tells at once that a module begins or ceases to fail, and of a question that comes and goes all the time now and then', () => {
  const clock = new Hands();
  const told: ModuleReport[] = [];
  const tally = new Tally(
    clock,
    () => false,
    (report) => told.push(report),
  );
  tally.answered('a', []);
  tally.failed('b', 'why');
  tally.forget('b');
  expect(told.map(({ failing }) => failing)).toEqual([0, 1, 0]);
  for (let at = 0; at < 1000; at++) {
    tally.failed('b', `why ${at}`);
    tally.forget('b');
    clock.move(100);
  }
  tally.failed('b', 'at last');
  clock.move(60_000);
  expect(told.at(-1)).toMatchObject({ evaluations: 1, failing: 1, lastError: 'at last' });
  // Two minutes and a half.
  expect(told.length).toBeLessThan(20);
});
