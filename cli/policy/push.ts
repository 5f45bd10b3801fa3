// Brings a module into a cluster: its bytes in a ConfigMap that is named after them, and the PolicyModule that names the
// ConfigMap. Bytes never change under a name, so at no time does a module name bytes of another digest.
import { readFile } from 'node:fs/promises';
import {
  type KubeConfig,
  KubernetesObjectApi,
  type KubernetesObject,
  PatchStrategy,
  type V1ConfigMap,
} from '@kubernetes/client-node';
import type { JsonObject } from '../../operator/api/fact.ts';
import { objectOf } from '../../operator/api/json.ts';
import { policyModuleRef } from '../../operator/api/refs.ts';
import type { Compiled } from './compile.ts';
import { PolicyError, type Project, readJson } from './project.ts';

export interface PushOptions {
  readonly kubeConfig: KubeConfig;
  /** Of the ConfigMap. */
  readonly namespace: string;
  /** File with the settings; absent: those in the cluster stay. */
  readonly settings?: string;
  /** Absent: what is in the cluster stays. */
  readonly mode?: 'enforce' | 'shadow';
}

export interface Pushed {
  readonly configMap: string;
  /** ConfigMaps of earlier versions that were deleted. */
  readonly deleted: readonly string[];
}

const manager = 'kubeloom-policy';
const label = 'kubeloom.io/policy-module';
const key = 'module.wasm';

/** Server-side apply leaves alone what others have written: selector, failurePolicy, limits. Throws PolicyError. */
export async function push(project: Project, { bytes, digest }: Compiled, options: PushOptions): Promise<Pushed> {
  const api = KubernetesObjectApi.makeApiClient(options.kubeConfig);
  const { name, hook } = project;
  const { namespace } = options;
  const configMap = `${name}-${digest.slice('sha256:'.length, 'sha256:'.length + 12)}`;
  // What a manager leaves out of an apply that it said before is removed: it has to say it again.
  const present = await specOf(api, name);
  const settings = options.settings === undefined ? present['settings'] : await readJson(options.settings);
  const mode = options.mode ?? present['mode'];
  const map: V1ConfigMap = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: configMap, namespace, labels: { [label]: name } },
    immutable: true,
    binaryData: { [key]: Buffer.from(bytes).toString('base64') },
  };
  const { apiVersion, kind } = policyModuleRef(name);
  const module = {
    apiVersion,
    kind,
    metadata: { name },
    spec: {
      hook,
      module: { configMap: { namespace, name: configMap, key }, digest },
      ...(settings !== undefined && { settings }),
      ...(mode !== undefined && { mode }),
    },
  };
  for (const object of [map, module] as KubernetesObject[]) await apply(api, object);
  return { configMap, deleted: await prune(api, map) };
}

/** The spec that the cluster has; empty when there is no such module. */
async function specOf(api: KubernetesObjectApi, name: string): Promise<JsonObject> {
  const { apiVersion, kind } = policyModuleRef(name);
  const found = await api.read({ apiVersion, kind, metadata: { name } }).catch((error: unknown) => {
    if ((error as { readonly code?: unknown }).code === 404) return undefined;
    throw new PolicyError(`PolicyModule ${name} cannot be read: ${reasonOf(error)}`);
  });
  return objectOf(objectOf(found)['spec']);
}

async function apply(api: KubernetesObjectApi, object: KubernetesObject): Promise<void> {
  const what = `${object.kind ?? ''} ${object.metadata?.name ?? ''}`;
  await api
    .patch(object, undefined, undefined, manager, true, PatchStrategy.ServerSideApply)
    .catch((error: unknown) => {
      throw new PolicyError(`${what} is not taken: ${reasonOf(error)}`);
    });
}

/** Versions that no PolicyModule names any more. */
async function prune(api: KubernetesObjectApi, present: V1ConfigMap): Promise<string[]> {
  const { name = '', namespace = '', labels = {} } = present.metadata ?? {};
  const selected = `${label}=${labels[label] ?? ''}`;
  const { items } = await api.list('v1', 'ConfigMap', namespace, undefined, undefined, undefined, undefined, selected);
  const old = items.flatMap(({ metadata }) => (metadata?.name === name ? [] : [metadata?.name ?? '']));
  for (const each of old) {
    await api.delete({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: each, namespace } });
  }
  return old;
}

/** The API server's own words, where there are some. */
function reasonOf(error: unknown): string {
  const { body, message } = error as { readonly body?: unknown; readonly message?: string };
  try {
    const { message: told } = JSON.parse(String(body)) as { readonly message?: unknown };
    if (typeof told === 'string') return told;
  } catch {
    // Not an answer of an API server.
  }
  return message ?? String(error);
}

/** As kubectl finds it, or a file. */
export async function kubeConfigOf(file: string | undefined): Promise<KubeConfig> {
  const { KubeConfig } = await import('@kubernetes/client-node');
  const config = new KubeConfig();
  if (file === undefined) config.loadFromDefault();
  else config.loadFromString(await readFile(file, 'utf8'));
  return config;
}
