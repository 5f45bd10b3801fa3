import * as fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import type { LoadedModule } from '../../../lib/wasm/index.ts';
import { Allocator, PoolFailure, loadAllocator } from '../../../operator/ipam/module.ts';
import type { OffsetRange, PoolHandle } from '../../../operator/ipam/module.ts';
import { ensureBuilt, wasmPath } from '../../../policies/build.ts';

let module: ReturnType<typeof loadAllocator>;
let allocator: Allocator;

beforeAll(async () => {
  await ensureBuilt('ipam');
  module = loadAllocator(readFileSync(wasmPath('ipam')));
  allocator = new Allocator(module);
});

/** What the module must do, written without any structure: sets, and a scan for the lowest. */
class Model {
  readonly #last: bigint;
  readonly #spent = new Set<bigint>();
  readonly #closed = new Set<bigint>();
  readonly used = new Set<bigint>();

  constructor(last: bigint) {
    this.#last = last;
  }

  close({ first, last }: OffsetRange): void {
    for (let offset = first; offset <= last && offset <= this.#last; offset++) this.#closed.add(offset);
  }

  allocate(): bigint | undefined {
    const fresh = this.#lowest((offset) => !this.#spent.has(offset));
    const offset = fresh ?? this.#lowest(() => true);
    if (offset !== undefined) this.claim(offset);
    return offset;
  }

  claim(offset: bigint): string {
    if (offset > this.#last) return 'outside';
    if (this.used.has(offset)) return 'used';
    this.used.add(offset);
    this.#spent.add(offset);
    return 'ok';
  }

  release(offset: bigint): string {
    if (offset > this.#last) return 'outside';
    return this.used.delete(offset) ? 'ok' : 'unused';
  }

  ranges(): OffsetRange[] {
    const out: OffsetRange[] = [];
    for (const offset of [...this.used].filter((one) => !this.#closed.has(one)).sort((a, b) => (a < b ? -1 : 1))) {
      const previous = out.at(-1);
      if (previous && previous.last + 1n === offset) out[out.length - 1] = { first: previous.first, last: offset };
      else out.push({ first: offset, last: offset });
    }
    return out;
  }

  counts(): { open: number; closed: number } {
    const closed = [...this.used].filter((offset) => this.#closed.has(offset)).length;
    return { open: this.used.size - closed, closed };
  }

  #lowest(wanted: (offset: bigint) => boolean): bigint | undefined {
    for (let offset = 0n; offset <= this.#last; offset++) {
      if (!this.used.has(offset) && !this.#closed.has(offset) && wanted(offset)) return offset;
    }
    return undefined;
  }
}

type Step =
  | { readonly do: 'allocate' }
  | { readonly do: 'claim' | 'release'; readonly offset: bigint }
  | { readonly do: 'close'; readonly range: OffsetRange };

const steps = (top: bigint): fc.Arbitrary<Step[]> => {
  const offset = fc.bigInt({ min: 0n, max: top + 3n });
  const range = fc
    .tuple(offset, fc.bigInt({ min: 0n, max: 70n }))
    .map(([first, more]) => ({ first, last: first + more }));
  return fc.array(
    fc.oneof(
      { weight: 6, arbitrary: fc.constant<Step>({ do: 'allocate' }) },
      { weight: 2, arbitrary: offset.map((one): Step => ({ do: 'claim', offset: one })) },
      { weight: 5, arbitrary: offset.map((one): Step => ({ do: 'release', offset: one })) },
      { weight: 1, arbitrary: range.map((one): Step => ({ do: 'close', range: one })) },
    ),
    { maxLength: 300, size: 'max' },
  );
};

/** Runs a step on both; their answers. */
function step(pool: PoolHandle, model: Model, one: Step): [actual: unknown, expected: unknown] {
  switch (one.do) {
    case 'allocate':
      return [allocator.allocate(pool), model.allocate()];
    case 'claim':
      return [allocator.claim(pool, one.offset), model.claim(one.offset)];
    case 'release':
      return [allocator.release(pool, one.offset), model.release(one.offset)];
    default:
      allocator.close(pool, one.range);
      model.close(one.range);
      return ['closed', 'closed'];
  }
}

function agree(pool: PoolHandle, model: Model, one: Step): void {
  const [actual, expected] = step(pool, model, one);
  expect(actual).toBe(expected);
}

describe('against a brute-force model', () => {
  // One leaf, a leaf's edge, two levels, the edge between two and three levels.
  it.each([0n, 1n, 62n, 63n, 64n, 130n, 4095n, 4200n])('offsets 0 to %s', (last) => {
    fc.assert(
      fc.property(steps(last > 200n ? 200n : last), (sequence) => {
        const pool = allocator.create(last);
        const model = new Model(last);
        for (const one of sequence) agree(pool, model, one);
        expect(allocator.ranges(pool)).toEqual(model.ranges());
        expect(allocator.counts(pool)).toEqual(model.counts());
        for (const offset of model.used) expect(allocator.used(pool, offset)).toBe(true);
        allocator.destroy(pool);
      }),
      { numRuns: 60 },
    );
  });

  it('offsets around every level of a pool of 2^64', () => {
    const edges = Array.from({ length: 11 }, (_, level) => 1n << BigInt(level * 6)).flatMap((edge) => [
      edge - 1n,
      edge,
    ]);
    edges.push((1n << 64n) - 1n, (1n << 64n) - 2n, 1n << 63n);
    const near = fc.constantFrom(...new Set(edges));
    const act = fc.tuple(fc.constantFrom('claim' as const, 'release' as const), near);
    fc.assert(
      fc.property(fc.array(act, { maxLength: 80 }), (sequence) => {
        const pool = allocator.create((1n << 64n) - 1n);
        const model = new Model((1n << 64n) - 1n);
        for (const [verb, offset] of sequence) agree(pool, model, { do: verb, offset });
        expect(allocator.counts(pool)).toEqual({ open: model.used.size, closed: 0 });
        expect(allocator.ranges(pool)).toEqual(model.ranges());
        for (const offset of edges) expect(allocator.used(pool, offset)).toBe(model.used.has(offset));
        allocator.destroy(pool);
      }),
      { numRuns: 100 },
    );
  });
});

describe('order', () => {
  it('gives never-used offsets first, then the lowest released', () => {
    const pool = allocator.create(9n);
    allocator.close(pool, { first: 0n, last: 1n });
    const all = Array.from({ length: 4 }, () => allocator.allocate(pool));
    expect(all).toEqual([2n, 3n, 4n, 5n]);
    allocator.release(pool, 3n);
    allocator.release(pool, 2n);
    expect(Array.from({ length: 7 }, () => allocator.allocate(pool))).toEqual([6n, 7n, 8n, 9n, 2n, 3n, undefined]);
    allocator.destroy(pool);
  });
});

describe('large pools', () => {
  it('a closed range of half an IPv6 /64 costs a few nodes', () => {
    const own = new Allocator(module);
    const pool = own.create((1n << 64n) - 1n);
    own.close(pool, { first: 0n, last: (1n << 63n) + 12_345n });
    expect(own.allocate(pool)).toBe((1n << 63n) + 12_346n);
    expect(own.claim(pool, 5n)).toBe('ok');
    expect(own.counts(pool)).toEqual({ open: 1, closed: 1 });
    expect(own.ranges(pool)).toEqual([{ first: (1n << 63n) + 12_346n, last: (1n << 63n) + 12_346n }]);
    expect(own.highWater).toBeLessThan(10_000);
  });

  it('a whole /16 fragmented: exact ranges over many scratch areas', () => {
    const pool = allocator.create(65_535n);
    const offsets = Array.from({ length: 32_768 }, (_, at) => BigInt(at * 2));
    expect(new Set(allocator.claimAll(pool, offsets))).toEqual(new Set(['ok']));
    expect(allocator.claimAll(pool, [0n, 1n, 65_536n])).toEqual(['used', 'ok', 'outside']);
    const ranges = allocator.ranges(pool);
    expect(ranges).toHaveLength(32_767);
    expect(ranges[0]).toEqual({ first: 0n, last: 2n });
    expect(ranges.at(-1)).toEqual({ first: 65_534n, last: 65_534n });
    let given = 0;
    while (allocator.allocate(pool) !== undefined) given++;
    expect(given).toBe(32_767);
    expect(allocator.ranges(pool)).toEqual([{ first: 0n, last: 65_535n }]);
    allocator.destroy(pool);
  });
});

describe('closed offsets', () => {
  it('stay closed when all around them was used and released', () => {
    const pool = allocator.create(8_191n);
    for (let at = 0n; at < 8_192n; at += 64n)
      allocator.close(pool, { first: at + ((at / 64n) % 64n), last: at + ((at / 64n) % 64n) });
    const given = (): bigint[] => {
      const out: bigint[] = [];
      for (let one = allocator.allocate(pool); one !== undefined; one = allocator.allocate(pool)) out.push(one);
      return out;
    };
    const first = given();
    expect(first).toHaveLength(8_192 - 128);
    for (const offset of first) allocator.release(pool, offset);
    expect(given()).toEqual(first);
    allocator.destroy(pool);
  });
});

describe('memory', () => {
  it.each([
    ['IPv4 /16', 65_535n],
    ['IPv6 /64', (1n << 64n) - 1n],
  ])('does not grow over 100,000 addresses that come and go, %s', (_, last) => {
    const own = new Allocator(module);
    const pool = own.create(last);
    const live: bigint[] = [];
    const churn = (count: number): void => {
      for (let at = 0; at < count; at++) {
        live.push(own.allocate(pool)!);
        if (live.length > 200) own.release(pool, live.shift()!);
      }
    };
    churn(70_000);
    const before = own.highWater;
    churn(100_000);
    expect(own.highWater - before).toBeLessThan(2_000);
    expect(own.highWater).toBeLessThan(500_000);
    expect(own.counts(pool).open).toBe(200);
  });

  it('is reused by new pools when pools go', () => {
    const own = new Allocator(module);
    const round = (): void => {
      const pools = [255n, 65_535n, (1n << 64n) - 1n].map((last) => own.create(last));
      for (const pool of pools) for (let at = 0; at < 200; at++) own.claim(pool, BigInt((at * 7919) % 256));
      for (const pool of pools) own.destroy(pool);
    };
    round();
    const before = own.highWater;
    for (let at = 0; at < 1_000; at++) round();
    expect(own.highWater).toBe(before);
  });

  it('is refused at its maximum, and what was assigned stays', () => {
    const own = new Allocator(module);
    const pool = own.create((1n << 64n) - 1n);
    // Far apart, so that each takes as many nodes as an address can.
    const spread = (at: number): bigint => BigInt.asUintN(64, BigInt(at) * 0x9e3779b97f4a7c15n);
    let assigned = 0;
    const fillUp = (): void => {
      for (;;) {
        if (own.claim(pool, spread(assigned)) !== 'ok') throw new Error('spread is not unique');
        assigned++;
      }
    };
    expect(fillUp).toThrow(PoolFailure);
    expect(assigned).toBeGreaterThan(200_000);
    expect(own.counts(pool).open).toBe(assigned);
    for (let at = 0; at < assigned; at += 1_009) expect(own.used(pool, spread(at))).toBe(true);
    own.destroy(pool);
    expect(own.allocate(own.create(255n))).toBe(0n);
  });
});

describe('handles', () => {
  it('unknown ones are refused', () => {
    const own = new Allocator(module);
    const pool = own.create(255n);
    own.destroy(pool);
    expect(() => own.destroy(pool)).toThrow('noPool');
    for (const wrong of [pool, 0, 3, 12, 1 << 20, 2 ** 31] as PoolHandle[]) {
      expect(() => own.allocate(wrong)).toThrow('noPool');
      expect(() => own.claim(wrong, 1n)).toThrow('noPool');
      expect(own.counts(wrong)).toEqual({ open: 0, closed: 0 });
      expect(own.ranges(wrong)).toEqual([]);
    }
  });

  it('the module imports nothing', () => {
    const loaded: LoadedModule<object> = module;
    expect(loaded.digest).toHaveLength(64);
  });
});
