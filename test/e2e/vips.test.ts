/** Addresses that are kept without a pod. */
import { beforeAll, describe, expect, it } from 'vitest';
import { waitFor } from '../cluster/wait.ts';
import { apply, cluster, field, freshNamespace } from './shared.ts';

const ns = 'e2e-vips';

beforeAll(() => freshNamespace(ns));

describe('a Vip', () => {
  it('has an address of its subnet, and goes with it', async () => {
    await apply({
      apiVersion: 'kubeovn.io/v1',
      kind: 'Vip',
      metadata: { name: 'e2e-vips' },
      spec: { subnet: 'ovn-default', namespace: ns },
    });
    const address = await waitFor(async () => (await field('vip', 'e2e-vips', '{.status.v4ip}')).trim() || undefined, {
      what: 'the address of the Vip',
      limitMs: 20_000,
      everyMs: 200,
    });
    expect(address).toMatch(/^10\.\d+\.\d+\.\d+$/);
    expect(await field('vip', 'e2e-vips', '{.status.mac}')).toMatch(/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/);
    await cluster().kubectl(['delete', 'vip', 'e2e-vips', '--wait=true', '--timeout=30s']);
    expect(await cluster().kubectl(['get', 'vip', '-o', 'name'])).toBe('');
  });
});
