// Services and SwitchLBRules with the whole operator before a real API server and a real northbound database: what is made
// of them in both, what an edit changes, what a process that was away finds, and what goes.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually } from '../eventually.ts';
import type { OperatorProcess } from './process.ts';
import { type Stand, startStand } from './stand.ts';

const soon = { within: 30_000, every: 100 };

let stand: Stand;
let api: Stand['api'];
let database: Stand['database'];
let operator: OperatorProcess;

/** As the controller manager would make them; there is none here. */
const slice = (service: string, addresses: readonly string[]): string => `
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: ${service}-x, namespace: default, labels: { kubernetes.io/service-name: ${service} } }
addressType: IPv4
ports: [{ name: "", port: 8080, protocol: TCP }]
endpoints: [${addresses.map((address) => `{ addresses: [${address}] }`).join(', ')}]
`;

const rule = (vip: string, port: number): string => `
apiVersion: kubeovn.io/v1
kind: SwitchLBRule
metadata: { name: till }
spec: { vip: ${vip}, selector: ["app: till"], ports: [{ port: ${port}, targetPort: 8080, protocol: TCP }] }
`;

beforeAll(async () => {
  stand = await startStand();
  ({ api, database } = stand);
  await api.apply(`
apiVersion: v1
kind: Service
metadata: { name: web, namespace: default }
spec: { selector: { app: web }, ports: [{ port: 80, targetPort: 8080 }] }
---${slice('web', ['10.16.0.2', '10.16.0.3'])}---${rule('10.16.0.80', 80)}`);
  operator = await stand.startOperator('first');
}, 120_000);
afterAll(() => stand?.stop());

const field = async (kind: string, name: string, path: string): Promise<string> =>
  await api.kubectl('get', kind, name, '--ignore-not-found', `--output=jsonpath=${path}`);

/** Addresses of the load balancer of that name. */
const vips = async (name: string): Promise<unknown> =>
  (await database.dump('Load_Balancer')).find((row) => row['name'] === name)?.['vips'];

const shared = 'cluster-tcp-loadbalancer';
const annotation = (key: string): string => `{.metadata.annotations.ovn\\.kubernetes\\.io/${key}}`;

it('a Service has a row of its own, and says in which VPC', async () => {
  const vip = `${await field('service', 'web', '{.spec.clusterIP}')}:80`;
  await eventually(async () => (await vips('default/web/tcp')) !== undefined, soon);
  expect(await vips('default/web/tcp')).toEqual({ [vip]: '10.16.0.2:8080,10.16.0.3:8080' });
  await eventually(async () => (await field('service', 'web', annotation('vpc'))) === 'ovn-cluster', soon);
  const [group] = await database.dump('Load_Balancer_Group');
  expect(group?.['name']).toBe('kubeloom.ovn-cluster');
  const on = (await database.dump('Logical_Switch')).map((row) => [row['name'], row['load_balancer_group']]);
  expect(on.find(([name]) => name === 'ovn-default')?.[1]).toBe(group?.['_uuid']);
  expect(on.find(([name]) => name === 'join')?.[1]).toEqual([]);
});

it('one backend that changes is one key of one row', async () => {
  await api.apply(slice('web', ['10.16.0.2', '10.16.0.4']));
  const changed = async (): Promise<boolean> => JSON.stringify(await vips('default/web/tcp')).includes('10.16.0.4');
  await eventually(changed, soon);
  expect(Object.values((await vips('default/web/tcp')) as object)).toEqual(['10.16.0.2:8080,10.16.0.4:8080']);
});

it('a rule has a Service, whose backends stand in the row of the VPC', async () => {
  await eventually(async () => (await field('slr', 'till', '{.status.service}')) === 'default/slr-till', soon);
  expect(await field('slr', 'till', '{.status.ports}')).toBe('80/TCP');
  await eventually(async () => (await field('service', 'slr-till', '{.spec.clusterIP}')) === 'None', soon);
  const shown = '{.spec.selector.app} {.spec.ports[0].port} {.spec.ports[0].targetPort} {.spec.sessionAffinity}';
  expect(await field('service', 'slr-till', shown)).toBe('till 80 8080 None');
  await api.apply(slice('slr-till', ['10.16.0.7']));
  await eventually(async () => JSON.stringify(await vips(shared)) === '{"10.16.0.80:80":"10.16.0.7:8080"}', soon);
  expect(await field('service', 'slr-till', annotation('switch_lb_vip'))).toBe('10.16.0.80');
});

