/**
 * Configuration of the programs of a cluster: flags, configuration files, the audit policy. Pure text from a record; who
 * writes it where is in control-plane.ts and node.ts.
 */
import { join } from 'node:path';
import { addressesOf, inUrl } from './family.ts';
import type { Family } from './family.ts';
import { API_PORT, nodeName, nodeNumbers, paths } from './spec.ts';
import type { ClusterRecord } from './spec.ts';

/** What clients of the API server are told. */
export const apiServer = (family: Family): string =>
  `https://${inUrl(addressesOf(family).controlPlane[0])}:${API_PORT}`;

const flags = (values: Readonly<Record<string, string | number | boolean>>): string =>
  Object.entries(values)
    .map(([name, value]) => `--${name}=${value}\n`)
    .join('');

/** Arguments of the control plane's programs, one per line, by the program's name. */
export function controlPlaneArguments(record: ClusterRecord): Record<string, string> {
  const { pki, controlPlane } = paths(record.dir);
  const client = { kubeconfig: join(controlPlane, 'admin.conf'), 'leader-elect': false };
  return {
    // The data is gone with the cluster, so nothing is gained by waiting for the disk.
    etcd: flags({
      'data-dir': '/mnt',
      'unsafe-no-fsync': true,
      'listen-client-urls': 'http://127.0.0.1:2379',
      'advertise-client-urls': 'http://127.0.0.1:2379',
      'listen-peer-urls': 'http://127.0.0.1:2380',
      'initial-advertise-peer-urls': 'http://127.0.0.1:2380',
      'initial-cluster': 'default=http://127.0.0.1:2380',
    }),
    'kube-apiserver': apiServerArguments(record),
    'kube-controller-manager': flags({
      ...client,
      kubeconfig: join(controlPlane, 'kube-controller-manager.conf'),
      'root-ca-file': join(pki, 'ca.crt'),
      'service-account-private-key-file': join(pki, 'sa.key'),
      'cluster-signing-cert-file': join(pki, 'ca.crt'),
      'cluster-signing-key-file': join(pki, 'ca.key'),
      'use-service-account-credentials': true,
      // With the default of 20 requests a second its controllers need four seconds before they start.
      'kube-api-qps': 500,
      'kube-api-burst': 1000,
    }),
    'kube-scheduler': flags({
      ...client,
      kubeconfig: join(controlPlane, 'kube-scheduler.conf'),
      'kube-api-qps': 500,
      'kube-api-burst': 1000,
    }),
  };
}

function apiServerArguments(record: ClusterRecord): string {
  const { pki, controlPlane, audit } = paths(record.dir);
  const addresses = addressesOf(record.family);
  return flags({
    'etcd-servers': 'http://127.0.0.1:2379',
    'advertise-address': addresses.controlPlane[0],
    'secure-port': API_PORT,
    'service-cluster-ip-range': addresses.services,
    'tls-cert-file': join(pki, 'apiserver.crt'),
    'tls-private-key-file': join(pki, 'apiserver.key'),
    'client-ca-file': join(pki, 'ca.crt'),
    'service-account-key-file': join(pki, 'sa.pub'),
    'service-account-signing-key-file': join(pki, 'sa.key'),
    'service-account-issuer': 'https://kubernetes.default.svc.cluster.local',
    'authorization-mode': 'Node,RBAC',
    'enable-admission-plugins': 'NodeRestriction',
    'allow-privileged': true,
    'kubelet-client-certificate': join(pki, 'apiserver-kubelet-client.crt'),
    'kubelet-client-key': join(pki, 'apiserver-kubelet-client.key'),
    'kubelet-preferred-address-types': 'InternalIP',
    'audit-policy-file': join(controlPlane, 'audit-policy.yaml'),
    'audit-log-path': audit,
    'audit-log-format': 'json',
    // MB; a rotated log would hide writes from who counts them.
    'audit-log-maxsize': 2000,
    'max-requests-inflight': 2000,
    'max-mutating-requests-inflight': 1000,
  });
}

