// The Kubernetes API over connections that are kept, as a kubelet has them.
import { Agent, request } from 'node:https';
import type { Setup } from './protocol.ts';

/** Sends requests; rejects for what the API server does not accept. */
export class Api {
  readonly #setup: Setup['api'];
  readonly #agent = new Agent({ keepAlive: true });

  constructor(setup: Setup['api']) {
    this.#setup = setup;
  }

  async send(method: string, path: string, body?: object, type = 'application/json'): Promise<Record<string, unknown>> {
    const { status, text } = await this.#exchange(method, path, body === undefined ? '' : JSON.stringify(body), type);
    if (status >= 400) throw new Error(`${method} ${path}: ${status} ${text}`);
    return JSON.parse(text) as Record<string, unknown>;
  }

  #exchange(method: string, path: string, body: string, type: string): Promise<{ status: number; text: string }> {
    const { promise, resolve, reject } = Promise.withResolvers<{ status: number; text: string }>();
    const call = request(
      {
        ...this.#setup,
        agent: this.#agent,
        method,
        path,
        headers: { 'content-type': type, 'content-length': Buffer.byteLength(body) },
      },
      (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => (text += chunk));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
        response.on('error', reject);
      },
    );
    call.on('error', reject);
    call.end(body);
    return promise;
  }
}

const PODS = '/api/v1/namespaces/default/pods';

/** A pod bound to the node. The operator has nothing to do for one on the node's network, the API server has the same. */
export const podManifest = ({ node, image }: Setup, name: string, hostNetwork: boolean): object => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'default', labels: { app: 'bench' } },
  spec: {
    nodeName: node,
    hostNetwork,
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    containers: [{ name: 'main', image, imagePullPolicy: 'Never' }],
  },
});

/** Creates the pod; its UID. */
export async function createPod(api: Api, manifest: object): Promise<string> {
  const { metadata } = (await api.send('POST', PODS, manifest)) as { metadata: { uid: string } };
  return metadata.uid;
}

/** At once: the kubelet that would confirm the end is asleep. */
export async function deletePod(api: Api, name: string): Promise<void> {
  await api.send('DELETE', `${PODS}/${name}?gracePeriodSeconds=0`);
}

/** What an assignment costs the API server: an object, and then annotations of the pod by server-side apply. */
export const assignmentWrites = (
  api: Api,
  name: string,
): { object: () => Promise<void>; annotations: () => Promise<void> } => ({
  object: async () => {
    const data = {
      podName: name,
      namespace: 'default',
      subnet: 'ovn-default',
      v4IpAddress: '10.16.200.200',
      nodeName: 'n2',
    };
    const metadata = {
      name,
      labels: { app: 'bench' },
      annotations: { 'bench/owner-uid': name },
      finalizers: ['bench/held'],
    };
    await api.send('POST', '/api/v1/namespaces/default/configmaps', {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata,
      data,
    });
  },
  annotations: async () => {
    const keys = [
      'allocated',
      'routed',
      'ip_address',
      'mac_address',
      'cidr',
      'gateway',
      'logical_switch',
      'logical_router',
      'nic',
    ];
    const annotations = Object.fromEntries(keys.map((key) => [`bench/${key}`, '10.16.200.200']));
    const patch = { apiVersion: 'v1', kind: 'Pod', metadata: { name, annotations } };
    await api.send('PATCH', `${PODS}/${name}?fieldManager=bench&force=true`, patch, 'application/apply-patch+yaml');
  },
});

/** Takes the object of `assignmentWrites` away again: its finalizer, and then it. */
export async function deleteAssignment(api: Api, name: string): Promise<void> {
  const path = `/api/v1/namespaces/default/configmaps/${name}`;
  await api.send('PATCH', path, { metadata: { finalizers: null } }, 'application/merge-patch+json');
  await api.send('DELETE', path);
}
