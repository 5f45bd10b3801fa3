/**
 * Multus itself (the thin plugin, from its Go module) as the runtime's plugin: it reads the pod's annotation, calls ours for
 * the default network, and then the plugin of each network that is asked for.
 */
import { copyFile, rm, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { goTools } from '../cluster/go.ts';
import { apiServer } from '../cluster/settings.ts';
import { everyAddress, exec, unreachable, type Pod } from '../cluster/traffic.ts';
import { waitFor } from '../cluster/wait.ts';
import { lbServices } from './lb-svc.suite.ts';
import { definition, networks, takeDefinitions } from './networks.ts';
import type { Net } from './networks.ts';
import { apply, cluster, custom, field, freshNamespace, nbctl, object, podManifest, readyPod } from './shared.ts';

const ns = 'e2e-multus';
const nodes = [1, 2];
const soon = { limitMs: 30_000, everyMs: 200 };

const network = (name: string, cidrBlock: string, given: Net['config']): Net => {
  const provider = given.type === 'kube-ovn' ? `${name}.${ns}.ovn` : `${name}.${ns}`;
  const source = given.type === 'kube-ovn' ? { provider } : { ipam: { type: 'kube-ovn', provider } };
  const config = { cniVersion: '0.3.1', name, ...given, ...source };
  return { name, provider, cidrBlock, ifname: '', config };
};
const red = network('red', '10.62.0.0/24,fd00:10:62::/112', { type: 'kube-ovn' });
const wire = network('wire', '198.51.100.0/24,2001:db8:51::/112', { type: 'macvlan', master: 'eth1' });

const role = {
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'ClusterRole',
  metadata: { name: 'multus' },
  rules: [
    { apiGroups: ['k8s.cni.cncf.io'], resources: ['*'], verbs: ['*'] },
    { apiGroups: [''], resources: ['pods', 'pods/status'], verbs: ['get', 'list', 'watch', 'update', 'patch'] },
    { apiGroups: ['', 'events.k8s.io'], resources: ['events'], verbs: ['create', 'patch', 'update'] },
  ],
};
const account = { kind: 'ServiceAccount', name: 'multus', namespace: ns };

async function kubeconfig(): Promise<string> {
  const token = await cluster().kubectl(['--namespace', ns, 'create', 'token', 'multus', '--duration=1h']);
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      { name: 'c', cluster: { server: apiServer(cluster().record.family), 'insecure-skip-tls-verify': true } },
    ],
    users: [{ name: 'u', user: { token: token.trim() } }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  });
}

const CONF = '/etc/cni/net.d/00-multus.conf';
const KUBECONFIG = '/etc/cni/net.d/multus.kubeconfig';
const conf = {
  cniVersion: '0.3.1',
  name: 'multus-cni-network',
  type: 'multus',
  capabilities: { portMappings: true },
  kubeconfig: KUBECONFIG,
  clusterNetwork: '/etc/cni/net.d/01-kube-ovn.conflist',
  logLevel: 'error',
  logToStderr: true,
};

async function install(n: number, program: string, credentials: string): Promise<void> {
  const path = (file: string): string => cluster().nodePath(n, file);
  await copyFile(`${program}/multus`, path('/opt/cni/bin/multus'));
  await writeFile(path(KUBECONFIG), credentials, { mode: 0o600 });
  await writeFile(path(CONF), JSON.stringify(conf));
}

/** What a network has given a pod, as Multus tells: interface to addresses. */
async function told(name: string): Promise<Record<string, readonly string[]>> {
  const text = await field('pod', name, '{.metadata.annotations.k8s\\.v1\\.cni\\.cncf\\.io/network-status}', ns);
  const status = text === '' ? [] : (JSON.parse(text) as { interface: string; ips: string[] }[]);
  return Object.fromEntries(status.map((one) => [one.interface, one.ips]));
}

const assigned = async (name: string, provider: string): Promise<string[]> =>
  (
    await field(
      'pod',
      name,
      `{.metadata.annotations.${provider.replaceAll('.', '\\.')}\\.kubernetes\\.io/ip_address}`,
      ns,
    )
  ).split(',');

/** Pods' ports in Open vSwitch, and files that Multus keeps of its attachments, on all nodes. */
async function onNodes(): Promise<string> {
  const script =
    'ovs-vsctl --bare --columns=name find interface external_ids:pod_namespace=$0; find /var/lib/cni/multus -type f 2>/dev/null || true';
  const found = await Promise.all(nodes.map((n) => cluster().inNode(n, ['sh', '-c', script, ns])));
  return found.map(({ stdout }) => stdout).join('');
}

let one: Pod;
let two: Pod;
beforeAll(async () => {
  const program = await goTools('multus');
  await takeDefinitions();
  await freshNamespace(ns);
  await apply(
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'multus', namespace: ns } },
    role,
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name: 'multus' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'multus' },
      subjects: [account],
    },
    ...[red, wire].map((net) => definition(ns, net)),
    ...[red, wire].map(({ name, provider, cidrBlock }) => custom('Subnet', `${ns}-${name}`, { provider, cidrBlock })),
  );
  const credentials = await kubeconfig();
  await Promise.all(nodes.map((n) => install(n, program, credentials)));
  await waitFor(async () => (await probe()) !== undefined, { what: 'a pod by Multus', limitMs: 60_000, everyMs: 500 });
  const asked = [
    { name: 'red', ips: ['10.62.0.77', 'fd00:10:62::77'], mac: '02:00:00:00:62:77' },
    { name: 'wire', mac: '02:00:00:00:51:77' },
  ];
  await apply(
    podManifest(ns, 'one', { node: 'n1', annotations: { [networks]: 'red, wire' } }),
    podManifest(ns, 'two', { node: 'n2', annotations: { [networks]: JSON.stringify(asked) } }),
  );
  [one, two] = await Promise.all([readyPod(ns, 'one'), readyPod(ns, 'two')]);
});

