// A cluster for checks: objects as the API has them, projected and derived as in the running webhook.
import { isObject, textOf } from '../../../operator/api/json.ts';
import type { JsonObject } from '../../../operator/api/fact.ts';
import { clusterRow } from '../../../operator/cluster-row.ts';
import type { KubeObject } from '../../../operator/kube/object.ts';
import { keyOf } from '../../../operator/kube/resources.ts';
import { settingsOf } from '../../../operator/settings.ts';
import type { AdmissionVerdict } from '../../../operator/policy/admission.ts';
import type { AdmissionRequest, Operation } from '../../../operator/webhook/admission-review.ts';
import type { View, WebhookIndexes, WebhookTables } from '../../../operator/webhook/checks/check.ts';
import { fillings } from '../../../operator/webhook/mirrors.ts';
import { review, type ReviewerOptions } from '../../../operator/webhook/reviewer.ts';
import { stateOf, type State } from '../../../operator/webhook/state.ts';
import { Graph } from '../../../lib/graph/graph.ts';

export interface Shape {
  readonly name: string;
  readonly namespace?: string;
  readonly spec?: JsonObject;
  readonly status?: JsonObject;
  readonly metadata?: JsonObject;
}

const groups: Readonly<Record<string, string>> = {
  Pod: 'v1',
  Node: 'v1',
  Namespace: 'v1',
  Deployment: 'apps/v1',
  StatefulSet: 'apps/v1',
  DaemonSet: 'apps/v1',
  Job: 'batch/v1',
  CronJob: 'batch/v1',
  NetworkAttachmentDefinition: 'k8s.cni.cncf.io/v1',
};

/** An object of the kind; of ours unless it is one of Kubernetes' or Multus'. */
export function object(kind: string, { name, namespace, metadata = {}, ...rest }: Shape): JsonObject {
  const uid = `uid-${kind}-${name}`;
  const place = namespace === undefined ? {} : { namespace };
  return {
    apiVersion: groups[kind] ?? 'kubeovn.io/v1',
    kind,
    metadata: { name, uid, creationTimestamp: '2026-01-01T00:00:00Z', resourceVersion: '1', ...place, ...metadata },
    ...rest,
  };
}

function staged(): { graph: Graph<WebhookTables, WebhookIndexes>; state: State } {
  const graph = new Graph<WebhookTables, WebhookIndexes>({
    clock: { now: () => 0, defer: (fn) => fn() },
    sliceMs: Infinity,
  });
  return { graph, state: stateOf(graph, clusterRow(settingsOf(new Map(), []).settings, '', ['10.96.0.1'])) };
}

/** Tables that nothing is in. */
export const inputsOf = (): State['inputs'] => staged().state.inputs;

/** What checks see when there are these objects. */
export function viewOf(objects: readonly JsonObject[]): View {
  const { graph, state } = staged();
  const kinds = new Map(fillings(state.inputs).map(({ resource, projection }) => [resource.kind, projection]));
  graph.enter(() => {
    for (const one of objects as unknown as KubeObject[]) {
      const filled = kinds.get(one.kind);
      if (!filled) throw new Error(`${one.kind} is not mirrored`);
      filled.table.set(keyOf(one.metadata), filled.project(one));
    }
  });
  graph.settleNow();
  return state.view;
}

/** The request for an object; for DELETE `given` is what there is. */
export function request(operation: Operation, given: JsonObject, before?: JsonObject): AdmissionRequest {
  const [apiVersion, kind, metadata] = [textOf(given['apiVersion']), textOf(given['kind']), given['metadata']];
  const { name, namespace } = isObject(metadata) ? metadata : {};
  return {
    uid: 'r1',
    group: apiVersion.includes('/') ? (apiVersion.split('/')[0] ?? '') : '',
    kind,
    namespace: textOf(namespace),
    name: textOf(name),
    subresource: '',
    operation,
    username: 'kubernetes-admin',
    object: operation === 'DELETE' ? undefined : given,
    oldObject: operation === 'DELETE' ? given : before,
  };
}

export const operator = 'system:serviceaccount:kube-system:ovn';

/** The verdict with mirrors that are up to date. */
export function judged(
  asked: AdmissionRequest,
  objects: readonly JsonObject[],
  more: Partial<ReviewerOptions> = {},
): Promise<AdmissionVerdict> {
  return review(asked, { view: viewOf(objects), read: async () => [], operators: [operator], ...more });
}
