/** What the end-to-end tests of the product share: the cluster, manifests in few words, and looks into OVN. */
import { openCluster, type Cluster } from '../cluster/cluster.ts';
import { toolsOf } from './tools.ts';

export const e2eCluster = 'e2e';

export const cluster = (): Cluster => openCluster(e2eCluster);

export interface PodOptions {
  readonly node?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly command?: readonly string[];
  readonly restartPolicy?: 'Always' | 'Never';
  /** Beside those that every container has: `NET_ADMIN` to change its interfaces. */
  readonly capabilities?: readonly string[];
  readonly ports?: readonly ContainerPort[];
}

interface ContainerPort {
  readonly name: string;
  readonly containerPort: number;
  readonly protocol: 'TCP' | 'UDP' | 'SCTP';
}

/** A pod of the test image: an echo server unless it has a command of its own. */
export function podManifest(namespace: string, name: string, options: PodOptions = {}): object {
  const {
    node,
    annotations = {},
    labels = {},
    command,
    restartPolicy = 'Always',
    capabilities = [],
    ports = [],
  } = options;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace, annotations, labels: { e2e: name, ...labels } },
    spec: {
      ...(node !== undefined && { nodeName: node }),
      restartPolicy,
      terminationGracePeriodSeconds: 1,
      containers: [
        {
          name: 'main',
          image: 'docker.io/kubeloom/test:dev',
          imagePullPolicy: 'Never',
          ports,
          ...(capabilities.length > 0 && { securityContext: { capabilities: { add: capabilities } } }),
          ...(command === undefined
            ? { readinessProbe: { httpGet: { path: '/healthz', port: 8080 }, periodSeconds: 1 } }
            : { command }),
        },
      ],
    },
  };
}

/** An object of ours. */
export const custom = (kind: string, name: string, spec: object, namespace?: string): object => ({
  apiVersion: 'kubeovn.io/v1',
  kind,
  metadata: { name, ...(namespace !== undefined && { namespace }) },
  spec,
});

export const {
  apply,
  freshNamespace,
  readyPod,
  annotate,
  object,
  inCentral,
  nbctl,
  field,
  events,
  pidsOnNode,
  killOnNode,
  settled,
} = toolsOf(cluster);
