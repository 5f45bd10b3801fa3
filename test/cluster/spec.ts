/**
 * What a cluster is made of, as plain values: its options, the names derived from them, its addresses. Pure.
 *
 * Every cluster uses the same addresses, each inside network namespaces of its own; what the machine can see (cgroups,
 * environment of processes) is named after the cluster and the folder of its state.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { cacheRoot, repoRoot } from './cache.ts';
import type { Family } from './family.ts';

export const kubeProxyModes = ['iptables', 'nftables'] as const;
export type KubeProxyMode = (typeof kubeProxyModes)[number];

export interface ClusterOptions {
  name: string;
  /** Number of nodes, named n1 to nN. */
  nodes: number;
  /** No network plugin. */
  bare: boolean;
  ovnMembers: 1 | 3;
  family: Family;
  /** How kube-proxy works. ipvs is nothing that test machines' kernels have. */
  kubeProxy: KubeProxyMode;
}

/** What a running cluster was made from; written to `cluster.json` before anything is started. */
export interface ClusterRecord extends ClusterOptions {
  /** Marks its processes and cgroups; unique on the machine. */
  id: string;
  /** State folder. */
  dir: string;
  /** Overlay lowers of nodes, uppermost first. */
  lowers: readonly string[];
  /** Folder of the Kubernetes binary. */
  kubeDir: string;
  /** containerd root with the images, to be cloned; undefined for none. */
  golden?: string;
  /** Reference of the pod sandbox image. */
  pauseImage: string;
}

export const API_PORT = 6443;
export const MAX_NODES = 20;

/** Node n's name: n1, n2, ... */
export const nodeName = (n: number): string => `n${n}`;
/** 1 to n. */
export const nodeNumbers = (nodes: number): number[] => Array.from({ length: nodes }, (_, index) => index + 1);

/** Folder of all clusters' state. */
export const clustersRoot = join(repoRoot, '.cluster');
export const clusterDir = (name: string): string => join(clustersRoot, name);

/** Unique on this machine, also when two checkouts both have a cluster "dev". */
export function clusterId(name: string): string {
  return `kubeloom-${name}-${createHash('sha256').update(clusterDir(name)).digest('hex').slice(0, 8)}`;
}

/** Held by whoever brings the cluster up or down. Not in its folder, which goes while it is held. */
export const clusterLock = (name: string): string => join(cacheRoot(), 'locks', `${clusterId(name)}.lock`);

/** Files and folders below a cluster's state folder. */
export const paths = (
  dir: string,
): Record<'record' | 'pki' | 'controlPlane' | 'logs' | 'kubeconfig' | 'socket' | 'audit', string> => ({
  record: join(dir, 'cluster.json'),
  pki: join(dir, 'pki'),
  controlPlane: join(dir, 'control-plane'),
  logs: join(dir, 'logs'),
  kubeconfig: join(dir, 'kubeconfig'),
  socket: join(dir, 'api.sock'),
  audit: join(dir, 'logs', 'control-plane', 'audit.log'),
});
