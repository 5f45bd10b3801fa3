/**
 * Hosts outside of the cluster, on the network of its nodes: the control plane's namespace, and a router behind which there
 * is another network. Each answers HTTP on a port of its own with the address that it was called from.
 */
import { join } from 'node:path';
import { compiled } from '../../config/images/compile.ts';
import { cacheRoot, repoRoot } from './cache.ts';
import type { Cluster } from './cluster.ts';
import { addressesOf, inUrl } from './family.ts';
import type { Family } from './family.ts';

const ROUTER = 'kubeloom-router';
/** Of the echo-server: HTTP, TCP, UDP. */
const PORTS = ['9080', '9081', '9082'];

export interface HostsOutside {
  readonly outsideIp: string;
  readonly routerIp: string;
  /** Behind the router alone. */
  readonly beyondIp: string;
}

/** Their addresses in each of the cluster's families. */
export const hostsOutside = (family: Family): HostsOutside[] =>
  addressesOf(family).controlPlane.map((outsideIp) =>
    outsideIp.includes(':')
      ? { outsideIp, routerIp: 'fd00:172:29::250', beyondIp: '2001:db8::1' }
      : { outsideIp, routerIp: '172.29.0.250', beyondIp: '203.0.113.1' },
  );

/** Starts both; whatever was left of an earlier run is replaced. */
export async function openOutside(cluster: Cluster): Promise<void> {
  await closeOutside(cluster);
  const { prefixOf } = addressesOf(cluster.record.family);
  const server = await compiled(join(repoRoot, 'config/images/test/echo-server.c'), cacheRoot());
  const serve = `setsid ${server} ${PORTS.join(' ')} </dev/null >/dev/null 2>&1 &`;
  await cluster.inControlPlane(['ip', 'netns', 'add', ROUTER]);
  for (const line of [
    `link add router0 type veth peer name eth0 netns ${ROUTER}`,
    'link set router0 master cluster up',
    ...hostsOutside(cluster.record.family).flatMap(({ routerIp, beyondIp }) => {
      const flags = routerIp.includes(':') ? ' nodad' : '';
      return [
        `-n ${ROUTER} address add ${routerIp}/${prefixOf(routerIp)} dev eth0${flags}`,
        `-n ${ROUTER} address add ${beyondIp} dev lo${flags}`,
      ];
    }),
    `-n ${ROUTER} link set lo up`,
    `-n ${ROUTER} link set eth0 up`,
  ])
    await cluster.inControlPlane(['ip', ...line.split(' ')]);
  await cluster.inControlPlane(['sh', '-c', serve]);
  await cluster.inControlPlane(['ip', 'netns', 'exec', ROUTER, 'sh', '-c', serve]);
}

export async function closeOutside(cluster: Cluster): Promise<void> {
  await cluster.inControlPlane(['sh', '-c', `ip link delete router0; ip netns delete ${ROUTER}; true`]);
}

/** The way back to pods whose addresses are not translated: by a node. */
export async function wayBack(cluster: Cluster, cidr: string, node: string): Promise<void> {
  await cluster.inControlPlane(['ip', 'route', 'replace', cidr, 'via', node]);
  await cluster.inControlPlane(['ip', '-n', ROUTER, 'route', 'replace', cidr, 'via', node]);
}

/** How a pod asks for the address that it is seen with, as a command of bash; nothing within half a second is no answer. */
export const seenAs = (ip: string): string => `curl -s -m 0.5 http://${inUrl(ip)}:9080/clientip`;
