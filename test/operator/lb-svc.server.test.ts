// Services that are reached from outside by a pod of their own, with the whole operator before a real API server: what is made
// of them, what is told, and what goes. Nobody runs the pods here; the test stands in for a controller manager and kubelets.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually } from '../eventually.ts';
import type { OperatorProcess } from './process.ts';
import { type Stand, startStand } from './stand.ts';

const soon = { within: 60_000, every: 200 };
const flags = ['--enable-lb-svc=true'];

let stand: Stand;
let operator: OperatorProcess;

const service = (name: string, annotations: object, spec = ''): string => `
apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: default, annotations: ${JSON.stringify(annotations)} }
spec: { type: LoadBalancer, selector: { app: ${name} }, ports: [{ port: 80, targetPort: 8080 }], ${spec} }
`;
const street = { 'ovn.kubernetes.io/attachmentprovider': 'street.default' };

/** As the controller manager and the scheduler would make it of the Deployment. */
const pod = (name: string, service: string): string => `
apiVersion: v1
kind: Pod
metadata:
  name: ${name}
  namespace: default
  annotations: { kubeloom.io/forwards-for: ${service}, k8s.v1.cni.cncf.io/networks: default/street }
spec: { nodeName: n1, containers: [{ name: c, image: none }] }
`;

beforeAll(async () => {
  stand = await startStand();
  await stand.api.apply(`
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: network-attachment-definitions.k8s.cni.cncf.io }
spec:
  group: k8s.cni.cncf.io
  scope: Namespaced
  names: { kind: NetworkAttachmentDefinition, plural: network-attachment-definitions }
  versions:
    - name: v1
      served: true
      storage: true
      schema: { openAPIV3Schema: { type: object, properties: { spec: { type: object, properties: { config: { type: string } } } } } }
`);
  await stand.api.kubectl(
    'wait',
    '--for=condition=Established',
    'crd',
    'network-attachment-definitions.k8s.cni.cncf.io',
  );
  await stand.api.apply(`
{ apiVersion: k8s.cni.cncf.io/v1, kind: NetworkAttachmentDefinition, metadata: { name: street, namespace: default }, spec: { config: '{"type":"macvlan"}' } }
---
{ apiVersion: kubeovn.io/v1, kind: Subnet, metadata: { name: street }, spec: { provider: street.default, cidrBlock: 192.0.2.0/24 } }
---
{ apiVersion: v1, kind: ConfigMap, metadata: { name: ovn-vpc-nat-config, namespace: kube-system }, data: { image: example.org/nat } }
---
{ apiVersion: v1, kind: Node, metadata: { name: n1 } }
---${service('web', street)}---${service('stays', street)}---${service('wrong', { 'ovn.kubernetes.io/attachmentprovider': 'nowhere.default' })}`);
  operator = await stand.startOperator('first', flags);
  await eventually(() => operator.leads(), { within: 120_000, every: 200 });
}, 240_000);
afterAll(() => stand?.stop());

const field = (kind: string, name: string, path: string): Promise<string> => stand.field(kind, name, path);
const ingress = (): Promise<string> => field('service', 'web', '{.status.loadBalancer.ingress[*].ip}');
const ready = (name: string, count: number): Promise<string> =>
  stand.api.kubectl(
    'patch',
    'deployment',
    name,
    '--subresource=status',
    '--type=merge',
    `--patch={"status":{"replicas":1,"readyReplicas":${count},"availableReplicas":${count}}}`,
  );

it('has a Deployment, as Kube-OVN calls it', async () => {
  const shown =
    '{.spec.template.spec.containers[0].image} {.spec.template.metadata.labels.service} {.spec.strategy.type}';
  await eventually(
    async () => (await field('deployment', 'lb-svc-web', shown)) === 'example.org/nat web Recreate',
    soon,
  );
  const annotation = '{.spec.template.metadata.annotations.k8s\\.v1\\.cni\\.cncf\\.io/networks}';
  expect(await field('deployment', 'lb-svc-web', annotation)).toBe('default/street');
});

