import { describe, expect, it } from 'vitest';
import type { Report } from '../../proto/kubeloom/plan/v1/Report.gen.ts';
import type { Probes } from '../../agent/probes.ts';
import { asked, asks, isCutOff, JOIN_GATEWAY, Reach } from '../../agent/reach.ts';
import { Verdict } from '../../agent/verdict.ts';
import { link, links, state, subnet } from './samples.ts';

const peer = (name: string): { kind: 'peer'; name: string; internalIps: string[] } => ({
  kind: 'peer',
  name,
  internalIps: [],
});

describe('who asks a gateway', () => {
  const names = Array.from({ length: 40 }, (_, at) => `node-${at}`);
  const askers = (gateway: string): string[] => names.filter((name) => asks(name, gateway, names.map(peer)));
  it('is eight nodes, whoever looks, and other ones for another gateway', () => {
    expect(askers('node-3')).toHaveLength(8);
    expect(askers('node-3')).not.toContain('node-3');
    expect(askers('node-4')).not.toEqual(askers('node-3'));
  });

  it('is everybody else in a small cluster', () => {
    const few = ['a', 'b', 'c'].map(peer);
    expect(few.map(({ name }) => asks(name, 'b', few))).toEqual([true, false, true]);
  });
});

it('a node is cut off when its cable is', () => {
  const nic = link('eth0', { addresses: ['192.0.2.11/24'] });
  expect(isCutOff(state({ links: links(nic) }))).toBe(false);
  expect(isCutOff(state({ links: links({ ...nic, carrier: false }) }))).toBe(true);
  expect(isCutOff(state({ links: links() }))).toBe(false);
});

describe('asked', () => {
  const gatewayNodes = [
    { name: 'n1', joinAddresses: ['100.64.0.2'], egressIps: [] },
    { name: 'n2', joinAddresses: ['100.64.0.3', 'fd00:100:64::3'], egressIps: [] },
    { name: 'n3', joinAddresses: [], egressIps: [] },
  ];
  const up = links(link('ovn0', { addresses: ['100.64.0.2/16'] }));
  const subnets = [{ key: 'a', item: subnet({ gatewayType: 'centralized', gatewayNodes }) }];
  it('is the gateway of the join subnet and other gateway nodes', () => {
    expect([...asked(state({ subnets, links: up }))]).toEqual([
      [JOIN_GATEWAY, '100.64.0.1'],
      ['n2', '100.64.0.3'],
    ]);
  });

  it.each([
    ['without a plan', { complete: false }],
    ['without an address', { links: links(link('ovn0')) }],
    ['while ovn0 is down', { links: links(link('ovn0', { up: false, addresses: ['100.64.0.2/16'] })) }],
  ])('is nothing %s', (_, changes) => {
    expect(asked(state({ subnets, links: up, ...changes })).size).toBe(0);
  });
});

const addresses = new Map([
  [JOIN_GATEWAY, '100.64.0.1'],
  ['n2', '100.64.0.3'],
]);

describe('what the operator is told', () => {
  const reports: Report[] = [];
  let now = 0;
  function rig(): { readonly reach: Reach; readonly hear: (node: string, history: string) => void } {
    reports.length = 0;
    const verdicts = new Map<string, Verdict>();
    const seqs = new Map<string, number>();
    const probes = {
      want: (addresses: ReadonlyMap<string, string>) => {
        for (const key of addresses.keys()) verdicts.set(key, verdicts.get(key) ?? new Verdict());
      },
      verdict: (key: string) => verdicts.get(key),
      doubt: () => [...verdicts.values()].forEach((verdict) => verdict.doubt()),
    } as unknown as Probes;
    const reach = new Reach({
      settings: { nodeName: 'n1' },
      probes,
      report: (report) => reports.push(report),
      now: () => now,
    });
    reach.want(addresses, false);
    const hear = (node: string, history: string): void => {
      for (const sign of history) {
        const seq = (seqs.get(node) ?? 0) + 1;
        seqs.set(node, seq);
        verdicts.get(node)?.hear({ seq, answered: sign === '+' });
        reach.tell();
      }
    };
    return { reach, hear };
  }
  const told = (): unknown[] => reports.splice(0).map(({ reach }) => reach);

  it('is each change once, and all of it to each leader', () => {
    const { reach, hear } = rig();
    hear(JOIN_GATEWAY, '+');
    hear('n2', '+');
    expect(told()).toEqual([]);
    reach.connection(true);
    hear('n2', '+++');
    expect(told()).toEqual([{ node: 'n2', lost: false }]);
    hear('n2', '....');
    expect(told()).toEqual([{ node: 'n2', lost: true }]);
    reach.connection(false);
    reach.connection(true);
    reach.tell();
    // Seen while nobody listened: to be seen again.
    expect(told()).toEqual([]);
    hear('n2', '.');
    expect(told()).toEqual([{ node: 'n2', lost: true }]);
  });

  it('is a loss every second, for as long as it lasts', () => {
    const { reach, hear } = rig();
    reach.connection(true);
    hear(JOIN_GATEWAY, '+');
    hear('n2', '+...');
    expect(told()).toEqual([
      { node: 'n2', lost: false },
      { node: 'n2', lost: true },
    ]);
    now += 600;
    reach.tell();
    expect(told()).toEqual([]);
    now += 600;
    reach.tell();
    reach.tell();
    expect(told()).toEqual([{ node: 'n2', lost: true }]);
    hear('n2', '+'.repeat(10));
    now += 5000;
    reach.tell();
    expect(told()).toEqual([{ node: 'n2', lost: false }]);
  });

  it('is that this node is cut off, and then nothing of others', () => {
    const { reach, hear } = rig();
    reach.connection(true);
    hear(JOIN_GATEWAY, '+');
    hear('n2', '+');
    told();
    reach.want(addresses, true);
    reach.tell();
    hear('n2', '....');
    expect(told()).toEqual([{ node: 'n1', lost: true }]);
    reach.want(addresses, false);
    hear('n2', '+');
    expect(told()).toEqual([{ node: 'n1', lost: false }]);
  });

  it('is not that others are lost while this node is', () => {
    const { reach, hear } = rig();
    reach.connection(true);
    hear(JOIN_GATEWAY, '+');
    hear('n2', '+');
    told();
    hear(JOIN_GATEWAY, '.');
    hear('n2', '...');
    expect(told()).toEqual([]);
    hear(JOIN_GATEWAY, '+');
    hear('n2', '.');
    expect(told()).toEqual([{ node: 'n2', lost: true }]);
  });
});
