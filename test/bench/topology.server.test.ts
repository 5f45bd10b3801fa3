// The bench of large topologies, small: its two sides must come to the same rows, or it compares nothing.
import { describe, expect, it } from 'vitest';
import { differing } from '../../bench/topology/rows.ts';
import { kinds, rehearsed } from '../../bench/topology/script.ts';
import { productSide, rawSide } from '../../bench/topology/side.ts';
import type { Side, Topology } from '../../bench/topology/side.ts';

async function both(topology: Topology): Promise<[product: Side, raw: Side]> {
  const product = await productSide(topology);
  try {
    return [product, await rawSide(topology)];
  } catch (error) {
    await product.stop();
    throw error;
  }
}

describe('product and raw client', () => {
  it('write the same rows, of the whole and of each further event', async () => {
    const shape = { subnets: 3, nodes: 6, spread: 2 };
    const script = await rehearsed(shape, 2);
    const [product, raw] = await both({ shape, pods: 40, script });
    try {
      const whole = await product.rows();
      expect(whole.get('Port_Group')?.size).toBe(12);
      expect(whole.get('Logical_Switch_Port')?.size).toBe(40 + 6 + 4);
      expect(differing(whole, await raw.rows())).toEqual([]);
      for (const kind of kinds) {
        for (const step of script.steps[kind]) {
          const before = await product.rows();
          await Promise.all([product.take(step), raw.take(step)]);
          expect(differing(before, await product.rows())).not.toEqual([]);
          expect(differing(await product.rows(), await raw.rows())).toEqual([]);
        }
      }
    } finally {
      await product.stop();
      await raw.stop();
    }
  });
});
