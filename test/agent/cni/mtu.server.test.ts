// MTUs, measured by packets that may not be cut: what passes between two pods, and what the sender refuses.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { port, samplePlan } from '../plan.ts';
import { sh } from '../node.ts';
import { Runtime } from '../runtime.ts';

let runtime: Runtime;
afterAll(() => runtime?.dispose());

/** Headers of IP and ICMP. */
const HEADERS = { 4: 28, 6: 48 } as const;

async function passes(from: string, to: string, size: number): Promise<boolean> {
  const argv = ['-M', 'do', '-c', '1', '-W', '2', '-s', String(size), to] as const;
  return await sh('ip', 'netns', 'exec', from, 'ping', ...argv).then(
    () => true,
    () => false,
  );
}

describe.each([
  { flags: [], mtu: 0, expected: 1400 },
  { flags: ['--network-type=vxlan'], mtu: 0, expected: 1450 },
  { flags: ['--network-type=stt'], mtu: 0, expected: 1428 },
  { flags: ['--mtu=1300'], mtu: 0, expected: 1300 },
  { flags: ['--mtu=1300'], mtu: 1350, expected: 1350 },
])('with $flags and a subnet of $mtu', ({ flags, mtu, expected }) => {
  beforeAll(async () => {
    const dual = (name: string, at: number): object => ({
      ...port(name, `10.16.0.${at}`),
      addresses: [`10.16.0.${at}/16`, `fd00::${at}/64`],
      gateways: ['10.16.0.1', 'fd00::1'],
      mtu,
    });
    const plan = { ...samplePlan, 'port/default/a/ovn': dual('a', 20), 'port/default/b/ovn': dual('b', 21) };
    await runtime?.dispose();
    runtime = await Runtime.create(plan, flags);
  });

  it(`lets packets of ${expected} bytes through, and no more`, async () => {
    const pods = [await runtime.sandbox('a'), await runtime.sandbox('b')] as const;
    for (const pod of pods)
      expect(await runtime.added(pod, { cniVersion: '1.1.0' })).toMatchObject({
        interfaces: [{ mtu: expected }, { mtu: expected }],
      });
    const from = pods[0].CNI_NETNS.replace('/run/netns/', '');
    expect(await passes(from, '10.16.0.21', expected - HEADERS[4])).toBe(true);
    expect(await passes(from, '10.16.0.21', expected - HEADERS[4] + 1)).toBe(false);
    expect(await passes(from, 'fd00::21', expected - HEADERS[6])).toBe(true);
    expect(await passes(from, 'fd00::21', expected - HEADERS[6] + 1)).toBe(false);
  });
});
