// Pods as a cluster has them, written into a real API server: a Deployment's pod with two containers, environment,
// probes, volumes, the nine annotations of Kube-OVN, and a status; field managers are the server's own doing.
import type { KubeClient } from '../../operator/kube/client.ts';
import { resources } from '../../operator/kube/resources.ts';
import type { JsonObject } from '../../operator/api/fact.ts';

const namespaceOf = (n: number): string => `team-${n % 40}`;
const nameOf = (n: number): string => `web-${n % 100}-6d5f8c9b7d-${n.toString(36).padStart(5, '0')}`;
const ipOf = (n: number): string => `10.16.${Math.floor(n / 250)}.${(n % 250) + 2}`;

/** The annotations of an allocated pod; `round` makes each change of it another. */
export function annotations(n: number, round: number): Record<string, string> {
  return {
    'ovn.kubernetes.io/allocated': 'true',
    'ovn.kubernetes.io/cidr': '10.16.0.0/16',
    'ovn.kubernetes.io/gateway': '10.16.0.1',
    'ovn.kubernetes.io/ip_address': ipOf(n + round),
    'ovn.kubernetes.io/logical_router': 'ovn-cluster',
    'ovn.kubernetes.io/logical_switch': 'ovn-default',
    'ovn.kubernetes.io/mac_address': `00:00:00:${[n >> 16, n >> 8, n].map((b) => (b & 255).toString(16).padStart(2, '0')).join(':')}`,
    'ovn.kubernetes.io/pod_nic_type': 'veth-pair',
    'ovn.kubernetes.io/routed': 'true',
  };
}

function container(name: string): JsonObject {
  const env = Array.from({ length: 8 }, (_, n) => ({
    name: `SETTING_${n}`,
    value: `https://service-${n}.team.svc:8443/v1`,
  }));
  const field = { name: 'POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } };
  const probe = { httpGet: { path: '/healthz', port: 8080 }, periodSeconds: 10, failureThreshold: 3 };
  return {
    name,
    image: `registry.example.com/team/${name}:v1.42.0`,
    args: ['--listen=:8080', '--log-level=info', '--config=/etc/config/settings.yaml'],
    env: [...env, field],
    ports: [{ name: 'http', containerPort: 8080 }],
    livenessProbe: probe,
    readinessProbe: probe,
    resources: { requests: { cpu: '100m', memory: '128Mi' }, limits: { memory: '256Mi' } },
    volumeMounts: [
      { name: 'config', mountPath: '/etc/config' },
      { name: 'cache', mountPath: '/var/cache/web' },
    ],
  };
}

function pod(n: number): JsonObject {
  const controller = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: `web-${n % 100}-6d5f8c9b7d`, controller: true };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      namespace: namespaceOf(n),
      name: nameOf(n),
      labels: { app: `web-${n % 100}`, team: namespaceOf(n), tier: 'frontend', 'pod-template-hash': '6d5f8c9b7d' },
      annotations: { ...annotations(n, 0), 'prometheus.io/scrape': 'true', 'prometheus.io/port': '8080' },
      ownerReferences: [{ ...controller, uid: '0b0e0c7e-52ae-4c3a-9d2a-7f1a5ad3e6a1' }],
    },
    spec: {
      nodeName: `node-${n % 100}`,
      containers: [container('web'), container('proxy')],
      volumes: [
        { name: 'config', configMap: { name: 'web-config' } },
        { name: 'cache', emptyDir: { sizeLimit: '1Gi' } },
      ],
      tolerations: [
        { key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 },
      ],
    },
  };
}

function status(n: number): JsonObject {
  const time = '2026-01-01T00:00:00Z';
  const types = ['PodReadyToStartContainers', 'Initialized', 'Ready', 'ContainersReady', 'PodScheduled'];
  return {
    phase: 'Running',
    hostIP: `192.168.0.${n % 100}`,
    podIP: ipOf(n),
    podIPs: [{ ip: ipOf(n) }],
    startTime: time,
    conditions: types.map((type) => ({ type, status: 'True', lastTransitionTime: time })),
    containerStatuses: ['web', 'proxy'].map((name) => ({
      name,
      ready: true,
      started: true,
      restartCount: 0,
      image: `registry.example.com/team/${name}:v1.42.0`,
      imageID: `registry.example.com/team/${name}@sha256:${'ab'.repeat(32)}`,
      containerID: `containerd://${n.toString(16).padStart(64, '0')}`,
      state: { running: { startedAt: time } },
    })),
  };
}

const ref = (n: number) => ({ apiVersion: 'v1', kind: 'Pod', namespace: namespaceOf(n), name: nameOf(n) });

const namespace = (n: number): JsonObject => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name: namespaceOf(n) },
});

/** Runs `work` for 0 to `count` - 1, so many at a time. */
async function each(count: number, width: number, work: (n: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: width }, lane));
}

/** Makes pods 0 to `count` - 1, as a ReplicaSet and a kubelet do: created, then given a status. */
export async function createPods(client: KubeClient, count: number): Promise<void> {
  await each(40, 8, (n) => client.create(resources.Namespace, namespace(n)));
  await each(count, 48, async (n) => {
    await client.create(resources.Pod, pod(n));
    await client.patch(ref(n), { type: 'merge', body: { status: status(n) } }, 'status');
  });
}

/** Gives pods 0 to `count` - 1 another address. */
export function changePods(client: KubeClient, count: number, round: number): Promise<void> {
  return each(count, 48, (n) =>
    client.patch(ref(n), { type: 'merge', body: { metadata: { annotations: annotations(n, round) } } }),
  );
}
