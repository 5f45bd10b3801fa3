// Objects as the API server returns them, checked once for what everything below relies on.
import type { Json, JsonObject } from '../api/fact.ts';
import { ProtocolError } from './errors.ts';

export interface ObjectMeta {
  readonly name: string;
  readonly namespace?: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly generation?: number;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly finalizers?: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Any object; kinds with other top-level fields (`data` of a ConfigMap) are read through `field`. */
export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
  readonly spec?: JsonObject;
  readonly status?: JsonObject;
}

/** A JSON object, or undefined for anything else. */
export function asObject(value: Json | undefined): JsonObject | undefined {
  return value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as JsonObject) : undefined;
}

/** A top-level field of an object that `KubeObject` does not name. */
export function field(object: KubeObject, name: string): Json | undefined {
  return (object as unknown as JsonObject)[name];
}

/** A list's item has no type of its own for built-in kinds; `type` fills it in. Throws ProtocolError. */
export function decodeObject(
  value: Json | undefined,
  request: string,
  type?: Pick<KubeObject, 'apiVersion' | 'kind'>,
): KubeObject {
  const object = asObject(value);
  const metadata = asObject(object?.metadata);
  if (object === undefined || typeof metadata?.name !== 'string' || typeof metadata.resourceVersion !== 'string') {
    throw new ProtocolError(request, 'the answer is not an object with a name and a resourceVersion');
  }
  return {
    ...(type === undefined ? {} : { apiVersion: type.apiVersion, kind: type.kind }),
    ...object,
  } as unknown as KubeObject;
}

/**
 * Order of two resourceVersions of one kind: negative, zero or positive. They are decimal integers of any size
 * (Kubernetes API conventions since 1.35; true of etcd's revisions at all times).
 */
export function compareVersions(a: string, b: string): number {
  if (a.length !== b.length) return a.length - b.length;
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
