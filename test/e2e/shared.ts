/** What the end-to-end tests of the product share: the cluster, manifests in few words, and looks into OVN. */
import { openCluster, type Cluster } from '../cluster/cluster.ts';
import { pods, readyPods, type Pod } from '../cluster/traffic.ts';
import { waitFor } from '../cluster/wait.ts';

export const e2eCluster = 'e2e';

export const cluster = (): Cluster => openCluster(e2eCluster);

export interface PodOptions {
  readonly node?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly command?: readonly string[];
  readonly restartPolicy?: 'Always' | 'Never';
  /** Beside those that every container has: `NET_ADMIN` to change its interfaces. */
  readonly capabilities?: readonly string[];
  readonly ports?: readonly ContainerPort[];
}

interface ContainerPort {
  readonly name: string;
  readonly containerPort: number;
  readonly protocol: 'TCP' | 'UDP' | 'SCTP';
}

/** A pod of the test image: an echo server unless it has a command of its own. */
export function podManifest(namespace: string, name: string, options: PodOptions = {}): object {
  const {
    node,
    annotations = {},
    labels = {},
    command,
    restartPolicy = 'Always',
    capabilities = [],
    ports = [],
  } = options;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace, annotations, labels: { e2e: name, ...labels } },
    spec: {
      ...(node !== undefined && { nodeName: node }),
      restartPolicy,
      terminationGracePeriodSeconds: 1,
      containers: [
        {
          name: 'main',
          image: 'docker.io/kubeloom/test:dev',
          imagePullPolicy: 'Never',
          ports,
          ...(capabilities.length > 0 && { securityContext: { capabilities: { add: capabilities } } }),
          ...(command === undefined
            ? { readinessProbe: { httpGet: { path: '/healthz', port: 8080 }, periodSeconds: 1 } }
            : { command }),
        },
      ],
    },
  };
}

/** An object of ours. */
export const custom = (kind: string, name: string, spec: object, namespace?: string): object => ({
  apiVersion: 'kubeovn.io/v1',
  kind,
  metadata: { name, ...(namespace !== undefined && { namespace }) },
  spec,
});

export async function apply(...objects: readonly object[]): Promise<void> {
  const items = { apiVersion: 'v1', kind: 'List', items: objects };
  await cluster().kubectl(['apply', '-f', '-'], { stdin: JSON.stringify(items) });
}

/** A namespace of its own for a test file; what an earlier run left in it goes first. */
export async function freshNamespace(name: string): Promise<void> {
  await cluster().kubectl(['delete', 'namespace', name, '--ignore-not-found', '--timeout=120s']);
  await apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
}

/** The one ready pod of that name. */
export async function readyPod(namespace: string, name: string): Promise<Pod> {
  const [pod] = await readyPods(cluster(), namespace, `e2e=${name}`, { count: 1, limitMs: 90_000 });
  if (pod === undefined) throw new Error(`no pod ${namespace}/${name}`);
  return pod;
}

/** Changes annotations of a running pod: `key=value` sets one, `key-` takes it off. */
export const annotate = (namespace: string, pod: string, ...changes: readonly string[]): Promise<string> =>
  cluster().kubectl(['--namespace', namespace, 'annotate', '--overwrite', 'pod', pod, ...changes]);

/** An object as the API has it, undefined when it does not exist. */
export async function object(kind: string, name: string, namespace = ''): Promise<Record<string, never> | undefined> {
  const where = namespace === '' ? [] : ['--namespace', namespace];
  const text = await cluster().kubectl([...where, 'get', kind, name, '--ignore-not-found', '--output=json']);
  return text.trim() === '' ? undefined : (JSON.parse(text) as Record<string, never>);
}

/** Runs a program in the pod of ovn-central. */
export const inCentral = (...argv: readonly string[]): Promise<string> =>
  cluster().kubectl(['--namespace', 'kube-system', 'exec', 'deployment/ovn-central', '--', ...argv]);

/** ovn-nbctl on the database itself, with Debian's own program. */
export const nbctl = (...argv: readonly string[]): Promise<string> =>
  inCentral('ovn-nbctl', '--no-leader-only', ...argv);

/** Value of a field of an object by kubectl's jsonpath. */
export const field = (kind: string, name: string, path: string, namespace = 'default'): Promise<string> =>
  cluster().kubectl(['--namespace', namespace, 'get', kind, name, `--output=jsonpath=${path}`]);

/** Events about an object, newest last, as `type reason message`. */
export async function events(namespace: string, name: string): Promise<string[]> {
  const text = await cluster().kubectl([
    '--namespace',
    namespace,
    'get',
    'events',
    `--field-selector=involvedObject.name=${name}`,
    '--output=jsonpath={range .items[*]}{.type} {.reason} {.message}{"\\n"}{end}',
  ]);
  return text.split('\n').filter((line) => line !== '');
}

/** Pids, as the node sees them, of programs whose command line has this text. */
export async function pidsOnNode(n: number, text: string): Promise<string[]> {
  const { stdout } = await cluster().tryInNode(n, ['pgrep', '--full', text]);
  return stdout.split('\n').filter((line) => line !== '');
}

/** kill -9 of every process on a node whose command line has this text; throws when there is none. */
export async function killOnNode(n: number, text: string): Promise<void> {
  const pids = await pidsOnNode(n, text);
  if (pids.length === 0) throw new Error(`nothing on n${n} is called ${text}`);
  await cluster().inNode(n, ['kill', '-9', ...pids]);
}

/** Waits until every pod of a workload in kube-system is ready again. */
export async function settled(selector: string, count: number): Promise<void> {
  await waitFor(
    async () => {
      const found = await pods(cluster(), 'kube-system', selector);
      return found.length === count && found.every(({ ready }) => ready);
    },
    { what: `${count} ready pods of ${selector}`, limitMs: 120_000, everyMs: 250 },
  );
}
