// OvnEips with the whole operator before a real API server and a real northbound database: their addresses are allocated,
// kept over a restart and while a rule uses them, and free when they are gone.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually } from '../eventually.ts';
import type { OperatorProcess } from './process.ts';
import { type Stand, startStand } from './stand.ts';

const soon = { within: 30_000, every: 100 };

let stand: Stand;
let api: Stand['api'];
let database: Stand['database'];
let operator: OperatorProcess;

const eip = (name: string, spec: object): Promise<void> =>
  api.apply(JSON.stringify({ apiVersion: 'kubeovn.io/v1', kind: 'OvnEip', metadata: { name }, spec }));

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
kind: Subnet
metadata: { name: external }
spec: { cidrBlock: "10.6.0.0/24,fd00:6::/112" }
---
apiVersion: kubeovn.io/v1
kind: Vpc
metadata: { name: v1 }
spec: { enableExternal: true }
`);
  operator = await stand.startOperator('first');
}, 120_000);
afterAll(() => stand?.stop());

const field: Stand['field'] = (...of) => stand.field(...of);

const status = '{.status.type} {.status.v4Ip} {.status.v6Ip} {.status.ready}';
const shown = (name: string, text: string): Promise<boolean> =>
  eventually(async () => (await field('oeip', name, status)) === text, soon);

it('gives each its address, and writes what the spec leaves open', async () => {
  await eip('chosen', { v4Ip: '10.6.0.80', v6Ip: 'fd00:6::80' });
  await shown('chosen', 'nat 10.6.0.80 fd00:6::80 true');
  await eip('node', { type: 'lsp', externalSubnet: 'external' });
  await eventually(async () => (await field('oeip', 'node', '{.status.ready}')) === 'true', soon);
  const address = await field('oeip', 'node', '{.status.v4Ip}');
  expect(address).toMatch(/^10\.6\.0\.\d+$/);
  await eventually(async () => (await field('oeip', 'node', '{.spec.v4Ip}')) === address, soon);
  expect(await field('oeip', 'chosen', '{.metadata.finalizers[*]}')).toBe('kubeovn.io/kube-ovn-controller');
  const labels = JSON.parse(await field('oeip', 'chosen', '{.metadata.labels}')) as object;
  expect(labels).toEqual({ 'ovn.kubernetes.io/subnet': 'external', 'ovn.kubernetes.io/ovn_eip_type': 'nat' });
  const ports = (await database.dump('Logical_Switch_Port')).filter(({ name }) => name === 'node');
  expect(ports.map(({ addresses }) => addresses)).toEqual([expect.stringContaining(`${address} fd00:6::`)]);
});

it('says why one has none', async () => {
  await eip('second', { v4Ip: '10.6.0.80' });
  const told = async (): Promise<string> =>
    await field('oeip', 'second', '{.status.conditions[?(@.type=="Ready")].reason}');
  await eventually(async () => (await told()) === 'AcquireAddressFailed', soon);
  const conflict = async (): Promise<boolean> => {
    const events = await api.kubectl('get', 'events', '--field-selector=involvedObject.name=second');
    return events.includes('AddressConflict');
  };
  expect(await eventually(conflict, soon)).toBe(true);
});

it('keeps one that a rule uses, over a restart and while it is deleted', async () => {
  await api.apply(`
apiVersion: kubeovn.io/v1
kind: RouterLBRule
metadata: { name: web }
spec: { vpc: v1, ovnEip: chosen, ports: [{ port: 80, targetPort: 8080 }], endpoints: [10.20.0.2] }
`);
  await eventually(async () => (await field('rlr', 'web', '{.status.service}')) === 'default/rlr-web', soon);
  expect(await api.kubectl('get', 'service', 'rlr-web', '--output=jsonpath={.metadata.annotations}')).toContain(
    '"ovn.kubernetes.io/router_lb_vip":"10.6.0.80,fd00:6::80"',
  );
  await operator.stop();
  operator = await stand.startOperator('second');
  await eventually(() => operator.leads(), soon);
  await api.kubectl('delete', 'oeip', 'chosen', '--wait=false');
  await eip('after', {});
  // By then it has seen the deletion.
  await eventually(async () => (await field('oeip', 'after', '{.status.ready}')) === 'true', soon);
  await shown('chosen', 'nat 10.6.0.80 fd00:6::80 true');
  expect(await field('ip', 'ovn-eip-chosen', '{.spec.v4IpAddress}')).toBe('10.6.0.80');
});

it('lets it go with the rule, and gives the address to who waits for it', async () => {
  await api.kubectl('delete', 'rlr', 'web');
  await eventually(async () => (await field('oeip', 'chosen', '{.metadata.name}')) === '', soon);
  await eventually(async () => (await field('service', 'rlr-web', '{.metadata.name}')) === '', soon);
  const passed = async (): Promise<boolean> => (await field('oeip', 'second', '{.status.v4Ip}')) === '10.6.0.80';
  expect(await eventually(passed, soon)).toBe(true);
});

it('takes back everything with the object', async () => {
  await api.kubectl('delete', 'oeip', 'node', 'after', 'second');
  await eventually(async () => !(await api.kubectl('get', 'ips')).includes('ovn-eip-'), soon);
  const ports = await database.dump('Logical_Switch_Port');
  expect(ports.filter(({ name }) => name === 'node')).toEqual([]);
});
