// Workloads that are made for others: pods that pass traffic on between the cluster and a network outside, and what the
// administrator says of all of them.
import { integerOf, objectOf, textOf } from './json.ts';
import type { JsonObject } from './fact.ts';
import { metaOf } from './meta.ts';
import type { Meta } from './tables.ts';

/** A Deployment of ours. */
export interface DeploymentRow {
  readonly meta: Meta;
  /** What is to be written is compared with it. */
  readonly spec: JsonObject;
  /** A pod of it is ready. */
  readonly ready: boolean;
}

/** ConfigMap `ovn-vpc-nat-config`. */
export interface NatConfigRow {
  /** Of the containers that pass traffic on. */
  readonly image: string;
  /** Where they may run; labels of nodes. */
  readonly nodeSelector: Readonly<Record<string, string>>;
}

export const natConfigName = 'ovn-vpc-nat-config';

/** Of pods of such a Deployment: the Service that they are for. */
export const forwardsKey = 'kubeloom.io/forwards-for';

export function deploymentRow(source: unknown): DeploymentRow {
  const object = objectOf(source);
  return {
    meta: metaOf(object, { labels: () => true }),
    spec: objectOf(object['spec']),
    ready: integerOf(objectOf(object['status'])['readyReplicas']) > 0,
  };
}

/** Undefined for any other ConfigMap. */
export function natConfigRow(source: unknown): NatConfigRow | undefined {
  const object = objectOf(source);
  if (textOf(objectOf(object['metadata'])['name']) !== natConfigName) return undefined;
  const data = objectOf(object['data']);
  return { image: textOf(data['image']).trim(), nodeSelector: selectorOf(textOf(data['nodeSelector'])) };
}

/** `label: value`, one a line. */
function selectorOf(text: string): Record<string, string> {
  const lines = text.split('\n').map((line) => /^\s*([^\s:]+)\s*:\s*(.*?)\s*$/.exec(line));
  const pairs = lines.filter((match) => match !== null).map(([, key = '', value = '']) => [key, unquoted(value)]);
  return Object.fromEntries(pairs) as Record<string, string>;
}

const unquoted = (text: string): string => text.replace(/^(["'])(.*)\1$/, '$2');
