// A VPC that leaves by an external subnet, with the whole operator before a real API server and a real northbound
// database: the address is allocated, an OvnEip shows it, and both go again.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually } from '../eventually.ts';
import type { OperatorProcess } from './process.ts';
import { type Stand, startStand } from './stand.ts';

const soon = { within: 30_000, every: 100 };

let stand: Stand;
let api: Stand['api'];
let database: Stand['database'];
let operator: OperatorProcess;

beforeAll(async () => {
  stand = await startStand();
  ({ api, database } = stand);
  await api.apply(`
apiVersion: v1
kind: Node
metadata:
  name: n1
  labels: { ovn.kubernetes.io/external-gw: "true" }
  annotations: { ovn.kubernetes.io/chassis: c1 }
---
apiVersion: kubeovn.io/v1
kind: Vlan
metadata: { name: v7 }
spec: { id: 7, provider: net }
---
apiVersion: kubeovn.io/v1
kind: Subnet
metadata: { name: external }
spec: { cidrBlock: 10.5.204.0/24, gateway: 10.5.204.254, vlan: v7, excludeIps: [10.5.204.1..10.5.204.100] }
---
apiVersion: kubeovn.io/v1
kind: OvnEip
metadata: { name: v2-external }
spec: { externalSubnet: external, type: lrp, v4Ip: 10.5.204.177 }
---
apiVersion: kubeovn.io/v1
kind: Vpc
metadata: { name: v1 }
spec: { enableExternal: true }
---
apiVersion: kubeovn.io/v1
kind: Vpc
metadata: { name: v2 }
spec: { extraExternalSubnets: [external] }
`);
  operator = await stand.startOperator('first');
}, 120_000);
afterAll(() => stand?.stop());

const field: Stand['field'] = (...of) => stand.field(...of);

const ports = async (): Promise<Record<string, unknown>> =>
  Object.fromEntries(
    (await database.dump('Logical_Router_Port'))
      .filter(({ name }) => String(name).endsWith('-external'))
      .map(({ name, networks }) => [String(name), networks]),
  );

const readyEips = (): Promise<boolean> =>
  eventually(async () => {
    const ready = await Promise.all(
      ['v1-external', 'v2-external'].map((name) => field('oeip', name, '{.status.ready}')),
    );
    return ready.every((text) => text === 'true');
  }, soon);

it('gives each its address, shown by an OvnEip that is ready', async () => {
  await readyEips();
  expect(await ports()).toEqual({ 'v1-external': '10.5.204.101/24', 'v2-external': '10.5.204.177/24' });
  expect(await field('oeip', 'v1-external', '{.spec.type} {.spec.v4Ip} {.status.v4Ip}')).toBe(
    'lrp 10.5.204.101 10.5.204.101',
  );
  const status = (name: string, path: string): Promise<boolean | string> =>
    eventually(async () => await field('vpc', name, path), soon);
  expect(await status('v1', '{.status.enableExternal}')).toBe('true');
  expect(await status('v2', '{.status.extraExternalSubnets[0]}')).toBe('external');
});

it('writes nothing when it is started anew', async () => {
  await operator.stop();
  operator = await stand.startOperator('second');
  await eventually(() => operator.leads(), soon);
  const uid = await field('oeip', 'v1-external', '{.metadata.uid}');
  await api.apply('{ apiVersion: kubeovn.io/v1, kind: Vpc, metadata: { name: v3 } }');
  // By then it has seen to all that was there before.
  await eventually(async () => (await field('vpc', 'v3', '{.status.standby}')) === 'true', soon);
  await readyEips();
  const writes = (await operator.writes()).filter(({ objectRef }) => objectRef?.resource === 'ovn-eips');
  expect([writes, await field('oeip', 'v1-external', '{.metadata.uid}')]).toEqual([[], uid]);
});

it('takes both back, and leaves what somebody made in advance', async () => {
  await api.kubectl('patch', 'vpc', 'v1', '--type=merge', '-p', '{"spec":{"enableExternal":false}}');
  await api.kubectl('patch', 'vpc', 'v2', '--type=merge', '-p', '{"spec":{"extraExternalSubnets":null}}');
  await eventually(async () => (await field('oeip', 'v1-external', '{.metadata.name}')) === '', soon);
  await eventually(async () => !(await api.kubectl('get', 'ips')).includes('vpc-external'), soon);
  expect(await ports()).toEqual({});
  expect(await database.dump('Gateway_Chassis')).toEqual([]);
  expect(await field('oeip', 'v2-external', '{.spec.v4Ip}')).toBe('10.5.204.177');
});

it('takes away what nobody wanted any more while nobody worked', async () => {
  await api.kubectl('patch', 'vpc', 'v1', '--type=merge', '-p', '{"spec":{"enableExternal":true}}');
  await eventually(async () => (await field('oeip', 'v1-external', '{.status.ready}')) === 'true', soon);
  await operator.stop();
  await api.kubectl('patch', 'vpc', 'v1', '--type=merge', '-p', '{"spec":{"enableExternal":false}}');
  operator = await stand.startOperator('third');
  await eventually(async () => (await field('oeip', 'v1-external', '{.metadata.name}')) === '', soon);
  expect(await field('oeip', 'v2-external', '{.metadata.name}')).toBe('v2-external');
});