/** containerd takes a new configuration when it sees it: a pod on each node tells whether it has. */
async function probe(): Promise<true | undefined> {
  const names = nodes.map((n) => `probe-${n}`);
  await cluster().kubectl([
    '--namespace',
    ns,
    'delete',
    'pod',
    ...names,
    '--ignore-not-found',
    '--force',
    '--grace-period=0',
  ]);
  await apply(...nodes.map((n) => podManifest(ns, `probe-${n}`, { node: `n${n}` })));
  await Promise.all(names.map((name) => readyPod(ns, name)));
  const status = await Promise.all(names.map(told));
  return status.every((one) => 'eth0' in one) || undefined;
}

// Pods go by the plugin that made them; then the runtime's configuration is the product's again.
afterAll(async () => {
  await cluster().kubectl(['--namespace', ns, 'delete', 'pod', '--all', '--ignore-not-found', '--timeout=60s']);
  for (const n of nodes)
    for (const file of [CONF, KUBECONFIG, '/opt/cni/bin/multus'])
      await rm(cluster().nodePath(n, file), { force: true });
  await cluster().kubectl(['delete', 'clusterrole/multus', 'clusterrolebinding/multus', '--ignore-not-found']);
});

const inPod = (pod: Pod, ...argv: readonly string[]): Promise<string> => exec(cluster(), pod, argv);
const shown = async (pod: Pod, ifname: string): Promise<string[]> =>
  (await inPod(pod, 'ip', '-br', 'address', 'show', 'dev', ifname, 'scope', 'global')).trim().split(/\s+/).slice(2);

describe('Multus', () => {
  it.each([
    ['one', 'eth0', 'ovn.kubernetes.io'],
    ['one', 'net1', red.provider],
    ['one', 'net2', wire.provider],
    ['two', 'net1', red.provider],
    ['two', 'net2', wire.provider],
  ])('tells what %s has on %s, which is what the operator has assigned', async (name, ifname, provider) => {
    const addresses = await assigned(name, provider.replace('.kubernetes.io', ''));
    expect((await told(name))[ifname]).toEqual(addresses);
    const own = await shown(name === 'one' ? one : two, ifname);
    expect(own.map((address) => address.replace(/\/.*/, ''))).toEqual(addresses);
  });

  it('passes on the addresses and the MAC that are asked for', async () => {
    expect(await shown(two, 'net1')).toEqual(['10.62.0.77/24', 'fd00:10:62::77/112']);
    for (const [ifname, mac] of [
      ['net1', '02:00:00:00:62:77'],
      ['net2', '02:00:00:00:51:77'],
    ])
      expect((await inPod(two, 'cat', `/sys/class/net/${ifname}/address`)).trim()).toBe(mac);
    const path = `{.metadata.annotations.${wire.provider.replaceAll('.', '\\.')}\\.kubernetes\\.io/mac_address}`;
    expect(await field('pod', 'two', path, ns)).toBe('02:00:00:00:51:77');
  });

  it('has packets from node to node on all of them, and the default route by eth0', async () => {
    const there = await Promise.all([red, wire].map(({ provider }) => assigned('two', provider)));
    const all = [...everyAddress([two]), ...there.flat().map((ip) => ({ ...two, ip }))];
    expect(await unreachable(cluster(), one, all)).toEqual([]);
    expect(await inPod(one, 'ip', 'route', 'show', 'default')).toContain('dev eth0');
  });

  it('deletes all of a pod, and a pod of the same name gets them anew', async () => {
    const container = (await onNodes()).split('\n').filter((line) => line !== '').length;
    await cluster().kubectl(['--namespace', ns, 'delete', 'pod', 'one', '--timeout=60s']);
    for (const ip of [`one.${ns}`, `one.${ns}.${red.provider}`, `one.${ns}.${wire.provider}`])
      await waitFor(async () => (await object('ips.kubeovn.io', ip)) === undefined, { what: `${ip} to go`, ...soon });
    expect(await nbctl('--bare', '--columns=name', 'find', 'logical_switch_port', `external_ids:pod=${ns}/one`)).toBe(
      '',
    );
    expect((await onNodes()).split('\n').filter((line) => line !== '').length).toBeLessThan(container);
    await apply(podManifest(ns, 'one', { node: 'n1', annotations: { [networks]: 'red, wire' } }));
    one = await readyPod(ns, 'one');
    expect(Object.keys(await told('one')).toSorted()).toEqual(['eth0', 'net1', 'net2']);
    expect(await unreachable(cluster(), two, everyAddress([one]))).toEqual([]);
  });

  lbServices(ns);

  it('leaves nothing on the nodes when the pods are gone', async () => {
    await cluster().kubectl(['--namespace', ns, 'delete', 'pod', '--all', '--timeout=60s']);
    // The runtime takes sandboxes down after their pods have gone from the API.
    await waitFor(async () => (await onNodes()).trim() === '', { what: 'nothing', ...soon }).catch(() => undefined);
    expect((await onNodes()).trim()).toBe('');
  });
});