it('an edit of the rule moves what is behind it', async () => {
  await api.apply(rule('10.16.0.81', 81));
  await eventually(async () => JSON.stringify(await vips(shared)) === '{"10.16.0.81:81":"10.16.0.7:8080"}', soon);
  expect(await field('service', 'slr-till', '{.spec.ports[*].port}')).toBe('81');
  // A status is written once a second at most.
  expect(await eventually(async () => (await field('slr', 'till', '{.status.ports}')) === '81/TCP', soon)).toBe(true);
});

it('one that cannot be followed says why, and takes nothing from another', async () => {
  await api.apply('{ apiVersion: kubeovn.io/v1, kind: SwitchLBRule, metadata: { name: bad }, spec: { vip: x } }');
  const told =
    '{.status.conditions[?(@.type=="Validated")].status} {.status.conditions[?(@.type=="Validated")].reason}';
  await eventually(async () => (await field('slr', 'bad', told)) === 'False LoadBalancerRuleInvalid', soon);
  expect(await field('service', 'slr-bad', '{.metadata.name}')).toBe('');
  expect(await vips(shared)).toEqual({ '10.16.0.81:81': '10.16.0.7:8080' });
});

it('writes nothing when it is started anew', async () => {
  await operator.stop();
  operator = await stand.startOperator('second');
  await eventually(() => operator.leads(), soon);
  await api.apply('{ apiVersion: kubeovn.io/v1, kind: Vpc, metadata: { name: later } }');
  // By then it has seen to all that was there before.
  await eventually(async () => (await field('vpc', 'later', '{.status.standby}')) === 'true', soon);
  const about = ['services', 'endpoints', 'switch-lb-rules'];
  expect((await operator.writes()).filter(({ objectRef }) => about.includes(objectRef?.resource ?? ''))).toEqual([]);
});

it('one that is made wrong says so, stays in force as it was, also over a restart, and goes with its rule', async () => {
  await api.apply(rule('nowhere', 81));
  const reason = '{.status.conditions[?(@.type=="Validated")].reason}';
  await eventually(async () => (await field('slr', 'till', reason)) === 'LoadBalancerRuleInvalid', soon);
  const inForce = { '10.16.0.81:81': '10.16.0.7:8080' };
  expect(await vips(shared)).toEqual(inForce);
  const { uid } = JSON.parse(await field('service', 'slr-till', '{.metadata}')) as { uid: string };
  await operator.stop();
  operator = await stand.startOperator('wrong');
  await eventually(() => operator.leads(), soon);
  await api.apply('{ apiVersion: kubeovn.io/v1, kind: Vpc, metadata: { name: latest } }');
  await eventually(async () => (await field('vpc', 'latest', '{.status.standby}')) === 'true', soon);
  expect(await field('service', 'slr-till', '{.metadata.uid}')).toBe(uid);
  expect(await vips(shared)).toEqual(inForce);
  await api.kubectl('delete', 'slr', 'till');
  await eventually(async () => (await field('service', 'slr-till', '{.metadata.name}')) === '', soon);
  await eventually(async () => JSON.stringify(await vips(shared)) === '{}', soon);
  await api.apply(rule('10.16.0.81', 81));
  await eventually(async () => JSON.stringify(await vips(shared)) === JSON.stringify(inForce), soon);
});

it('takes away what nobody wanted any more while nobody worked', async () => {
  await operator.stop();
  await api.kubectl('delete', 'slr', 'till', 'bad');
  await api.kubectl('delete', 'service', 'web');
  operator = await stand.startOperator('third');
  await eventually(async () => (await field('service', 'slr-till', '{.metadata.name}')) === '', soon);
  await eventually(async () => (await vips('default/web/tcp')) === undefined, soon);
  await eventually(async () => JSON.stringify(await vips(shared)) === '{}', soon);
  expect((await database.dump('Load_Balancer')).map((row) => row['name'])).not.toContain('default/web/tcp');
});
