// A reflector before a real API server with the proxy of faults between, and a consumer that folds what it is told.
import { KubeClient } from '../../../operator/kube/client.ts';
import { systemClock } from '../../../operator/kube/clock.ts';
import { into } from '../../../operator/kube/mirror.ts';
import { asObject, field, type KubeObject } from '../../../operator/kube/object.ts';
import { Reflector, type ReflectorOptions, type RestartReason } from '../../../operator/kube/reflector.ts';
import { resources } from '../../../operator/kube/resources.ts';
import { eventually } from '../../eventually.ts';
import { ApiProxy } from '../../faults/api-proxy.ts';
import { type ApiServer, startApiServer } from '../../kube-apiserver.ts';
import { FakeTable, memoryLog } from './fake.ts';

export const valueOf = (object: KubeObject): string | undefined => {
  const value = asObject(field(object, 'data'))?.value;
  return typeof value === 'string' ? value : undefined;
};

/** ConfigMaps of one namespace, written without the proxy. */
export class Objects {
  readonly namespace: string;
  readonly #client: KubeClient;

  constructor(client: KubeClient, namespace: string) {
    this.#client = client;
    this.namespace = namespace;
  }

  create(name: string, value: string): Promise<KubeObject> {
    const metadata = { namespace: this.namespace, name };
    return this.#client.create(resources.ConfigMap, { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { value } });
  }

  change(name: string, value: string): Promise<KubeObject> {
    return this.#client.patch(this.#ref(name), { type: 'merge', body: { data: { value } } });
  }

  remove(name: string): Promise<void> {
    return this.#client.delete(this.#ref(name));
  }

  /** What a consistent list has, by name. */
  async rows(): Promise<Record<string, string>> {
    const { items } = await this.#client.list(resources.ConfigMap, { namespace: this.namespace });
    return Object.fromEntries(items.map((object) => [object.metadata.name, valueOf(object) ?? '']));
  }

  #ref(name: string) {
    return { apiVersion: 'v1', kind: 'ConfigMap', namespace: this.namespace, name };
  }
}

/** Changes of one `enter` (no value: deleted), and the rows after it. */
export interface Step {
  readonly changes: readonly (readonly [key: string, value: string | undefined])[];
  readonly rows: ReadonlyMap<string, string>;
}

export interface Reflected {
  readonly reflector: Reflector;
  readonly table: FakeTable<string>;
  readonly log: ReturnType<typeof memoryLog>;
  readonly restarts: RestartReason[];
  readonly absent: string[];
  readonly steps: Step[];
  readonly rows: () => Record<string, string>;
  /** Waits until the rows are what a consistent list has. */
  readonly equal: (objects: Objects) => Promise<void>;
}

export class Rig {
  readonly api: ApiServer;
  readonly proxy: ApiProxy;
  readonly #direct: KubeClient;
  readonly #through: KubeClient;
  readonly #running: Reflector[] = [];
  #namespaces = 0;

  private constructor(api: ApiServer, proxy: ApiProxy) {
    this.api = api;
    this.proxy = proxy;
    this.#direct = new KubeClient({ kubeConfig: api.kubeConfig(), clock: systemClock });
    this.#through = new KubeClient({ kubeConfig: proxy.kubeConfig(api.kubeConfig()), clock: systemClock });
  }

  static async start(args: readonly string[]): Promise<Rig> {
    const api = await startApiServer({ args });
    return new Rig(api, await ApiProxy.start(api.url));
  }

  objects(): Objects {
    this.#namespaces += 1;
    return new Objects(this.#direct, `ns-${this.#namespaces}`);
  }

  /** Starts a reflector over a namespace; it is stopped by `rest`. */
  reflect(namespace: string, options: Partial<ReflectorOptions> = {}): Reflected {
    let changes: [string, string | undefined][] = [];
    const table = new FakeTable<string>('configmap', (key, value) => changes.push([key, value]));
    const log = memoryLog();
    const restarts: RestartReason[] = [];
    const absent: string[] = [];
    const steps: Step[] = [];
    const reflector = new Reflector({
      client: this.#through,
      clock: systemClock,
      log,
      resource: resources.ConfigMap,
      select: { namespace },
      projections: [into(table, valueOf)],
      enter: (change) => {
        changes = [];
        change();
        steps.push({ changes, rows: new Map(table.rows) });
      },
      onRestart: (reason) => restarts.push(reason),
      onAbsent: (keys) => absent.push(...keys),
      ...options,
    });
    this.#running.push(reflector);
    reflector.start();
    const rows = (): Record<string, string> =>
      Object.fromEntries([...table.rows].map(([key, value]) => [key.slice(key.indexOf('/') + 1), value]));
    const equal = async (objects: Objects): Promise<void> => {
      const wanted = sortedJson(await objects.rows());
      await eventually(() => sortedJson(rows()) === wanted, { within: 20_000 }).catch((cause: unknown) => {
        const found = `rows ${sortedJson(rows())}, state ${JSON.stringify(reflector.state)}`;
        throw new Error(`wanted ${wanted}, ${found}, restarts ${restarts.join(' ')}`, { cause });
      });
    };
    return { reflector, table, log, restarts, absent, steps, rows, equal };
  }

  /** Between two tests: nothing runs, no fault waits. */
  async rest(): Promise<void> {
    await Promise.all(this.#running.splice(0).map((reflector) => reflector.stop()));
    this.proxy.clear();
    this.proxy.passed.length = 0;
  }

  async stop(): Promise<void> {
    await this.rest();
    this.#direct.close();
    this.#through.close();
    await this.proxy.stop();
    await this.api.stop();
  }
}

const sortedJson = (rows: Record<string, string>): string =>
  JSON.stringify(Object.entries(rows).toSorted(([a], [b]) => (a < b ? -1 : 1)));

export const watching = ({ reflector }: Reflected): Promise<true> =>
  eventually(() => reflector.state.at === 'watching', { what: 'the reflector watches', within: 20_000 });
