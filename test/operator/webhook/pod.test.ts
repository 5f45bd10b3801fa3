// What is refused of pods and of workloads by the template of their pods: malformed annotations, and addresses that
// others have.
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../operator/api/fact.ts';
import { judged, object, request } from './stage.ts';

const ip = (pod: string, namespace: string, spec: JsonObject, metadata: JsonObject = {}): JsonObject =>
  object('IP', { name: `${pod}.${namespace}`, spec: { namespace, podName: pod, ...spec }, metadata });

const going = { deletionTimestamp: '2026-01-02T00:00:00Z' };

const cluster = [
  object('Subnet', { name: 'ovn-default', spec: { cidrBlock: '10.16.0.0/16' } }),
  object('Subnet', { name: 'shop', spec: { cidrBlock: '10.20.0.0/24,fd00:20::/64', namespaces: ['shop'] } }),
  object('Subnet', { name: 'back', spec: { cidrBlock: '10.30.0.0/24', provider: 'net.shop.ovn' } }),
  object('Namespace', { name: 'shop' }),
  object('Namespace', { name: 'other' }),
  object('NetworkAttachmentDefinition', { name: 'net', namespace: 'shop', spec: { config: '{"type":"kube-ovn"}' } }),
  ip('web', 'shop', { subnet: 'shop', v4IpAddress: '10.20.0.7', v6IpAddress: 'fd00:20::7' }),
  ip('web-0', 'shop', { subnet: 'shop', v4IpAddress: '10.20.0.10' }),
  ip('till-7d4b9c6f5d-x2x2x', 'shop', { subnet: 'shop', v4IpAddress: '10.20.0.20' }),
  ip('gone', 'shop', { subnet: 'shop', v4IpAddress: '10.20.0.30' }, going),
  ip('web.shop', 'net', { subnet: 'back', v4IpAddress: '10.30.0.7' }),
  ip('default', 'other', { subnet: 'ovn-default', v4IpAddress: '10.16.0.7' }),
  object('Vip', { name: 'till', spec: { subnet: 'shop' }, status: { v4ip: '10.20.0.99' } }),
];

interface PodShape {
  readonly name?: string;
  readonly namespace?: string;
  readonly owner?: JsonObject;
  readonly spec?: JsonObject;
}

function pod(
  annotations: JsonObject,
  { name = 'new', namespace = 'shop', owner, spec = {} }: PodShape = {},
): JsonObject {
  const owners = owner ? { ownerReferences: [{ controller: true, uid: 'o', ...owner }] } : {};
  return object('Pod', { name, namespace, spec, metadata: { annotations, ...owners } });
}

const judgedPod = (annotations: JsonObject, shape?: PodShape): Promise<{ message: string }> =>
  judged(request('CREATE', pod(annotations, shape)), cluster);

const address = 'ovn.kubernetes.io/ip_address';
const list = 'ovn.kubernetes.io/ip_pool';
const taken = { allowed: true, message: '' };

