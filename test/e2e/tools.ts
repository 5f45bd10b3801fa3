/** What end-to-end tests do to a cluster and ask of it, for clusters of any name. */
import { type Cluster } from '../cluster/cluster.ts';
import { pods, readyPods, type Pod } from '../cluster/traffic.ts';
import { waitFor } from '../cluster/wait.ts';

export interface Tools {
  readonly apply: (...objects: readonly object[]) => Promise<void>;
  /** A namespace of its own for a test file; what an earlier run left in it goes first. */
  readonly freshNamespace: (name: string) => Promise<void>;
  /** The one ready pod of that name. */
  readonly readyPod: (namespace: string, name: string) => Promise<Pod>;
  /** Changes annotations of a running pod: `key=value` sets one, `key-` takes it off. */
  readonly annotate: (namespace: string, pod: string, ...changes: readonly string[]) => Promise<string>;
  /** An object as the API has it, undefined when it does not exist. */
  readonly object: (kind: string, name: string, namespace?: string) => Promise<Record<string, never> | undefined>;
  /** Runs a program in the pod of ovn-central. */
  readonly inCentral: (...argv: readonly string[]) => Promise<string>;
  /** ovn-nbctl on the database itself, with Debian's own program. */
  readonly nbctl: (...argv: readonly string[]) => Promise<string>;
  /** Value of a field of an object by kubectl's jsonpath. */
  readonly field: (kind: string, name: string, path: string, namespace?: string) => Promise<string>;
  /** Events about an object, newest last, as `type reason message`. */
  readonly events: (namespace: string, name: string) => Promise<string[]>;
  /** Pids, as the node sees them, of programs whose command line has this text. */
  readonly pidsOnNode: (n: number, text: string) => Promise<string[]>;
  /** kill -9 of every process on a node whose command line has this text; throws when there is none. */
  readonly killOnNode: (n: number, text: string) => Promise<void>;
  /** Waits until every pod of a workload in kube-system is ready again. */
  readonly settled: (selector: string, count: number) => Promise<void>;
}

/** `cluster` is asked for each time: most tests are written down before there is one. */
export function toolsOf(cluster: () => Cluster): Tools {
  const kubectl = (...args: readonly string[]): Promise<string> => cluster().kubectl(args);
  const tools: Tools = {
    async apply(...items) {
      const list = { apiVersion: 'v1', kind: 'List', items };
      await cluster().kubectl(['apply', '-f', '-'], { stdin: JSON.stringify(list) });
    },
    async freshNamespace(name) {
      await kubectl('delete', 'namespace', name, '--ignore-not-found', '--timeout=120s');
      await tools.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
    },
    async readyPod(namespace, name) {
      const [pod] = await readyPods(cluster(), namespace, `e2e=${name}`, { count: 1, limitMs: 90_000 });
      if (pod === undefined) throw new Error(`no pod ${namespace}/${name}`);
      return pod;
    },
    annotate: (namespace, pod, ...changes) =>
      kubectl('--namespace', namespace, 'annotate', '--overwrite', 'pod', pod, ...changes),
    async object(kind, name, namespace = '') {
      const where = namespace === '' ? [] : ['--namespace', namespace];
      const text = await kubectl(...where, 'get', kind, name, '--ignore-not-found', '--output=json');
      return text.trim() === '' ? undefined : (JSON.parse(text) as Record<string, never>);
    },
    inCentral: (...argv) => kubectl('--namespace', 'kube-system', 'exec', 'deployment/ovn-central', '--', ...argv),
    nbctl: (...argv) => tools.inCentral('ovn-nbctl', '--no-leader-only', ...argv),
    field: (kind, name, path, namespace = 'default') =>
      kubectl('--namespace', namespace, 'get', kind, name, `--output=jsonpath=${path}`),
    async events(namespace, name) {
      const path = '{range .items[*]}{.type} {.reason} {.message}{"\\n"}{end}';
      const about = `--field-selector=involvedObject.name=${name}`;
      const text = await kubectl('--namespace', namespace, 'get', 'events', about, `--output=jsonpath=${path}`);
      return text.split('\n').filter((line) => line !== '');
    },
    async pidsOnNode(n, text) {
      const { stdout } = await cluster().tryInNode(n, ['pgrep', '--full', text]);
      return stdout.split('\n').filter((line) => line !== '');
    },
    async killOnNode(n, text) {
      const pids = await tools.pidsOnNode(n, text);
      if (pids.length === 0) throw new Error(`nothing on n${n} is called ${text}`);
      await cluster().inNode(n, ['kill', '-9', ...pids]);
    },
    settled: (selector, count) =>
      waitFor(
        async () => {
          const found = await pods(cluster(), 'kube-system', selector);
          return found.length === count && found.every(({ ready }) => ready);
        },
        { what: `${count} ready pods of ${selector}`, limitMs: 120_000, everyMs: 250 },
      ).then(() => undefined),
  };
  return tools;
}
