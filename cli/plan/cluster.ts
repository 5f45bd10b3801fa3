// What a cluster holds, and what it would hold with the manifests applied: the API server itself says so by a dry run of
// server-side apply, with its defaults, its validation and its refusals. Nothing is written.
import { PatchStrategy, type KubernetesObject, type KubernetesObjectApi } from '@kubernetes/client-node';
import type { JsonObject } from '../../operator/api/fact.ts';
import { isObject, objectOf, textOf, textsOf } from '../../operator/api/json.ts';
import { takenTypes } from '../../operator/intake.ts';
import { apiOf, type ClusterOptions } from '../kube.ts';
import { idOf, manifestOf, type Manifest } from './object.ts';

const page = 500;

const ref = (
  kind: string,
  namespace: string,
  name: string,
): KubernetesObject & { metadata: { name: string; namespace: string } } => ({
  apiVersion: 'v1',
  kind,
  metadata: { name, namespace },
});

export interface Applied {
  readonly objects: readonly Manifest[];
  /** What the API server refuses, a sentence each. */
  readonly errors: readonly string[];
}

export class Cluster {
  readonly #api: KubernetesObjectApi;

  /** Throws an Error for a context that does not exist. */
  constructor(options: ClusterOptions) {
    this.#api = apiOf(options);
  }

  /** All objects of the kinds that are taken. Those that are not the API server's own may be absent. */
  async objects(): Promise<Manifest[]> {
    const lists = await Promise.all(
      takenTypes.map(({ apiVersion, kind }) =>
        this.#list(apiVersion, kind).catch((error: unknown): Manifest[] => {
          if (apiVersion === 'v1' || !isAbsentKind(error)) throw error;
          return [];
        }),
      ),
    );
    return lists.flat();
  }

  /** The files of the operator's ConfigMap, and the addresses of the API server's Service. */
  async settings(): Promise<{ files: ReadonlyMap<string, string>; apiServer: readonly string[] }> {
    const map = await this.#api.read(ref('ConfigMap', 'kube-system', 'kube-ovn-config')).catch(missing);
    const service = await this.#api.read(ref('Service', 'default', 'kubernetes')).catch(missing);
    const data = Object.entries(objectOf((map as { data?: unknown } | undefined)?.data));
    return {
      files: new Map(data.map(([name, value]) => [name, textOf(value)])),
      apiServer: textsOf(objectOf((service as { spec?: unknown } | undefined)?.spec)['clusterIPs']),
    };
  }

  /** Those of the ConfigMaps, named `namespace/name`, that there are. */
  async configMaps(names: Iterable<string>): Promise<Manifest[]> {
    const reads = [...names].map(async (key): Promise<Manifest[]> => {
      const [namespace = '', name = ''] = key.split('/');
      const found = await this.#api.read(ref('ConfigMap', namespace, name)).catch(missing);
      return found ? [manifestOf(plainOf(found), { from: 'cluster', fallback: namespace })] : [];
    });
    return (await Promise.all(reads)).flat();
  }

  /** The manifests' objects as they would be. */
  async apply(manifests: readonly Manifest[]): Promise<Applied> {
    const objects: Manifest[] = [];
    const errors: string[] = [];
    for (const manifest of manifests) {
      try {
        objects.push(await this.#dryRun(manifest));
      } catch (error) {
        if (isInNewNamespace(error, manifest, manifests)) objects.push(manifest);
        else errors.push(`${manifest.from}: ${idOf(manifest)}: ${messageOf(error)}`);
      }
    }
    return { objects, errors };
  }

  async #list(apiVersion: string, kind: string): Promise<Manifest[]> {
    const found: Manifest[] = [];
    let more = '';
    do {
      const answer = await this.#api.list(
        apiVersion,
        kind,
        undefined,
        undefined,
        undefined,
        undefined,
        undefined,
        undefined,
        page,
        more || undefined,
      );
      for (const item of answer.items) {
        // Items of a list do not repeat the type that the list has.
        found.push(manifestOf(plainOf({ ...item, apiVersion, kind }), { from: 'cluster', fallback: '' }));
      }
      more = answer.metadata?._continue ?? '';
    } while (more !== '');
    return found;
  }

  async #dryRun(manifest: Manifest): Promise<Manifest> {
    const { namespace, from } = manifest;
    const metadata = { ...objectOf(manifest.object['metadata']), ...(namespace !== '' && { namespace }) };
    const spec = modelOf({ ...manifest.object, metadata }) as KubernetesObject;
    const answer = await this.#api.patch(spec, undefined, 'All', 'kubeloom-plan', true, PatchStrategy.ServerSideApply);
    return manifestOf(plainOf(answer), { from, fallback: namespace });
  }
}

/** A dry run makes nothing, so what lies in a namespace of the same manifests is refused with 404. */
function isInNewNamespace(error: unknown, { namespace }: Manifest, manifests: readonly Manifest[]): boolean {
  const made = manifests.some(({ kind, name }) => kind === 'Namespace' && name === namespace);
  return namespace !== '' && made && objectOf(error)['code'] === 404;
}

// The client's models call a field that is a word of the language by another name: `from` of a NetworkPolicy is `_from`,
// both in what it reads and in what it sends, and under its own name it is dropped without a word: a rule for a few
// becomes one for everybody. No key of the API begins with "_" in the kinds that are read here.
const respelled =
  (before: string, after: string) =>
  (_key: string, value: unknown): unknown => {
    if (!isObject(value) || !(before in value)) return value;
    const { [before]: field, ...rest } = value;
    return { ...rest, [after]: field };
  };

/** The client parses times to Date; the projections want the text of the API. */
const plainOf = (object: unknown): unknown => JSON.parse(JSON.stringify(object), respelled('_from', 'from'));

/** What the client is to send for an object of the API. Other kinds with a `from` are custom ones, which it has no model of. */
const modelOf = (object: JsonObject): unknown =>
  object['kind'] === 'NetworkPolicy' ? JSON.parse(JSON.stringify(object), respelled('from', '_from')) : object;

function missing(error: unknown): undefined {
  if (objectOf(error)['code'] === 404) return undefined;
  throw error;
}

/** The API server has no such group, or the client knows no such kind in it. */
const isAbsentKind = (error: unknown): boolean =>
  objectOf(error)['code'] === 404 || (error instanceof Error && error.message.startsWith('Unrecognized API version'));

/** The API server's own words where it gave any. */
export function messageOf(error: unknown): string {
  const body = objectOf(error)['body'];
  const status: unknown = typeof body === 'string' && body.startsWith('{') ? JSON.parse(body) : body;
  const said = isObject(status) ? textOf(status['message']) : '';
  return said || (error instanceof Error ? [error.message, ...causesOf(error)].join(': ') : String(error));
}

/** What lies beneath "fetch failed". */
function causesOf({ cause, message }: Error): string[] {
  if (!(cause instanceof Error)) return [];
  return [...(message.includes(cause.message) ? [] : [cause.message]), ...causesOf(cause)];
}
