// Every overlay against a real API server: it builds, it is accepted, and the accounts may do what they must and no more.
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { repoRoot } from '../cluster/cache.ts';
import { startApiServer } from '../kube-apiserver.ts';
import type { ApiServer } from '../kube-apiserver.ts';

let server: ApiServer;
beforeAll(async () => {
  server = await startApiServer({ args: ['--allow-privileged=true'] });
});
afterAll(() => server.stop());

const folders = [
  '.',
  'config/overlays/demo',
  'config/overlays/demo-ha',
  'config/overlays/ovn-ha',
  'config/overlays/webhook',
];

interface Built {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly data?: Record<string, string>;
  readonly spec?: { readonly replicas?: number; readonly template?: unknown };
}

async function build(folder: string): Promise<Built[]> {
  const text = await server.kubectl('kustomize', join(repoRoot, folder));
  return parseAllDocuments(text).map((document) => document.toJS() as Built);
}

it.each(folders)('%s builds and is accepted', async (folder) => {
  const apply = (): Promise<string> =>
    server.kubectl('apply', '--server-side', '--force-conflicts', '-k', join(repoRoot, folder));
  const said = await apply();
  expect(said.split('\n').filter((line) => line !== '').length).toBe((await build(folder)).length);
  // There are no pods here, and the API server would wait for one with every object.
  await server.kubectl('delete', 'validatingwebhookconfiguration', 'kube-ovn-webhook', '--ignore-not-found');
});

it('the demo differs from the base in its datapath, its tunnel interface, the pull policy and what is switched on', async () => {
  const before = JSON.stringify(await build('.')).replaceAll('IfNotPresent', 'Never');
  const after = JSON.stringify(await build('config/overlays/demo'));
  expect(after).toBe(
    before
      .replace('"datapath-type":"system"', '"datapath-type":"netdev"')
      .replace('"iface":""', '"iface":"eth2"')
      .replace('"enable-lb-svc":"false"', '"enable-lb-svc":"true"')
      .replace('"enable-anp":"false"', '"enable-anp":"true"')
      .replace('"enable-dns-name-resolver":"false"', '"enable-dns-name-resolver":"true"'),
  );
  expect(after).not.toContain('IfNotPresent');
});

it('three database members speak TLS and know each other', async () => {
  const built = await build('config/overlays/demo-ha');
  const find = (kind: string, name: string): Built => {
    const found = built.find((object) => object.kind === kind && object.metadata.name.startsWith(name));
    if (found === undefined) throw new Error(`no ${kind} ${name}`);
    return found;
  };
  expect(find('ConfigMap', 'kube-ovn-config').data).toMatchObject({ 'enable-ssl': 'true', 'datapath-type': 'netdev' });
  const members = find('ConfigMap', 'ovn-central-members');
  expect(members.data).toEqual({ NODE_IPS: '172.29.0.11,172.29.0.12,172.29.0.13' });
  const central = find('Deployment', 'ovn-central');
  expect(central.spec?.replicas).toBe(3);
  expect(JSON.stringify(central)).toContain(`"name":"${members.metadata.name}"`);
  for (const pods of [central, find('DaemonSet', 'ovs-ovn')]) {
    const text = JSON.stringify(pods.spec?.template);
    expect(text).toContain('"secretName":"kube-ovn-tls"');
    expect(text).not.toContain('cakey');
  }
  expect(JSON.stringify(find('Deployment', 'kube-ovn-controller'))).not.toContain('kube-ovn-tls');
});

const operator = 'system:serviceaccount:kube-system:ovn';
const agent = 'system:serviceaccount:kube-system:kube-ovn-cni';
const webhook = 'system:serviceaccount:kube-system:kube-ovn-webhook';
const switches = 'system:serviceaccount:kube-system:ovn-ovs';

it.each([
  [operator, 'yes', 'patch pods -n default'],
  [operator, 'yes', 'create ips.kubeovn.io'],
  [operator, 'yes', 'patch subnets.kubeovn.io/ovn-default --subresource=status'],
  [operator, 'yes', 'watch security-groups.kubeovn.io'],
  [operator, 'yes', 'patch security-groups.kubeovn.io/web --subresource=status'],
  [operator, 'yes', 'update leases.coordination.k8s.io/kube-ovn-controller -n kube-system'],
  [operator, 'yes', 'get secrets/kube-ovn-tls -n kube-system'],
  [operator, 'no', 'get secrets/other -n kube-system'],
  [operator, 'no', 'list secrets -n kube-system'],
  [operator, 'no', 'get secrets/kube-ovn-tls -n default'],
  [operator, 'no', 'delete pods -n default'],
  [operator, 'no', 'create pods -n default'],
  [operator, 'no', 'delete nodes'],
  [operator, 'no', 'update leases.coordination.k8s.io/other -n kube-system'],
  [agent, 'yes', 'get leases.coordination.k8s.io/kube-ovn-controller -n kube-system'],
  [agent, 'yes', 'watch configmaps/kube-ovn-ca -n kube-system'],
  [agent, 'no', 'get configmaps/kube-ovn-config -n kube-system'],
  [agent, 'no', 'get secrets/kube-ovn-tls -n kube-system'],
  [agent, 'no', 'get pods -n default'],
  [agent, 'no', 'patch nodes/n1'],
  [webhook, 'yes', 'watch ips.kubeovn.io'],
  [webhook, 'yes', 'patch validatingwebhookconfigurations/kube-ovn-webhook'],
  [webhook, 'yes', 'patch secrets/kube-ovn-webhook-tls -n kube-system'],
  [webhook, 'no', 'patch validatingwebhookconfigurations/other'],
  [webhook, 'no', 'create secrets -n kube-system'],
  [webhook, 'no', 'get secrets/kube-ovn-tls -n kube-system'],
  [webhook, 'no', 'patch subnets.kubeovn.io/ovn-default'],
  [webhook, 'no', 'get pods -n default'],
  [switches, 'no', 'get pods -n kube-system'],
  [switches, 'no', 'get secrets/kube-ovn-tls -n kube-system'],
])('%s: %s, it may %s', async (account, answer, question) => {
  const asked = server.kubectl('auth', 'can-i', '--as', account, ...question.split(' '));
  // `no` is told by the exit code too.
  const said = await asked.catch((error: { stdout?: string }) => error.stdout ?? '');
  expect(said.trim().split(' ')[0]).toBe(answer);
});

it('the samples are accepted', async () => {
  const said = await server.kubectl(
    'apply',
    '--server-side',
    '--dry-run=server',
    '-f',
    join(repoRoot, 'config/samples'),
  );
  expect(said).toContain('subnet.kubeovn.io/');
});
