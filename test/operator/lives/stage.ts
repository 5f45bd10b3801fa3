// Where the lives of pods are played: an API server, a northbound database, the operator in a process of its own, and the
// objects that are there before the first pod and after the last.
import { KubeClient } from '../../../operator/kube/client.ts';
import { systemClock } from '../../../operator/kube/clock.ts';
import { resources } from '../../../operator/kube/resources.ts';
import { ensureBuilt } from '../../../policies/build.ts';
import { applyCrds } from '../../crds.ts';
import { eventually } from '../../eventually.ts';
import { type ApiServer, startApiServer } from '../../kube-apiserver.ts';
import { startServer } from '../../ovsdb-server.ts';
import { OperatorProcess } from '../process.ts';
import { type Body, Exclusive, Watched } from './watched.ts';

/** Of pods that ask for nothing of their own; those of the other one are bound to an IPPool. */
export const namespaces = { free: 'lives', bound: 'pooled' } as const;

export const nodes = ['n1', 'n2', 'n3', 'n4', 'n5'] as const;

/** An operator that is stopped and another one that takes over have this for it. */
const lease = ['--lease-duration=60', '--lease-renew-deadline=50', '--lease-retry-period=1'];

const attachments = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: network-attachment-definitions.k8s.cni.cncf.io }
spec:
  group: k8s.cni.cncf.io
  scope: Namespaced
  names: { kind: NetworkAttachmentDefinition, plural: network-attachment-definitions, singular: network-attachment-definition }
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          properties: { spec: { type: object, properties: { config: { type: string } } } }
`;

const scene = `
apiVersion: v1
kind: Namespace
metadata: { name: ${namespaces.free} }
---
apiVersion: v1
kind: Namespace
metadata: { name: ${namespaces.bound} }
---
apiVersion: kubeovn.io/v1
kind: Subnet
metadata: { name: small }
spec: { cidrBlock: 10.50.0.0/24, excludeIps: [10.50.0.1..10.50.0.20, 10.50.0.100] }
---
apiVersion: kubeovn.io/v1
kind: Subnet
metadata: { name: dual }
spec: { cidrBlock: '10.51.0.0/18,fd51::/112', enableDHCP: true }
---
apiVersion: kubeovn.io/v1
kind: Subnet
metadata: { name: pooled }
spec: { cidrBlock: 10.52.0.0/22 }
---
apiVersion: kubeovn.io/v1
kind: Subnet
metadata: { name: blue }
spec: { cidrBlock: 10.53.0.0/20, provider: blue.${namespaces.free}.ovn }
---
apiVersion: kubeovn.io/v1
kind: Subnet
metadata: { name: lan }
spec: { cidrBlock: 192.0.2.0/24, provider: lan.${namespaces.free} }
---
apiVersion: kubeovn.io/v1
kind: IPPool
metadata: { name: asked }
spec: { subnet: pooled, ips: [10.52.1.0..10.52.1.99, 10.52.2.7], enableAddressSet: true }
---
apiVersion: kubeovn.io/v1
kind: IPPool
metadata: { name: bound }
spec: { subnet: dual, ips: [10.51.8.0/25, 'fd51::8000..fd51::80ff'], namespaces: [${namespaces.bound}] }
---
apiVersion: k8s.cni.cncf.io/v1
kind: NetworkAttachmentDefinition
metadata: { namespace: ${namespaces.free}, name: blue }
spec: { config: '{"cniVersion":"0.3.1","type":"kube-ovn","provider":"blue.${namespaces.free}.ovn"}' }
---
apiVersion: k8s.cni.cncf.io/v1
kind: NetworkAttachmentDefinition
metadata: { namespace: ${namespaces.free}, name: lan }
spec: { config: '{"cniVersion":"0.3.1","type":"macvlan","ipam":{"type":"kube-ovn","provider":"lan.${namespaces.free}"}}' }
`;

export interface Stage {
  readonly client: KubeClient;
  readonly database: Awaited<ReturnType<typeof startServer>>;
  readonly pods: Watched;
  readonly ips: Watched;
  readonly subnets: Watched;
  readonly pools: Watched;
  /** What two pods, or two IP objects, had at one time. */
  readonly violations: () => string[];
  /** Ends the operator as a rollout does, and starts another one. */
  readonly replaceOperator: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

/** Starts everything and has the operator lead; whoever calls waits until it has nothing to do. */
export async function startStage(): Promise<Stage> {
  await ensureBuilt('ipam', 'networkpolicy');
  const undo: (() => unknown)[] = [];
  const stop = async (): Promise<void> => {
    for (const step of undo.splice(0).toReversed()) await step();
  };
  try {
    const api = await startApiServer({ args: ['--audit-log-path='] });
    undo.push(() => api.stop());
    const database = await startServer({ args: ['--remote=ptcp:0:127.0.0.1'] });
    undo.push(() => database.dispose());
    const client = new KubeClient({ kubeConfig: api.kubeConfig(), clock: systemClock });
    undo.push(() => client.close());
    await prepare(api, client);
    const watched = await watches(client, undo);
    const operators = await operatorsOf(api, await database.port(), undo);
    return { client, database, ...watched, ...operators, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function prepare(api: ApiServer, client: KubeClient): Promise<void> {
  await applyCrds(api);
  await api.apply(attachments);
  for (const [at, name] of nodes.entries()) {
    const status = {
      addresses: [{ type: 'InternalIP', address: `172.18.0.${at + 2}` }],
      conditions: [{ type: 'Ready', status: 'True' }],
    };
    await client.create(resources.Node, { apiVersion: 'v1', kind: 'Node', metadata: { name }, status });
  }
  await api.apply(scene);
}

async function watches(
  client: KubeClient,
  undo: (() => unknown)[],
): Promise<Pick<Stage, 'pods' | 'ips' | 'subnets' | 'pools' | 'violations'>> {
  const ended = new AbortController();
  undo.push(() => ended.abort());
  const source = { client, signal: ended.signal };
  const ofPods = new Exclusive('pods');
  const ofIps = new Exclusive('IP objects');
  const watched = {
    pods: await Watched.start(source, resources.Pod, ({ metadata }, now) =>
      ofPods.set(`${metadata.namespace}/${metadata.name} ${metadata.uid}`, now ? podHas(now) : []),
    ),
    ips: await Watched.start(source, resources.IP, ({ metadata }, now) =>
      ofIps.set(`${metadata.name} ${metadata.uid}`, now ? ipHas(now) : []),
    ),
    subnets: await Watched.start(source, resources.Subnet),
    pools: await Watched.start(source, resources.IPPool),
  };
  const broken = (): string[] => Object.values(watched).flatMap((each) => each.broken ?? []);
  return { ...watched, violations: () => [...broken(), ...ofPods.violations, ...ofIps.violations] };
}

async function operatorsOf(
  api: ApiServer,
  northboundPort: number,
  undo: (() => unknown)[],
): Promise<Pick<Stage, 'replaceOperator'>> {
  const apiPort = Number(new URL(api.url).port);
  let count = 0;
  const start = async (): Promise<OperatorProcess> => {
    count += 1;
    const started = await OperatorProcess.start(`lives-${count}`, { api, apiPort, northboundPort, flags: lease });
    undo.push(() => started.stop());
    await eventually(() => started.leads(), { within: 90_000, every: 100, what: 'an operator that leads' });
    return started;
  };
  let current = await start();
  const replaceOperator = async (): Promise<void> => {
    current.signal('SIGTERM');
    current = await start();
  };
  return { replaceOperator };
}

const completed = ['Succeeded', 'Failed'];

/** Addresses and MACs that a pod was told to have, as long as it can use them. */
function podHas({ metadata: { annotations = {} }, status }: Body): string[] {
  if (completed.includes(String(status?.['phase']))) return [];
  const told = Object.keys(annotations).filter((key) => key.endsWith('.kubernetes.io/allocated'));
  return told.flatMap((key) => {
    const provider = key.slice(0, -'.kubernetes.io/allocated'.length);
    const of = (name: string): string => annotations[`${provider}.kubernetes.io/${name}`] ?? '';
    const where = of('logical_switch') || provider;
    return [...of('ip_address').split(','), of('mac_address')]
      .filter((text) => text !== '')
      .map((text) => `${text} in ${where}`);
  });
}

/** An IP object has its addresses until it is gone. */
function ipHas({ spec }: Body): string[] {
  const has = [spec['v4IpAddress'], spec['v6IpAddress'], spec['macAddress']] as (string | undefined)[];
  return has.filter((text) => text !== undefined && text !== '').map((text) => `${text} in ${String(spec['subnet'])}`);
}
