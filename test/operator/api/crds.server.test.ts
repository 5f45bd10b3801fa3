// The CRDs on a real API server: accepted, established, and keeping what Kube-OVN's users write; and the defaulting of
// a subnet, which must come to rest with real field ownership.
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Json, JsonObject, ObjectFact } from '../../../operator/api/fact.ts';
import { objectOf, textOf } from '../../../operator/api/json.ts';
import { defaultsManager } from '../../../operator/api/managers.ts';
import { subnetRow } from '../../../operator/api/project.ts';
import { kubeOvn, policyModuleRef, subnetRef, vpcRef } from '../../../operator/api/refs.ts';
import { checkedSubnet } from '../../../operator/api/subnet-check.ts';
import { Applier } from '../../../operator/kube/applier.ts';
import type { Observation } from '../../../operator/kube/applier.ts';
import { KubeClient } from '../../../operator/kube/client.ts';
import { systemClock } from '../../../operator/kube/clock.ts';
import { resources } from '../../../operator/kube/resources.ts';
import { eventually } from '../../eventually.ts';
import { startApiServer } from '../../kube-apiserver.ts';
import type { ApiServer } from '../../kube-apiserver.ts';
import { defaults, factsOf, start } from '../../worlds/process.ts';
import { memoryLog } from '../kube/fake.ts';

const names = ['subnet', 'vpc', 'ip', 'policymodule'];
let api: ApiServer;
let client: KubeClient;

beforeAll(async () => {
  api = await startApiServer();
  const texts = await Promise.all(
    names.map((name) => readFile(new URL(`../../../crds/${name}.yaml`, import.meta.url), 'utf8')),
  );
  await api.apply(texts.join('\n---\n'));
  client = new KubeClient({ kubeConfig: api.kubeConfig(), clock: systemClock, userAgent: 'crds-test' });
});
afterAll(async () => {
  client.close();
  await api.stop();
});

const make = (kind: 'Subnet' | 'Vpc' | 'IP', name: string, content: JsonObject): Promise<unknown> =>
  client.create(resources[kind], { apiVersion: kubeOvn, kind, metadata: { name }, ...content });

describe('the API server', () => {
  it.each(['subnets', 'vpcs', 'ips'])('establishes %s with a structural schema', async (plural) => {
    const ref = {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      namespace: '',
      name: `${plural}.kubeovn.io`,
    };
    const state = await eventually(async () => {
      const conditions = objectOf(objectOf(await client.get(ref))['status'])['conditions'] as readonly JsonObject[];
      const found = Object.fromEntries(conditions.map(({ type, status }) => [textOf(type), textOf(status)]));
      return found['Established'] === 'True' && found;
    });
    expect(state).toMatchObject({ Established: 'True', NamesAccepted: 'True' });
    expect(state['NonStructuralSchema'] ?? 'False').toBe('False');
  });

  it('keeps every field of a subnet', async () => {
    const spec: JsonObject = {
      cidrBlock: '10.9.0.0/16',
      excludeIps: ['10.9.0.1..10.9.0.9'],
      namespaceSelectors: [
        { matchLabels: { a: 'b' }, matchExpressions: [{ key: 'c', operator: 'In', values: ['d'] }] },
      ],
      acls: [{ action: 'drop', direction: 'to-lport', match: 'ip', priority: 5 }],
      natOutgoingPolicyRules: [{ action: 'nat', match: { srcIPs: '10.9.0.2', dstIPs: '8.8.8.8' } }],
      u2oFeatures: { overlayOnlyRouting: false },
      mtu: 1300,
    };
    await make('Subnet', 'whole', { spec });
    expect(objectOf(await client.get(subnetRef('whole')))['spec']).toEqual(spec);
  });

  it('refuses nothing that is only wrong in meaning', async () => {
    await expect(
      make('Subnet', 'wrong', { spec: { cidrBlock: 'nonsense', gatewayType: 'none' } }),
    ).resolves.toBeDefined();
    await expect(
      make('Vpc', 'wrong', { spec: { staticRoutes: [{ cidr: 'x' }], policyRoutes: [{ priority: 99999 }] } }),
    ).resolves.toBeDefined();
  });

  it('takes a PolicyModule with its defaults, and refuses what is out of bounds', async () => {
    const module = { configMap: { name: 'm' }, digest: `sha256:${'0'.repeat(64)}` };
    const settings = { any: [{ thing: 1 }], at: 'all' };
    const { apiVersion, kind } = policyModuleRef('');
    const make = (name: string, spec: JsonObject): Promise<unknown> =>
      client.create(resources.PolicyModule, { apiVersion, kind, metadata: { name }, spec });
    await make('good', { module, hook: 'acl', settings });
    expect(objectOf(await client.get(policyModuleRef('good')))['spec']).toEqual({
      module: { configMap: { namespace: 'kube-system', name: 'm', key: 'module.wasm' }, digest: module.digest },
      hook: 'acl',
      settings,
      failurePolicy: 'Fail',
      mode: 'enforce',
      deadlineMilliseconds: 1000,
      memoryLimit: '16Mi',
    });
    await expect(make('a', { module, hook: 'cni' })).rejects.toThrow(/hook/);
    await expect(make('b', { module: { ...module, digest: 'sha256:1' }, hook: 'acl' })).rejects.toThrow(/digest/);
    await expect(make('c', { module, hook: 'acl', deadlineMilliseconds: 10_001 })).rejects.toThrow(/deadline/);
    await expect(make('d', { module, hook: 'acl', memoryLimit: '1Gi' })).rejects.toThrow(/memoryLimit/);
    await expect(make('e', { hook: 'acl' })).rejects.toThrow(/module/);
  });

  it('refuses a field of the wrong type', async () => {
    await expect(make('Subnet', 'typed', { spec: { private: 'yes' } })).rejects.toThrow(/private/);
  });

  it('counts beyond 64 bits in a status', async () => {
    await make('Subnet', 'big', { spec: { cidrBlock: 'fd00::/64' } });
    const status: Json = { v6availableIPs: 18446744073709551613n };
    const body = { apiVersion: kubeOvn, kind: 'Subnet', metadata: { name: 'big' }, status };
    await client.patch(subnetRef('big'), { type: 'apply', body, manager: 'test' }, 'status');
    const read = objectOf(objectOf(await client.get(subnetRef('big')))['status'])['v6availableIPs'];
    expect(Number(read)).toBeCloseTo(2 ** 64, -4);
  });
});

