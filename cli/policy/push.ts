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
  const { namespace, mode } = options;
  const configMap = `${name}-${digest.slice('sha256:'.length, 'sha256:'.length + 12)}`;
  const settings = options.settings === undefined ? undefined : await readJson(options.settings);
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
      ...(settings && { settings }),
      ...(mode && { mode }),
    },
  };
  for (const object of [map, module] as KubernetesObject[]) await apply(api, object);
  return { configMap, deleted: await prune(api, map) };
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