it('says what is wrong in an event', async () => {
  const about = ['get', 'events', '--field-selector=involvedObject.name=wrong', '--output=jsonpath={.items[*].reason}'];
  await eventually(async () => (await stand.api.kubectl(...(about as [string]))).includes('GetNADFailed'), soon);
  expect(await field('deployment', 'lb-svc-wrong', '{.metadata.name}')).toBe('');
});

it('is told of the address outside once its pod is ready', async () => {
  await stand.api.apply(pod('lb-svc-web-x', 'web'));
  await eventually(
    async () => (await field('ip', 'lb-svc-web-x.default.street.default', '{.spec.v4IpAddress}')) !== '',
    soon,
  );
  const given = await field('ip', 'lb-svc-web-x.default.street.default', '{.spec.v4IpAddress}');
  expect(await ingress()).toBe('');
  await ready('lb-svc-web', 1);
  await eventually(async () => (await ingress()) === given, soon);
  const subnet = '{.metadata.annotations.ovn\\.kubernetes\\.io/service_external_ip_from_subnet}';
  await eventually(async () => (await field('service', 'web', subnet)) === 'street', soon);
});

it('has its Deployment put right when somebody changes or deletes it', async () => {
  const image = '{.spec.template.spec.containers[0].image}';
  await stand.api.kubectl('set', 'image', 'deployment/lb-svc-web', 'lb-svc=example.org/other');
  await eventually(async () => (await field('deployment', 'lb-svc-web', image)) === 'example.org/nat', soon);
  await stand.api.kubectl('delete', 'deployment', 'lb-svc-web');
  await eventually(async () => (await field('deployment', 'lb-svc-web', image)) === 'example.org/nat', soon);
  expect(await ready('lb-svc-web', 1)).toContain('patched');
});

it('makes one write nothing that is started anew', async () => {
  await operator.stop();
  operator = await stand.startOperator('second', flags);
  await eventually(() => operator.leads(), soon);
  await stand.api.apply('{ apiVersion: kubeovn.io/v1, kind: Vpc, metadata: { name: later } }');
  await eventually(async () => (await field('vpc', 'later', '{.status.standby}')) === 'true', soon);
  const about = ['services', 'deployments'];
  expect((await operator.writes()).filter(({ objectRef }) => about.includes(objectRef?.resource ?? ''))).toEqual([]);
});

it('is told of no address when it names no network any more, while nobody looked, and its Deployment goes', async () => {
  await operator.stop();
  await stand.api.kubectl('annotate', 'service', 'web', 'ovn.kubernetes.io/attachmentprovider-');
  await stand.api.kubectl('delete', 'service', 'stays');
  expect(await ingress()).not.toBe('');
  operator = await stand.startOperator('third', flags);
  await eventually(async () => (await ingress()) === '', soon);
  for (const name of ['lb-svc-web', 'lb-svc-stays'])
    await eventually(async () => (await field('deployment', name, '{.metadata.name}')) === '', soon);
  const subnet = '{.metadata.annotations.ovn\\.kubernetes\\.io/service_external_ip_from_subnet}';
  await eventually(async () => (await field('service', 'web', subnet)) === '', soon);
  expect(await field('service', 'web', '{.metadata.annotations.ovn\\.kubernetes\\.io/vpc}')).toBe('ovn-cluster');
});

it('leaves the address of another balancer alone', async () => {
  const patch = '--patch={"status":{"loadBalancer":{"ingress":[{"ip":"192.0.2.77"}]}}}';
  await stand.api.kubectl('patch', 'service', 'web', '--subresource=status', '--type=merge', patch);
  const subnet = '{.metadata.annotations.ovn\\.kubernetes\\.io/service_external_ip_from_subnet}';
  await eventually(async () => (await field('service', 'web', subnet)) === 'street', soon);
  expect(await ingress()).toBe('192.0.2.77');
});
