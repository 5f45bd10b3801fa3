import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Fault, RequestKind } from '../../faults/api-proxy.ts';
import { type Objects, type Reflected, Rig } from './reflector-rig.ts';

let rig: Rig;
beforeAll(async () => {
  rig = await Rig.start(['--watch-cache=false']);
});
afterAll(() => rig.stop());

type Act =
  | { readonly act: 'put'; readonly name: string }
  | { readonly act: 'remove'; readonly name: string }
  | { readonly act: 'fault'; readonly kind: RequestKind; readonly fault: Fault }
  | { readonly act: 'cut' }
  | { readonly act: 'compact' };

const name = fc.nat(11).map((n) => `n${n}`);
const bytes = fc.oneof(fc.nat(800), fc.nat(8000));
const and = fc.constantFrom('cut' as const, 'end' as const, 'stall' as const);
const at = fc.record({ bytes, and }).map((value): Fault => ({ at: value }));
const refused = fc.constantFrom<Fault[]>(
  { refuse: true as const },
  { answer: { status: 410, body: { code: 410, reason: 'Expired' } } },
  { answer: { status: 429, headers: { 'Retry-After': '0' } } },
  { answer: { status: 500 } },
  { headers: { authorization: 'Bearer wrong' } },
);
const garble = (index: number, cut: number): Fault => ({ edit: (line, n) => (n === index ? line.slice(cut) : line) });
const twice = (index: number): Fault => ({ edit: (line, n) => (n === index ? `${line}\n${line}` : line) });
const fault: fc.Arbitrary<Fault> = fc.oneof(
  at,
  refused,
  fc.tuple(fc.nat(5), fc.integer({ min: 1, max: 30 })).map(([index, cut]) => garble(index, cut)),
  fc.nat(5).map(twice),
  fc.integer({ min: 1, max: 40 }).map((pieces): Fault => ({ pieces })),
);
const kind = fc.constantFrom<RequestKind>('list', 'position', 'stream', 'watch', 'watch', 'watch');
const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 12, arbitrary: fc.record({ act: fc.constant('put' as const), name }) },
  { weight: 6, arbitrary: fc.record({ act: fc.constant('remove' as const), name }) },
  { weight: 5, arbitrary: fc.record({ act: fc.constant('fault' as const), kind, fault }) },
  { weight: 2, arbitrary: fc.constant({ act: 'cut' as const }) },
  { weight: 1, arbitrary: fc.constant({ act: 'compact' as const }) },
);

/** Objects that are there from the beginning and are never touched. */
const keepers = ['keep-0', 'keep-1', 'keep-2', 'keep-3'];

/** Values are numbers that only grow, so that a row which goes back in time is seen. */
class Writer {
  readonly #objects: Objects;
  readonly #present = new Set<string>();
  #value = 0;

  constructor(objects: Objects) {
    this.#objects = objects;
  }

  async act(what: Act): Promise<void> {
    if (what.act === 'put') await this.#put(what.name);
    else if (what.act === 'remove') await this.#remove(what.name);
    else if (what.act === 'compact') await rig.api.compact();
    else if (what.act === 'cut') rig.proxy.cut();
    else rig.proxy.next(what.kind, what.fault);
  }

  async #put(name: string): Promise<void> {
    const value = `${(this.#value += 1)}`;
    await (this.#present.has(name) ? this.#objects.change(name, value) : this.#objects.create(name, value));
    this.#present.add(name);
  }

  async #remove(name: string): Promise<void> {
    if (this.#present.delete(name)) await this.#objects.remove(name);
  }
}

/** What is wrong with the steps for somebody who folds the changes, one line each. */
function mistakes({ steps }: Reflected): string[] {
  const fold = new Map<string, string>();
  const latest = new Map<string, number>();
  const found: string[] = [];
  for (const [index, { changes, rows }] of steps.entries()) {
    for (const [key, value] of changes) {
      const known = latest.get(key) ?? 0;
      if (Number(value ?? known) < known) found.push(`step ${index}: ${key} went back from ${known} to ${value}`);
      if (value === undefined) fold.delete(key);
      else fold.set(key, value);
      latest.set(key, Number(value ?? known));
    }
    if (!isDeepStrictEqual(fold, rows)) found.push(`step ${index}: the changes do not make the rows`);
    const kept = [...rows.keys()].filter((key) => key.includes('/keep-'));
    if (kept.length < keepers.length) found.push(`step ${index}: only ${kept.join(' ')} of what was never touched`);
  }
  return found;
}

async function run(acts: readonly Act[], lists: 'stream' | 'pages') {
  const objects = rig.objects();
  for (const keeper of keepers) await objects.create(keeper, '0');
  const reflected = rig.reflect(objects.namespace, { lists, pageSize: 3, stallMs: 500 });
  const writer = new Writer(objects);
  for (const what of acts) await writer.act(what);
  rig.proxy.clear();
  return { reflected, objects };
}

describe('Reflector under random faults', () => {
  it.each(['stream', 'pages'] as const)('ends equal to the API server, with lists as %s', async (lists) => {
    const acts = fc.array(act, { minLength: 20, maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(acts, async (some) => {
        const { reflected, objects } = await run(some, lists);
        await reflected.equal(objects);
        expect(mistakes(reflected)).toEqual([]);
        await rig.rest();
      }),
      { numRuns: 10, endOnFailure: true },
    );
  });
});