describe('defaulting', () => {
  /** Applies the defaults as long as there is something to apply; answers how often. */
  async function rest(name: string): Promise<number> {
    for (let rounds = 0; rounds < 5; rounds++) {
      const object = await client.get(subnetRef(name));
      const checked = checkedSubnet(subnetRow(object), defaults);
      const body = { apiVersion: kubeOvn, kind: 'Subnet', metadata: { name }, spec: checked.defaults };
      const before = objectOf(object)['spec'];
      if (Object.keys(checked.defaults).length === 0) return rounds;
      await client.patch(subnetRef(name), { type: 'apply', body, manager: defaultsManager });
      if (JSON.stringify(before) === JSON.stringify(objectOf(await client.get(subnetRef(name)))['spec'])) return rounds;
    }
    return 5;
  }
  const spec = async (name: string): Promise<JsonObject> =>
    objectOf(objectOf(await client.get(subnetRef(name)))['spec']);

  it('comes to rest after one write, and again after the user changes what it filled in', async () => {
    await make('Subnet', 'filled', { spec: { cidrBlock: '10.8.1.1/16', excludeIps: ['10.8.0.5'] } });
    expect(await rest('filled')).toBe(1);
    expect(await spec('filled')).toMatchObject({
      cidrBlock: '10.8.0.0/16',
      gateway: '10.8.0.1',
      excludeIps: ['10.8.0.1', '10.8.0.5'],
      protocol: 'IPv4',
      vpc: 'ovn-cluster',
    });
    const patch: JsonObject = {
      apiVersion: kubeOvn,
      kind: 'Subnet',
      metadata: { name: 'filled' },
      spec: { gatewayType: 'centralized', gateway: '10.8.0.9' },
    };
    await client.patch(subnetRef('filled'), { type: 'apply', body: patch, manager: 'user' });
    expect(await rest('filled')).toBe(1);
    expect(await spec('filled')).toMatchObject({
      gatewayType: 'centralized',
      gateway: '10.8.0.9',
      excludeIps: ['10.8.0.1', '10.8.0.5', '10.8.0.9'],
      protocol: 'IPv4',
    });
  });
});

describe('default objects', () => {
  it('are made when absent, left alone when they exist, and not withdrawn', async () => {
    const process = start();
    const seen = new Map<string, Observation>();
    const log = memoryLog();
    const applier = new Applier({
      client,
      clock: systemClock,
      log,
      mayWrite: () => true,
      applied: () => true,
      observed: ({ name }) => seen.get(name) ?? 'absent',
    });
    await make('Subnet', 'join', { spec: { cidrBlock: '192.168.0.0/16' } });
    applier.start();
    applier.replace('Cluster/cluster', factsOf(process, 'objects') as ObjectFact[]);
    await eventually(() => applier.size === 0);
    for (const name of ['ovn-default', 'join']) seen.set(name, objectOf(await client.get(subnetRef(name))));
    applier.replace('Cluster/cluster', []);
    await eventually(() => applier.size === 0);
    await applier.stop();
    const specs = await Promise.all(
      ['ovn-default', 'join'].map(async (name) => objectOf(await client.get(subnetRef(name)))['spec']),
    );
    expect(specs).toMatchObject([{ cidrBlock: '10.16.0.0/16', natOutgoing: true }, { cidrBlock: '192.168.0.0/16' }]);
    expect(specs[1]).not.toHaveProperty('gatewayType');
    expect(objectOf(await client.get(vpcRef('ovn-cluster')))['kind']).toBe('Vpc');
  });
});
