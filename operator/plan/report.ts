// What agents tell back, checked: a node may speak of itself and of the pods that run on it, and of nothing else.

/** An event as the agent words it. */
export interface EventReport {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
}

export interface ConditionReport {
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: string;
  readonly message: string;
}

/** Whether a gateway node can be reached from the one that tells. */
export interface ReachReport {
  readonly node: string;
  readonly lost: boolean;
}

export type NodeReport =
  | { readonly event: EventReport }
  | { readonly chassis: { readonly systemId: string } }
  | { readonly condition: ConditionReport }
  | { readonly reach: ReachReport };

/** Message `Report` as proto-loader yields it (keepCase, defaults, oneofs). */
export interface RawReport {
  readonly event?: Readonly<Record<string, unknown>> | null;
  readonly chassis?: Readonly<Record<string, unknown>> | null;
  readonly condition?: Readonly<Record<string, unknown>> | null;
  readonly reach?: Readonly<Record<string, unknown>> | null;
}

const text = (value: unknown): string => (typeof value === 'string' ? value.slice(0, 1024) : '');

function event(raw: Readonly<Record<string, unknown>>): EventReport {
  return {
    apiVersion: text(raw['api_version']),
    kind: text(raw['kind']),
    namespace: text(raw['namespace']),
    name: text(raw['name']),
    uid: text(raw['uid']),
    type: raw['type'] === 'Warning' ? 'Warning' : 'Normal',
    reason: text(raw['reason']),
    message: text(raw['message']),
  };
}

function condition(raw: Readonly<Record<string, unknown>>): ConditionReport {
  const status = raw['status'];
  return {
    type: text(raw['type']),
    status: status === 'True' || status === 'False' ? status : 'Unknown',
    reason: text(raw['reason']),
    message: text(raw['message']),
  };
}

/** The conditions of a node that its agent is the source of. */
const conditionTypes: ReadonlySet<string> = new Set(['NetworkUnavailable']);

/**
 * The report as facts of ours, or undefined when the node has no right to say it or the message is of a newer version.
 * `nodeOfPod` tells where a pod runs.
 */
export function admitted(
  node: string,
  raw: RawReport,
  nodeOfPod: (namespace: string, name: string) => string | undefined,
): NodeReport | undefined {
  if (raw.event != null) {
    const told = event(raw.event);
    const ofPod = told.kind === 'Pod' && nodeOfPod(told.namespace, told.name) === node;
    const ofNode = told.kind === 'Node' && told.name === node;
    return ofPod || ofNode ? { event: told } : undefined;
  }
  if (raw.chassis != null) return { chassis: { systemId: text(raw.chassis['system_id']) } };
  // Of any node: what comes of it is decided by what most of them say.
  if (raw.reach != null) return { reach: { node: text(raw.reach['node']), lost: raw.reach['lost'] === true } };
  if (raw.condition == null) return undefined;
  const told = condition(raw.condition);
  return conditionTypes.has(told.type) ? { condition: told } : undefined;
}
