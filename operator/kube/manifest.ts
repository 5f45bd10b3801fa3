// Bodies of server-side applies, from the facts about one object. Pure.
import { ownerAnnotation } from '../api/managers.ts';
import type { Json, JsonObject, ObjectFact, Ref } from '../api/fact.ts';
import { asObject } from './object.ts';

/** On every generated object, beside the annotation that names who wants it. */
export const managedBy = { 'app.kubernetes.io/managed-by': 'kubeloom' } as const;

/** Type of an object, for a body. */
export function typeOf({ apiVersion, kind }: Ref): JsonObject {
  return { apiVersion, kind };
}

/** Name of an object, for the metadata of a body. */
export function nameOf({ namespace, name }: Ref): JsonObject {
  return namespace === '' ? { name } : { name, namespace };
}

/** What all facts about an object want together, of the object with this UID. */
export function bodyOf(first: ObjectFact, facts: readonly ObjectFact[], uid: string | undefined): JsonObject {
  const owned: JsonObject = first.generated
    ? { metadata: { labels: managedBy, annotations: { [ownerAnnotation]: first.owner } } }
    : {};
  const wanted = facts.reduce<JsonObject>((whole, { manifest }) => merged(whole, manifest), owned);
  const identity = {
    ...typeOf(first.object),
    metadata: { ...nameOf(first.object), ...(uid === undefined ? {} : { uid }) },
  };
  return merged(wanted, identity);
}

/** Objects are merged key by key, anything else is replaced by the later one. */
export function merged(a: JsonObject, b: JsonObject): JsonObject {
  const whole: Record<string, Json> = { ...a };
  for (const [key, value] of Object.entries(b)) {
    const before = asObject(whole[key]);
    const part = asObject(value);
    whole[key] = before !== undefined && part !== undefined ? merged(before, part) : value;
  }
  return whole;
}

/** A body without the type and name under which an observation was looked up, which need not repeat them. */
export function contentOf({ apiVersion: _version, kind: _kind, metadata, ...rest }: JsonObject): JsonObject {
  const { name: _name, namespace: _namespace, uid: _uid, ...others } = asObject(metadata) ?? {};
  return { ...rest, metadata: others };
}