describe('a new pod', () => {
  it.each<[annotations: JsonObject, message: string]>([
    [{ [address]: '10.10.10.10.10' }, '10.10.10.10.10 is not a valid ovn.kubernetes.io/ip_address'],
    [{ [address]: '10.20.0.8,10.20.0.9' }, '10.20.0.8,10.20.0.9 is not a valid ovn.kubernetes.io/ip_address'],
    [{ [address]: 'fd00:20::8,fd00:20::9' }, 'is not a valid ovn.kubernetes.io/ip_address'],
    [{ [address]: 'fd00:20::A' }, 'ovn.kubernetes.io/ip_address fd00:20::A: IPv6 must be written in lower case'],
    [{ [list]: '10.20.0.8,FD00:20::8' }, 'IPv6 must be written in lower case'],
    [{ [list]: '10.20.0.8,x' }, 'x in ovn.kubernetes.io/ip_pool is not a valid address'],
    [{ 'ovn.kubernetes.io/mac_address': 'x' }, 'x is not a valid ovn.kubernetes.io/mac_address'],
    [{ 'ovn.kubernetes.io/ip_family': 'both' }, 'both is not a valid ovn.kubernetes.io/ip_family'],
    [{ 'ovn.kubernetes.io/routes': 'x' }, 'x is not a valid ovn.kubernetes.io/routes'],
    [{ [address]: '10.99.0.1', 'ovn.kubernetes.io/cidr': '10.20.0.0/24' }, '10.99.0.1 not in cidr 10.20.0.0/24'],
    [{ [list]: '10.99.0.1,10.99.0.2', 'ovn.kubernetes.io/cidr': '10.20.0.0/24' }, '10.99.0.1 not in cidr 10.20.0.0/24'],
    [{ [address]: '10.99.0.1', 'ovn.kubernetes.io/cidr': 'x' }, 'x is not a valid ovn.kubernetes.io/cidr'],
    [{ [address]: '10.20.0.7' }, 'address 10.20.0.7 of subnet shop is in use by IP web.shop'],
    [{ [address]: '10.20.0.8,fd00:20::7' }, 'address fd00:20::7 of subnet shop is in use by IP web.shop'],
    [{ [address]: '10.20.0.99' }, 'address 10.20.0.99 of subnet shop is in use by Vip till'],
    [{ [address]: '10.16.0.7', 'ovn.kubernetes.io/logical_switch': 'ovn-default' }, 'in use by IP default.other'],
    [
      { 'k8s.v1.cni.cncf.io/networks': 'net', 'net.shop.ovn.kubernetes.io/ip_address': '10.30.0.7' },
      'in use by IP web.shop.net',
    ],
    [{ 'k8s.v1.cni.cncf.io/networks': '[{"name":"net","ips":["10.30.0.7"]}]' }, 'in use by IP web.shop.net'],
  ])('with %j is refused', async (annotations, message) => {
    expect((await judgedPod(annotations)).message).toContain(message);
  });

  it.each<[what: string, annotations: JsonObject, shape?: PodShape]>([
    ['that asks for nothing', {}],
    ['that asks for a free address', { [address]: '10.20.0.8,fd00:20::8' }],
    ['in another subnet that has the address, too', { [address]: '10.20.0.7' }, { namespace: 'other' }],
    ['whose address its own IP object keeps', { [address]: '10.20.0.7' }, { name: 'web' }],
    ['whose address is being let go', { [address]: '10.20.0.30' }],
    ['with a list, of which something may be free', { [list]: '10.20.0.7,10.20.0.8' }],
    ['on the network of its node', { [address]: '10.20.0.7' }, { spec: { hostNetwork: true } }],
    ['that comes to take over a machine', { [address]: '10.20.0.7', 'kubevirt.io/migrationJobName': 'j' }],
    [
      'that takes the place of another of its StatefulSet',
      { [list]: '10.20.0.10,10.20.0.11' },
      { name: 'web-0', owner: { kind: 'StatefulSet', name: 'web' } },
    ],
    [
      'that takes the place of another of its Deployment',
      { [address]: '10.20.0.20' },
      { owner: { kind: 'ReplicaSet', name: 'till-6c9f7d8b5' } },
    ],
  ])('%s is taken', async (_, annotations, shape) => {
    expect(await judgedPod(annotations, shape)).toEqual(taken);
  });

  it('of a StatefulSet is refused the address at its number when another has it', async () => {
    const shape = { name: 'db-1', owner: { kind: 'StatefulSet', name: 'db' } };
    const said = await judgedPod({ [list]: '10.20.0.8,10.20.0.7' }, shape);
    expect(said.message).toContain('address 10.20.0.7 of subnet shop is in use by IP web.shop');
    expect(await judgedPod({ [list]: '10.20.0.7,10.20.0.8' }, shape)).toEqual(taken);
  });
});

describe('a new workload', () => {
  const workload = (kind: string, name: string, annotations: JsonObject): JsonObject => {
    const template = { metadata: { annotations }, spec: {} };
    const spec = kind === 'CronJob' ? { jobTemplate: { spec: { template } } } : { template };
    return object(kind, { name, namespace: 'shop', spec });
  };
  const kinds = ['Deployment', 'StatefulSet', 'DaemonSet', 'Job', 'CronJob'];

  it.each(kinds)('%s is refused addresses that others have, also in a list, and malformed ones', async (kind) => {
    const said = async (annotations: JsonObject): Promise<string> =>
      (await judged(request('CREATE', workload(kind, 'new', annotations)), cluster)).message;
    expect(await said({ [address]: '10.20.0.7' })).toContain('in use by IP web.shop');
    expect(await said({ [list]: '10.20.0.8,10.20.0.7' })).toContain('in use by IP web.shop');
    expect(await said({ [list]: '10.20.0.8;10.20.0' })).toContain(
      '10.20.0 in ovn.kubernetes.io/ip_pool is not a valid',
    );
    expect(await said({ [address]: 'fd00:20::A' })).toContain('lower case');
  });

  it.each(kinds)('%s may have what its own pods of before have', async (kind) => {
    expect(
      await judged(request('CREATE', workload(kind, 'web', { [list]: '10.20.0.10,10.20.0.11' })), cluster),
    ).toEqual(taken);
    expect(await judged(request('CREATE', workload(kind, 'new', {})), cluster)).toEqual(taken);
  });
});
