// A small shop for tests of `kubeloom plan`: two pods of the web, a client and a stranger, and what objects make of it.
import type { Manifest } from '../../cli/plan/object.ts';
import { Outlook, type Desired } from '../../cli/plan/desired.ts';
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

export const policy = (spec: Record<string, unknown>): Manifest => manifest('NetworkPolicy', 'shop/web', spec);

/** What the cluster is without and with the policies. */
export async function sides(
  before: readonly Manifest[],
  after: readonly Manifest[],
): Promise<readonly [Desired, Desired]> {
  const outlook = new Outlook(defaults, { translate });
  try {
    return [await outlook.take([...cluster, ...before]), await outlook.take(after)];
  } finally {
    await outlook.stop();
  }
}

/** Connections that are open or closed now, a line each. */
export const told = async (before: readonly Manifest[], after: readonly Manifest[]): Promise<string[]> => {
  const [one, other] = await sides(before, after);
  return traffic(one, other).changes.map(
    ({ from, to, protocol, port, now }) =>
      `${from?.labels['app'] ?? 'outside'} ${from?.pods ?? ''} -> ${to?.labels['app'] ?? 'outside'} ${to?.pods ?? ''} ${protocol} ${port ?? 'rest'} ${now}`,
  );
};
