// The bench of large topologies, small: its two sides must come to the same rows, or it compares nothing.
import { describe, expect, it } from 'vitest';
import { differing } from '../../bench/topology/rows.ts';
import type { Rows } from '../../bench/topology/rows.ts';
import { enterPolicy } from '../../bench/nb/scene.ts';
import { eventsOf } from '../../bench/topology.ts';
import { rehearsed } from '../../bench/topology/script.ts';
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

async function expectSame(topology: Topology, expectWhole: (rows: Rows) => void): Promise<void> {
  const [product, raw] = await both(topology);
  try {
    const whole = await product.rows();
    expectWhole(whole);
    expect(differing(whole, await raw.rows())).toEqual([]);
    for (const step of Object.values(topology.script.steps).flat()) {
      const before = await product.rows();
      await Promise.all([product.take(step), raw.take(step)]);
      expect(differing(before, await product.rows())).not.toEqual([]);
      expect(differing(await product.rows(), await raw.rows())).toEqual([]);
    }
  } finally {
    await product.stop();
    await raw.stop();
  }
}

const shape = { subnets: 3, nodes: 6, spread: 2 };

describe('product and raw client', () => {
  it('write the same rows, of the whole and of each further event', async () => {
    const script = await rehearsed({ shape, events: eventsOf(shape), each: 2 });
    await expectSame({ shape, pods: 40, script }, (whole) => {
      expect(whole.get('Port_Group')?.size).toBe(12);
      expect(whole.get('Logical_Switch_Port')?.size).toBe(40 + 6 + 4);
    });
  });

  it('and of each further policy', async () => {
    const script = await rehearsed({ shape, events: { policy: enterPolicy }, each: 2, pods: 40 });
    await expectSame({ shape, pods: 40, script }, (whole) => expect(whole.get('ACL')?.size).toBe(0));
  });
});
