// Whom a policy lets in or keeps out, as `kubeloom plan` tells it: by classes of pods, with counts, both ways.
import { describe, expect, it } from 'vitest';
import type { Manifest } from '../../cli/plan/object.ts';
import { Outlook, type Desired } from '../../cli/plan/desired.ts';
import { report } from '../../cli/plan/report.ts';
import { text } from '../../cli/plan/text.ts';
import { traffic } from '../../cli/plan/traffic.ts';
import { build } from '../worlds/objects.ts';
import { defaults, translate } from '../worlds/process.ts';

const apiVersions: Readonly<Record<string, string>> = {
  Vpc: 'kubeovn.io/v1',
  Subnet: 'kubeovn.io/v1',
  IP: 'kubeovn.io/v1',
  NetworkPolicy: 'networking.k8s.io/v1',
};

function manifest(kind: string, key: string, fields: Record<string, unknown>): Manifest {
  const [namespace = '', name = ''] = key.includes('/') ? key.split('/') : ['', key];
  const apiVersion = apiVersions[kind] ?? 'v1';
  return { apiVersion, kind, namespace, name, from: 'test', object: build(kind, key, fields) as Manifest['object'] };
}

const pod = (name: string, index: number, labels: Record<string, string>): Manifest[] => [
  manifest('Pod', `shop/${name}`, {
    node: 'n1',
    labels,
    containers: [{ ports: [{ name: 'http', containerPort: 8080 }] }],
  }),
  manifest('IP', `${name}.shop`, {
    for: `shop/${name}`,
    subnet: 'ovn-default',
    ip: `10.16.0.${index}`,
    mac: `02:00:00:00:00:${index}`,
  }),
];

const cluster: readonly Manifest[] = [
  manifest('Vpc', 'ovn-cluster', {}),
  manifest('Subnet', 'ovn-default', { cidrBlock: '10.16.0.0/16', default: true }),
  manifest('Subnet', 'join', { cidrBlock: '100.64.0.0/16' }),
  manifest('Namespace', 'shop', {}),
  manifest('Node', 'n1', { ip: '172.18.0.2' }),
  ...pod('web-1', 11, { app: 'web', 'pod-template-hash': 'a' }),
  ...pod('web-2', 12, { app: 'web', 'pod-template-hash': 'b' }),
  ...pod('client', 13, { app: 'client' }),
  ...pod('stranger', 14, { app: 'stranger' }),
];

const policy = (spec: Record<string, unknown>): Manifest => manifest('NetworkPolicy', 'shop/web', spec);

/** What the cluster is without and with the policies. */
function sides(before: readonly Manifest[], after: readonly Manifest[]): readonly [Desired, Desired] {
  const outlook = new Outlook(defaults, { translate });
  return [outlook.take([...cluster, ...before]), outlook.take(after)];
}

const letsIn = (app: string): Record<string, unknown> => ({
  podSelector: { matchLabels: { app: 'web' } },
  ingress: [{ from: [{ podSelector: { matchLabels: { app } } }], ports: [{ port: 'http' }] }],
});

const told = (before: readonly Manifest[], after: readonly Manifest[]): string[] => {
  const [one, other] = sides(before, after);
  return traffic(one, other).changes.map(
    ({ from, to, protocol, port, now }) =>
      `${from?.labels['app'] ?? 'outside'} ${from?.pods ?? ''} -> ${to?.labels['app'] ?? 'outside'} ${to?.pods ?? ''} ${protocol} ${port ?? 'rest'} ${now}`,
  );
};

describe('a plan tells which connections', () => {
  it('a new policy closes: all but what it lets in', () => {
    const changes = told([], [policy(letsIn('client'))]);
    expect(changes).toContain('stranger 1 -> web 2 tcp 8080 denied');
    expect(changes).toContain('client 1 -> web 2 tcp rest denied');
    expect(changes).toContain('web 2 -> web 2 tcp 8080 denied');
    expect(changes.filter((line) => line.startsWith('client 1 -> web 2 tcp 8080'))).toEqual([]);
    expect(changes.filter((line) => !line.includes('-> web 2'))).toEqual([]);
  });

  it('another peer opens and closes', () => {
    expect(told([policy(letsIn('client'))], [policy(letsIn('stranger'))]).sort()).toEqual([
      'client 1 -> web 2 tcp 8080 denied',
      'stranger 1 -> web 2 tcp 8080 allowed',
    ]);
  });

  it('nothing does when the policy says the same in other words', () => {
    const same = { ...letsIn('client'), policyTypes: ['Ingress'] };
    expect(told([policy(letsIn('client'))], [policy(same)])).toEqual([]);
  });

  it('and says it in words', () => {
    const [before, after] = sides([policy(letsIn('client'))], [policy(letsIn('stranger'))]);
    const lines = text(report({ before, after, errors: [], remarks: [] }), { colour: false }).split('\n');
    const from = lines.indexOf('Connections');
    expect(lines.slice(from, from + 5)).toEqual([
      'Connections',
      '  shop app=client (1 pod) -> shop app=web (2 pods)',
      '    - TCP 8080 is denied now',
      '  shop app=stranger (1 pod) -> shop app=web (2 pods)',
      '    + TCP 8080 is allowed now',
    ]);
  });
});
