/**
 * Hosts outside of the cluster, on the network of its nodes: the control plane's namespace, and a router behind which there
 * is another network. Each answers HTTP on a port of its own with the address that it was called from.
 */
import { join } from 'node:path';
import { compiled } from '../../config/images/compile.ts';
import { cacheRoot, repoRoot } from '../cluster/cache.ts';
import { addressesOf } from '../cluster/family.ts';
import { cluster } from './shared.ts';

const ROUTER = 'kubeloom-e2e-router';
/** Of the echo-server: HTTP, TCP, UDP. */
const PORTS = ['9080', '9081', '9082'];

export const [outsideIp] = addressesOf('ipv4').controlPlane;
export const routerIp = '172.29.0.250';
/** Behind the router alone. */
export const beyondIp = '203.0.113.1';

const inCluster = (...argv: readonly string[]): Promise<unknown> => cluster().inControlPlane(argv);

/** Starts both; whatever was left of an earlier run is replaced. */
export async function openOutside(): Promise<void> {
  await closeOutside();
  const server = await compiled(join(repoRoot, 'config/images/test/echo-server.c'), cacheRoot());
  const serve = `setsid ${server} ${PORTS.join(' ')} </dev/null >/dev/null 2>&1 &`;
  await inCluster('ip', 'netns', 'add', ROUTER);
  for (const line of [
    `link add router0 type veth peer name eth0 netns ${ROUTER}`,
    'link set router0 master cluster up',
    `-n ${ROUTER} address add ${routerIp}/24 dev eth0`,
    `-n ${ROUTER} address add ${beyondIp}/32 dev lo`,
    `-n ${ROUTER} link set lo up`,
    `-n ${ROUTER} link set eth0 up`,
  ])
    await inCluster('ip', ...line.split(' '));
  await inCluster('sh', '-c', serve);
  await inCluster('ip', 'netns', 'exec', ROUTER, 'sh', '-c', serve);
}

export async function closeOutside(): Promise<void> {
  await inCluster('sh', '-c', `ip link delete router0; ip netns delete ${ROUTER}; true`);
}

/** The way back to pods whose addresses are not translated: by a node. */
export async function wayBack(cidr: string, node: string): Promise<void> {
  await inCluster('ip', 'route', 'replace', cidr, 'via', node);
  await inCluster('ip', '-n', ROUTER, 'route', 'replace', cidr, 'via', node);
}

/** How a pod asks for the address that it is seen with, as a command of bash; nothing within half a second is no answer. */
export const seenAs = (ip: string): string => `curl -s -m 0.5 http://${ip}:9080/clientip`;
