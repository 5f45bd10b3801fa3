// Whatever happens to the range of a subnet in use: nobody's address changes, none is given twice, and the counts are
// exact. Against a model that shares no code with the allocator.
import * as fc from 'fast-check';
import { beforeAll, expect, it } from 'vitest';
import { Ipam } from '../../../operator/ipam/ipam.ts';
import { ensureBuilt } from '../../../policies/build.ts';
import { lastOctet, newAllocator, seededBytes } from './cluster.ts';

beforeAll(() => ensureBuilt('ipam'));

interface Range {
  /** Of 10.0.0.0/24: the first address, and the bits of the hosts. */
  readonly first: number;
  readonly bits: number;
  /** Excluded, from and to. */
  readonly excluded: readonly [from: number, to: number];
}

const range: fc.Arbitrary<Range> = fc
  .record({ bits: fc.integer({ min: 3, max: 6 }), block: fc.nat(31), from: fc.nat(255), length: fc.nat(9) })
  .map(({ bits, block, from, length }) => ({
    bits,
    first: (block << bits) & 0xff,
    excluded: [from, Math.min(255, from + length)],
  }));

type Step = { readonly range: Range } | { readonly give: string } | { readonly take: string };

const key = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h');
const step: fc.Arbitrary<Step> = fc.oneof(
  range.map((changed) => ({ range: changed })),
  key.map((give) => ({ give })),
  key.map((take) => ({ take })),
);

const text = (octet: number): string => `10.0.0.${octet}`;

function change(ipam: Ipam, { first, bits, excluded: [from, to] }: Range): void {
  const exclude = [`${text(from)}..${text(to)}`];
  ipam.setSubnet('s', { cidrs: [`${text(first)}/${32 - bits}`], exclude, gateways: [] });
}

/** The open addresses of a range, one by one. */
function openIn({ first, bits, excluded: [from, to] }: Range): number[] {
  const hosts = Array.from({ length: (1 << bits) - 2 }, (_, at) => first + 1 + at);
  return hosts.filter((octet) => octet < from || octet > to);
}

/** One step; the address that it gave, if it gave one. */
function take(ipam: Ipam, next: Step, held: ReadonlyMap<string, number>, open: readonly number[]): number | undefined {
  if ('range' in next) change(ipam, next.range);
  else if ('take' in next) ipam.release('s', next.take);
  else if (!held.has(next.give) && open.some((octet) => ![...held.values()].includes(octet)))
    return lastOctet(ipam.allocate('s', next.give).addresses[0] ?? '');
  return undefined;
}

const isFree = (given: number | undefined, held: ReadonlyMap<string, number>, open: readonly number[]): boolean =>
  given === undefined || (open.includes(given) && ![...held.values()].includes(given));

function remember(held: Map<string, number>, next: Step, given: number | undefined): void {
  if ('take' in next) held.delete(next.take);
  if ('give' in next && given !== undefined) held.set(next.give, given);
}

it('keeps what is assigned and counts exactly', () => {
  const changes = fc.array(step, { minLength: 1, maxLength: 60 });
  fc.assert(
    fc.property(range, changes, (initial, steps) => {
      const ipam = new Ipam({ allocator: newAllocator(), now: () => 0, random: seededBytes(), holdDownMs: 0 });
      const held = new Map<string, number>();
      let open = openIn(initial);
      change(ipam, initial);
      for (const next of steps) {
        const given = take(ipam, next, held, open);
        expect(isFree(given, held, open)).toBe(true);
        if ('range' in next) open = openIn(next.range);
        remember(held, next, given);
        const using = open.filter((octet) => [...held.values()].includes(octet)).length;
        expect(ipam.usage('s')?.families).toMatchObject([
          { using: BigInt(using), available: BigInt(open.length - using) },
        ]);
        for (const [who, octet] of held) expect(ipam.holding('s', who)?.addresses).toEqual([text(octet)]);
      }
    }),
    { numRuns: 200 },
  );
});
