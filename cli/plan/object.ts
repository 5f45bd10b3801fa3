// Objects as manifests and API servers give them, reduced to what the plan needs to know of each.
import { adminKinds } from '../../operator/api/admin-policy-row.ts';
import type { JsonObject } from '../../operator/api/fact.ts';
import { isObject, objectOf, textOf } from '../../operator/api/json.ts';
import { isLater, laterKinds, laterOf } from '../../operator/api/later.ts';

/** One object and where it was read. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  /** '' for the cluster-scoped kinds that make rows. */
  readonly namespace: string;
  readonly name: string;
  readonly object: JsonObject;
  /** `file:line`, or `cluster`. */
  readonly from: string;
}

/** Of the kinds that are taken: a namespace that is stated all the same means nothing. */
const clusterScoped: ReadonlySet<string> = new Set(
  ['Node', 'Namespace', 'IP', 'IPPool', 'OvnEip', 'SecurityGroup', 'Subnet', 'Vip', 'Vlan', 'Vpc'].concat(
    adminKinds,
    ['DNSNameResolver', 'SwitchLBRule', 'RouterLBRule', 'PolicyModule'],
    Object.keys(laterKinds).filter((kind) => isLater(kind) && laterOf(kind).namespaced !== true),
  ),
);

/** As the tables of the operator know it: `namespace/name`, or the name alone. */
export const keyOf = ({ namespace, name }: Pick<Manifest, 'namespace' | 'name'>): string =>
  namespace === '' ? name : `${namespace}/${name}`;

export const idOf = (manifest: Pick<Manifest, 'kind' | 'namespace' | 'name'>): string =>
  `${manifest.kind} ${keyOf(manifest)}`;

/** Throws an Error that says what is missing. `fallback` is the namespace of objects that name none. */
export function manifestOf(value: unknown, { from, fallback }: { from: string; fallback: string }): Manifest {
  if (!isObject(value)) throw new Error(`${from}: not an object of the Kubernetes API`);
  const [apiVersion, kind] = [textOf(value['apiVersion']), textOf(value['kind'])];
  if (apiVersion === '' || kind === '') throw new Error(`${from}: apiVersion and kind are needed`);
  const meta = objectOf(value['metadata']);
  const name = textOf(meta['name']);
  if (name === '') throw new Error(`${from}: ${kind} without metadata.name`);
  const stated = textOf(meta['namespace']);
  const namespace = clusterScoped.has(kind) ? '' : stated || fallback;
  return { apiVersion, kind, namespace, name, object: value, from };
}
