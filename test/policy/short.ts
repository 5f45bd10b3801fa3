// Short forms for worlds that are written by hand: two namespaces, a few pods, one node more than they need.
import { emptyWorld } from './world.ts';
import type { Container, Endpoint, Pod, World } from './world.ts';

const webPorts: Container = {
  ports: [
    { name: 'http', containerPort: 8080 },
    { name: 'dns', protocol: 'UDP', containerPort: 53 },
    { name: 'm3ua', protocol: 'SCTP', containerPort: 2905 },
  ],
};

export function pod(key: string, address: string, more: Partial<Pod> = {}): Pod {
  const [namespace = '', name = ''] = key.split('/');
  return {
    namespace,
    name,
    labels: { app: name },
    node: 'n1',
    containers: [webPorts],
    interfaces: [{ provider: 'ovn', subnet: 'ovn-default', addresses: [address, `fd00:10::${address.split('.')[3]}`] }],
    ...more,
  };
}

export const client = pod('a/client', '10.16.0.2');
export const web = pod('a/web', '10.16.0.3');
/** Has another number under the name `http`, and nothing under `dns`. */
export const other = pod('b/other', '10.16.0.4', {
  labels: {},
  containers: [{ ports: [{ name: 'http', containerPort: 80 }] }],
});
export const onHost = pod('a/host', '', { hostNetwork: true, interfaces: [] });
export const completed = pod('a/job', '10.16.0.9', { phase: 'Succeeded', labels: { app: 'client' } });

export const node1 = { name: 'n1', labels: { zone: 'z1' }, addresses: ['172.31.0.1', 'fd00:172::1'] };
export const node2 = { name: 'n2', labels: {}, addresses: ['172.31.0.2', 'fd00:172::2'] };

export const base: World = {
  ...emptyWorld,
  subnets: [{ name: 'ovn-default', cidrs: ['10.16.0.0/16', 'fd00:10::/64'], provider: 'ovn', enableLb: true }],
  namespaces: [
    { name: 'a', labels: { team: 'red', 'kubernetes.io/metadata.name': 'a' } },
    { name: 'b', labels: { 'kubernetes.io/metadata.name': 'b' } },
  ],
  nodes: [node1, node2],
  pods: [client, web, other, onHost, completed],
};

export const at = (pod: Pod): Endpoint => ({ pod });
export const address = (address: string): Endpoint => ({ address });
