/** The kubelet's probes of pods in a VPC of their own, which no node reaches: with the agents' --enable-tproxy they work. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exec, pods, type Pod } from '../cluster/traffic.ts';
import { waitFor } from '../cluster/wait.ts';
import { apply, cluster, custom, events, freshNamespace, podManifest, readyPod } from './shared.ts';

const ns = 'e2e-probes';
const inside = 'e2e-probes-in';
const soon = { limitMs: 30_000, everyMs: 250 };
const annotations = { 'ovn.kubernetes.io/logical_switch': inside };

/** Listens while /tmp/on is there. */
const switched =
  'while true; do if [ -e /tmp/on ]; then echo-server & while [ -e /tmp/on ]; do sleep 0.1; done; kill $!; wait; fi; sleep 0.1; done';

type Manifest = { readonly spec: { readonly containers: readonly object[] } };

/** With the probe that looks every second at port 8080. */
function probed(name: string, node: string, probe: object, command?: readonly string[]): object {
  const manifest = podManifest(ns, name, { node, annotations, ...(command && { command }) }) as Manifest;
  const [container] = manifest.spec.containers;
  const readinessProbe = { ...probe, periodSeconds: 1 };
  return { ...manifest, spec: { ...manifest.spec, containers: [{ ...container, readinessProbe }] } };
}
const http = { httpGet: { path: '/healthz', port: 8080 } };
const tcp = { tcpSocket: { port: 8080 } };

const found = async (name: string): Promise<Pod & { readonly ready: boolean }> => {
  const [pod] = await pods(cluster(), ns, `e2e=${name}`);
  if (pod === undefined) throw new Error(`no pod ${name}`);
  return pod;
};
const becomes = (name: string, ready: boolean): Promise<unknown> =>
  waitFor(async () => (await found(name)).ready === ready, { what: `${name} to be ready: ${ready}`, ...soon });

/** As an administrator does it: a word of the agents' arguments, and a rollout. */
async function tproxy(on: boolean): Promise<void> {
  const value = `--enable-tproxy=${on}`;
  const patch = [{ op: 'replace', path: '/spec/template/spec/containers/0/args/1', value }];
  const system = ['--namespace=kube-system'];
  await cluster().kubectl([
    ...system,
    'patch',
    'daemonset',
    'kube-ovn-cni',
    '--type=json',
    `--patch=${JSON.stringify(patch)}`,
  ]);
  await cluster().kubectl([...system, 'rollout', 'status', 'daemonset/kube-ovn-cni', '--timeout=120s']);
}

/** Lines of the node's rules and routes that are there for probes. */
async function traces(n: number): Promise<string[]> {
  const looks = [
    ['iptables-nft-save', '-t', 'mangle'],
    ['ip6tables-nft-save', '-t', 'mangle'],
    ['ip', 'rule'],
    ['ip', '-6', 'rule'],
    ['ip', '-4', 'route', 'show', 'table', 'all'],
    ['ip', '-6', 'route', 'show', 'table', 'all'],
  ];
  const outputs = await Promise.all(looks.map((argv) => cluster().inNode(n, argv)));
  return outputs.flatMap(({ stdout }) => stdout.split('\n')).filter((line) => /TPROXY|0x9000[34]|10001/.test(line));
}

beforeAll(async () => {
  await freshNamespace(ns);
  await apply(
    { apiVersion: 'kubeovn.io/v1', kind: 'Vpc', metadata: { name: ns }, spec: { namespaces: [ns] } },
    custom('Subnet', inside, { vpc: ns, cidrBlock: '10.58.0.0/24,fd00:10:58::/112', namespaces: [ns] }),
  );
  await apply(
    probed('http', 'n1', http),
    probed('tcp', 'n1', tcp, ['bash', '-c', switched]),
    probed('far', 'n2', http),
  );
});
afterAll(async () => {
  await tproxy(false);
  await cluster().kubectl(['delete', 'namespace', ns, '--timeout=120s']);
});

describe('without --enable-tproxy', () => {
  it('a pod that works is not ready, and nothing is on the node for it', async () => {
    const told = async (): Promise<boolean> => (await events(ns, 'http')).some((line) => line.includes('Unhealthy'));
    await waitFor(told, { what: 'the kubelet to say that the probe fails', limitMs: 90_000, everyMs: 500 });
    expect((await found('http')).ready).toBe(false);
    expect(await traces(1)).toEqual([]);
  });
});

describe('with it', () => {
  beforeAll(() => tproxy(true));

  it('pods with requests as probes are ready, on each node by its own rules', async () => {
    const [near, far] = await Promise.all([readyPod(ns, 'http'), readyPod(ns, 'far')]);
    const [one, two] = (await Promise.all([1, 2].map(traces))).map((lines) => lines.join('\n'));
    expect(one).toContain(`-A OVN-PREROUTING -d ${near.ip}/32 -p tcp -m tcp --dport 8080 -j TPROXY --on-port 8102`);
    expect(one).not.toContain(`${far.ip}/32`);
    expect(two).toContain(`${far.ip}/32`);
  });

  it('a pod whose probe is a connection is ready while its port is open', async () => {
    const told = async (): Promise<boolean> => (await events(ns, 'tcp')).some((line) => line.includes('refused'));
    await waitFor(told, { what: 'the closed port to refuse', ...soon });
    const pod = await found('tcp');
    expect(pod.ready).toBe(false);
    await exec(cluster(), pod, ['touch', '/tmp/on']);
    await becomes('tcp', true);
    await exec(cluster(), pod, ['rm', '/tmp/on']);
    await becomes('tcp', false);
    expect((await found('tcp')).ready).toBe(false);
  });

  it('its rules go with a pod', async () => {
    const { ip } = await found('far');
    await cluster().kubectl(['--namespace', ns, 'delete', 'pod', 'far', '--timeout=60s']);
    const gone = async (): Promise<boolean> => !(await traces(2)).some((line) => line.includes(ip));
    await waitFor(gone, { what: 'its rules to go', ...soon });
    expect(await traces(2)).toEqual([]);
  });

  it('nothing is left when it is taken back', async () => {
    await tproxy(false);
    const gone = async (): Promise<boolean> => (await traces(1)).length === 0;
    await waitFor(gone, { what: 'the rules to go', ...soon });
    await becomes('http', false);
    expect(await traces(1)).toEqual([]);
  });
});
