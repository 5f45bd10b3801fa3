/** Kinds that nothing acts on yet: whoever makes one is told so, where they look. */
import { beforeAll, describe, expect, it } from 'vitest';
import { waitFor } from '../cluster/wait.ts';
import { apply, cluster, custom, field, freshNamespace } from './shared.ts';

const ns = 'e2e-kinds';

beforeAll(() => freshNamespace(ns));

describe('an object of a kind that nothing acts on yet', () => {
  it('says so in its conditions', async () => {
    await apply(
      custom('QoSPolicy', 'e2e-kinds', {}),
      custom('VpcEgressGateway', 'gateway', { externalSubnet: 'none', policies: [{ subnets: ['none'] }] }, ns),
    );
    const ready = '{.status.conditions[?(@.type=="Ready")].status} {.status.conditions[?(@.type=="Ready")].reason}';
    for (const [kind, name] of [
      ['qos', 'e2e-kinds'],
      ['veg', 'gateway'],
    ] as const) {
      const said = await waitFor(async () => (await field(kind, name, ready, ns)).trim() || undefined, {
        what: `conditions of ${kind}`,
        limitMs: 20_000,
        everyMs: 200,
      });
      expect(said).toBe('False KindNotAvailable');
    }
    await cluster().kubectl(['delete', 'qos', 'e2e-kinds', '--wait=true']);
  });

  it('says so by an event when it has none', async () => {
    await apply(custom('EvpnConf', 'e2e-kinds', { vni: 1016 }));
    const messages = (): Promise<string> =>
      cluster().kubectl([
        'get',
        'events',
        '--all-namespaces',
        '--field-selector=reason=KindNotAvailable',
        '-o',
        'jsonpath={.items[*].message}',
      ]);
    const said = await waitFor(async () => ((await messages()).includes('EvpnConf') ? messages() : undefined), {
      what: 'an event about the EvpnConf',
      limitMs: 20_000,
      everyMs: 200,
    });
    expect(said).toContain('Kubeloom takes EvpnConf objects and does nothing for them yet');
    await cluster().kubectl(['delete', 'evpn-conf', 'e2e-kinds', '--wait=true']);
  });
});
