// Every scenario of this folder, by every path that test/expand.ts knows, against what is written and against what a
// fresh process computes. `WORLDS=write` puts what comes out into the files, to be read before it is committed.
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { expand } from '../expand.ts';
import type { Leg } from '../expand.ts';
import { expectAtRest, expectRecomputed } from '../oracle.ts';
import { feed, start } from './process.ts';
import type { Process } from './process.ts';
import { lines } from './render.ts';
import { rewritten, scenario } from './scenario.ts';
import type { Scenario } from './scenario.ts';

const files = globSync(join(import.meta.dirname, '*.world')).sort();
const write = process.env['WORLDS'] === 'write';

/** A source that is frozen keeps what it had: there a fresh process has something else, on purpose. */
function check(process: Process, { expected, steps }: Scenario, step: number): void {
  for (const { view, of, lines: wanted, header } of expected[step] ?? []) {
    expect(lines(process, view, of), `step ${step + 1}, ${header}`).toEqual([...wanted].sort());
  }
  const { counters } = process.graph;
  feed(process, steps[step]?.state ?? []);
  expect(process.graph.counters, 'the same once more costs nothing').toEqual(counters);
  expectAtRest(process.wired);
  if (process.graph.failures.size === 0) expectRecomputed(() => start().wired, process.wired);
}

/** Walks the path and checks each leg's end; answers how many there were. */
function walk(found: Scenario, legs: readonly Leg[]): number {
  let current = start();
  for (const { fresh, batches, reaches } of legs) {
    if (fresh) current = start();
    for (const batch of batches) feed(current, batch);
    check(current, found, reaches);
  }
  return legs.length;
}

function actual(found: Scenario): string[][] {
  const process = start();
  return found.steps.flatMap(({ changes }, step) => {
    feed(process, changes);
    return (found.expected[step] ?? []).map(({ view, of }) => lines(process, view, of));
  });
}

describe.each(files.map((file) => [basename(file, '.world'), file]))('%s', (_, file) => {
  if (write) writeFileSync(file, rewritten(readFileSync(file, 'utf8'), actual(scenario(readFileSync(file, 'utf8')))));
  const found = scenario(readFileSync(file, 'utf8'));

  it('says what must come of each step', () => {
    expect(found.steps.length).toBeGreaterThan(0);
    for (const expectations of found.expected) expect(expectations.length).toBeGreaterThan(0);
  });

  it.each(expand(found.steps, found.history).map(({ name, legs }) => [name, legs] as const))('%s', (_name, legs) => {
    expect(walk(found, legs)).toBeGreaterThan(0);
  });
});