/**
 * Who asked for what, without bodies. Tests count the product's writes by it, so every write of anyone is there but for
 * leases and events, which have a rhythm of their own.
 */
export const AUDIT_POLICY = {
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  omitStages: ['RequestReceived', 'ResponseStarted'],
  rules: [
    { level: 'None', verbs: ['get', 'list', 'watch'] },
    { level: 'None', resources: [{ group: 'coordination.k8s.io', resources: ['leases'] }] },
    {
      level: 'None',
      resources: [
        { group: '', resources: ['events'] },
        { group: 'events.k8s.io', resources: ['events'] },
      ],
    },
    { level: 'Metadata' },
  ],
};

/** Files below the node's /etc/kubernetes, by name; kubeconfigs and the CA certificate come on top. */
export function nodeFiles(record: ClusterRecord, n: number): Record<string, string> {
  const { dns, node } = addressesOf(record.family);
  return {
    'kubelet.yaml': JSON.stringify({ ...KUBELET, clusterDNS: dns }, null, 2),
    'kube-proxy.yaml': JSON.stringify(
      { ...KUBE_PROXY, mode: record.kubeProxy, hostnameOverride: nodeName(n) },
      null,
      2,
    ),
    'containerd.toml': containerd(record.pauseImage),
    'resolv.conf': dns.map((ip) => `nameserver ${ip}\n`).join(''),
    hosts: [
      '127.0.0.1 localhost',
      '::1 localhost ip6-localhost ip6-loopback',
      ...nodeNumbers(record.nodes).flatMap((other) => node(other).map((ip) => `${ip} ${nodeName(other)}`)),
      '',
    ].join('\n'),
  };
}

const KUBELET = {
  apiVersion: 'kubelet.config.k8s.io/v1beta1',
  kind: 'KubeletConfiguration',
  authentication: {
    anonymous: { enabled: false },
    webhook: { enabled: true },
    x509: { clientCAFile: '/etc/kubernetes/ca.crt' },
  },
  authorization: { mode: 'Webhook' },
  containerRuntimeEndpoint: 'unix:///run/containerd/containerd.sock',
  cgroupDriver: 'cgroupfs',
  failCgroupV1: false,
  failSwapOn: false,
  clusterDomain: 'cluster.local',
  resolvConf: '/etc/kubernetes/resolv.conf',
  // The machine's disk and memory are shared by all nodes: neither full disks nor old images are a node's business.
  evictionHard: {},
  imageGCHighThresholdPercent: 100,
  enforceNodeAllocatable: [],
  syncFrequency: '10s',
  nodeStatusUpdateFrequency: '4s',
  registerNode: true,
};

/**
 * conntrack 0: its sysctls belong to the machine, not to a node. No NIC has that prefix: to kube-proxy nobody is a local pod,
 * so that what comes to a Service by a node is masqueraded, and answers of pods find the way back. Pods of all nodes come by
 * ovn0 with their own addresses; where their range is `clusterCIDR` they are local on every node, and those of the default
 * subnet meet backends of other nodes in spite of `externalTrafficPolicy: Local`.
 */
const KUBE_PROXY = {
  apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
  kind: 'KubeProxyConfiguration',
  clientConnection: { kubeconfig: '/etc/kubernetes/kube-proxy.conf' },
  detectLocalMode: 'InterfaceNamePrefix',
  detectLocal: { interfaceNamePrefix: 'no-pod' },
  conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: '0s', tcpCloseWaitTimeout: '0s' },
  iptables: { minSyncPeriod: '0.2s' },
  nftables: { minSyncPeriod: '0.2s' },
};

const containerd = (pause: string): string => `version = 2
[plugins."io.containerd.grpc.v1.cri"]
  restrict_oom_score_adj = true
  sandbox_image = "${pause}"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/opt/cni/bin"
    conf_dir = "/etc/cni/net.d"
`;
