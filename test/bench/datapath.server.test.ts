// The bench of the datapath, small: its traffic must pass by what it says it measures, or it compares nothing.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Bed, VIP } from '../../bench/datapath/bed.ts';
import { measure, passesIn, times } from '../../bench/datapath/lane.ts';

let bed: Bed;
beforeAll(async () => {
  bed = await Bed.create();
}, 120_000);
afterAll(async () => await bed?.stop());

const rules = async (): Promise<number> =>
  (await bed.ovn.nbctl('--bare', '--columns=_uuid', 'list', 'ACL')).split('\n').filter((line) => line !== '').length;

it('carries bytes on both lanes, with and without policies and load balancer', async () => {
  const without = await rules();
  expect(await measure(bed.product, 'exchange', 5)).toHaveLength(5);
  expect(await measure(bed.raw, 'exchange', 5)).toHaveLength(5);
  await bed.set({ policies: 3, balanced: true });
  // In and out, each policy its own; what isolates is shared.
  expect(await rules()).toBeGreaterThanOrEqual(without + 6);
  expect(await bed.ovn.nbctl('lb-list')).toContain(VIP);
  const before = bed.processor();
  const passes = await bed.passes(async () => expect(await measure(bed.product, 'stream', 1 << 20)).toHaveLength(1));
  expect(bed.processor()).toBeGreaterThan(before);
  // By hand nothing is tracked; what policies and load balancers look at is, on its way in and on its way out.
  expect(passes).toBeGreaterThanOrEqual(2.5);
  expect(await bed.passes(async () => await measure(bed.raw, 'stream', 1 << 20))).toBeLessThan(1.1);
  expect(await measure(bed.product, 'connect', 2, VIP)).toHaveLength(2);
  expect(await measure(bed.raw, 'connect', 2)).toHaveLength(2);
  await bed.set({ policies: 0, balanced: false });
  expect(await rules()).toBe(without);
  await expect(measure(bed.product, 'connect', 1, VIP)).rejects.toThrow('connect');
}, 120_000);

it('reads times, and takes nothing else for one', () => {
  expect(times('0.5\n1.25\n')).toEqual([0.5, 1.25]);
  expect(() => times('')).toThrow('no times');
  expect(() => times('connect: refused\n')).toThrow('no times');
});

it('counts how often a packet passes the datapath, over all threads', () => {
  const thread = (received: number, again: number): string =>
    `main thread:\n  packets received: ${received}\n  packet recirculations: ${again}\n  avg. datapath passes per packet: 1\n`;
  expect(passesIn(thread(10, 20))).toBe(3);
  expect(passesIn(`${thread(10, 20)}${thread(10, 0)}`)).toBe(2);
  expect(() => passesIn(thread(0, 0))).toThrow('no packets');
});
