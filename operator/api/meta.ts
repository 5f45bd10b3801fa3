// What every object of the API says of itself, projected.
import { defaultNetworkAnnotation, networksAnnotation } from './networks.ts';
import { integerOf, objectOf, textOf, textsOf } from './json.ts';
import type { JsonObject } from './fact.ts';
import type { Meta } from './tables.ts';

export type Labels = Readonly<Record<string, string>>;

/** Labels and annotations that are read: Kube-OVN's, also those of attached networks, and which networks these are. */
export const inUse = (key: string): boolean =>
  /(?:^|\.)ovn\.kubernetes\.io\//.test(key) ||
  key.startsWith('kubeloom.io/') ||
  key === networksAnnotation ||
  key === defaultNetworkAnnotation ||
  ofOneOfSeveral.test(key) ||
  ofForeign.test(key);

/** `<definition>.<namespace>.ovn.<interface>.kubernetes.io/`: the pod has several interfaces on one network. */
const ofOneOfSeveral = /\.ovn\.[^/]+\.kubernetes\.io\//;

/**
 * `<definition>.<namespace>.kubernetes.io/`: the interface is another plugin's, the address is ours. And for networks of
 * both kinds `ip_address.<interface>` and `mac_address.<interface>`.
 */
const ofForeign =
  /^[^/]+\.[^/]+\.kubernetes\.io\/(?:allocated|(?:ip|mac)_address(?:\.[^/]+)?|ip_pool|ip_family|cidr|gateway|routes|default_route|logical_switch)$/;

/** Likewise, with the one by which objects are told that exist because of others. */
export const inUseOrGenerated = (key: string): boolean => inUse(key) || key === 'app.kubernetes.io/managed-by';

const nothing: Labels = {};

function texts(value: unknown, keep: (key: string) => boolean): Labels {
  const kept = Object.entries(objectOf(value)).filter(([key, text]) => typeof text === 'string' && keep(key));
  return kept.length === 0 ? nothing : (Object.fromEntries(kept) as Labels);
}

/** Milliseconds since the epoch of an API timestamp (RFC 3339, UTC); 0 when there is none. */
export function timeOf(value: unknown): number {
  // oxlint-disable-next-line no-restricted-globals -- parsing a text reads no clock
  const time = Date.parse(textOf(value));
  return Number.isNaN(time) ? 0 : time;
}

/** Which labels and annotations the kind's readers look at. */
interface Kept {
  readonly labels?: (key: string) => boolean;
  readonly annotations?: (key: string) => boolean;
}

export function metaOf(object: JsonObject, { labels = inUse, annotations = inUse }: Kept = {}): Meta {
  const meta = objectOf(object['metadata']);
  return {
    name: textOf(meta['name']),
    namespace: textOf(meta['namespace']),
    uid: textOf(meta['uid']),
    generation: integerOf(meta['generation']),
    deleting: textOf(meta['deletionTimestamp']) !== '',
    finalizers: textsOf(meta['finalizers']),
    labels: texts(meta['labels'], labels),
    annotations: texts(meta['annotations'], annotations),
  };
}

export const createdOf = (object: JsonObject): number => timeOf(objectOf(object['metadata'])['creationTimestamp']);
