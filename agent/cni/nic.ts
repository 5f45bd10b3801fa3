// A pod's interface as text for `ip -batch`: names, and the few lines that make it, all of them in the pod's namespace.
import { cidrOf, containsIp, parseIp, parsePrefix } from '../../lib/net/index.ts';
import { EVERYTHING } from '../drivers/route.ts';
import type { PortSpec } from '../items.ts';
import type { Run } from '../run.ts';
import { CommandError } from '../run.ts';
import type { CniRequest } from './request.ts';
import { portRoutes } from './result.ts';

/** The two ends of a pod's veth pair; the pod's end has its name as an alias, since in the pod it is called otherwise. */
export interface NicNames {
  readonly host: string;
  readonly pod: string;
}

/** Room in a name of 15 bytes for the container id, `_`, the interface and `_h`. */
const ID_LENGTH = 12;

/** `<container id>_h` and `_c` for eth0, with the interface's name between for others; long ones are shortened. */
export function nicNames(containerId: string, ifname: string): NicNames {
  if (ifname === 'eth0') {
    const id = containerId.slice(0, ID_LENGTH);
    return { host: `${id}_h`, pod: `${id}_c` };
  }
  // Names of KubeVirt are `pod` and 11 hexadecimal digits: the start of the container id must still fit.
  const short = ifname.length > 8 ? `${ifname.slice(0, 3)}${ifname.slice(-4)}` : ifname;
  const id = containerId.slice(0, ID_LENGTH - short.length);
  return { host: `${id}_${short}_h`, pod: `${id}_${short}_c` };
}

/**
 * What `ip -n` must be told to enter a namespace given by its path: it takes names below /var/run/netns only, and
 * follows `..` there (iproute2 6.1 and 6.15, lib/namespace.c).
 */
export function netnsName(path: string): string {
  const named = /^(?:\/var)?\/run\/netns\/([^/]+)$/.exec(path)?.[1];
  return named ?? `../../..${path}`;
}

/** A gateway outside of the interface's own prefixes is reachable all the same: it is on the link. */
function onLink(port: PortSpec, gateway: string): string {
  const ip = parseIp(gateway);
  const within = port.addresses.some((address) => {
    const prefix = parsePrefix(address);
    return prefix !== undefined && ip !== undefined && containsIp(cidrOf(prefix), ip);
  });
  return within ? '' : ' onlink';
}

/**
 * Everything, for one `ip` in the pod's namespace: the pair with the host's end born in `hostNetns`, a path, and up (as the
 * device that is asked for; a peer cannot be, ENOTCONN), then the pod's end. IPv6 without duplicate detection: the allocator
 * has done it, and a tentative address sends nothing.
 */
export function nicBatch(names: NicNames, request: CniRequest, port: PortSpec, hostNetns: string): string[] {
  const { ifname } = request;
  const link = `mtu ${port.mtu} txqueuelen 1000`;
  const addresses = port.addresses.map((address) => {
    const six = parsePrefix(address)?.ip.family === 6;
    return `address add ${address} dev ${ifname}${six ? ' nodad' : ''}`;
  });
  const routes = portRoutes(port, request.conf.routes).map(
    ({ dst, gateway }) => `route replace ${dst} via ${gateway} dev ${ifname}${onLink(port, gateway)}`,
  );
  return [
    `link add name ${names.host} up ${link} netns ${hostNetns} type veth peer name ${ifname} address ${port.mac} ${link}`,
    `link set dev ${ifname} alias ${names.pod} up`,
    ...addresses,
    ...routes,
  ];
}

/**
 * Takes the default routes out of the way of one that another plugin is about to set: as the kernel has it, a second one of
 * the same metric is refused.
 */
export async function withoutDefaultRoutes(run: Run, request: CniRequest, port: PortSpec): Promise<void> {
  const wanted = new Set(portRoutes(port, request.conf.routes).map(({ dst }) => dst));
  const lines = Object.values(EVERYTHING).flatMap((dst) => (wanted.has(dst) ? [`route delete ${dst}`] : []));
  if (lines.length === 0) return;
  try {
    await run(['ip', '-n', netnsName(request.netns), '-force', '-batch', '-'], `${lines.join('\n')}\n`);
  } catch (error) {
    // ESRCH is what the kernel says of a route that is not there; `-force` tells of each line that failed.
    const said = error instanceof CommandError ? error.stderr.split('\n') : [];
    const isNone = said.every((line) => /No such process|^Command failed/.test(line));
    if (said.length === 0 || !isNone) throw error;
  }
}
