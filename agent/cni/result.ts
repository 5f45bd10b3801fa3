// Results of ADD in the shape that each version of the specification prescribes: an IP's `version` is there up to 0.4.0
// only, an interface's `mtu` from 1.1.0 on.
import { familyOf, parsePrefix } from '../../lib/net/index.ts';
import type { PortSpec, RouteSpec } from '../items.ts';
import type { CniRequest } from './request.ts';
import { SUPPORTED_VERSIONS } from './request.ts';

/** What ADD has made. */
export interface Nic {
  readonly host: string;
  readonly mtu: number;
}

interface ResultRoute {
  readonly dst: string;
  readonly gw?: string;
}

const DEFAULT = { 4: '0.0.0.0/0', 6: '::/0' } as const;

/** Routes of a port in the order in which they are set: default routes of the gateways first, then the listed ones. */
export function portRoutes(port: PortSpec, asked: readonly ResultRoute[] = []): RouteSpec[] {
  const family = (ip: string): 4 | 6 => familyOf(ip) ?? 4;
  const routes: RouteSpec[] = port.defaultRoute
    ? port.gateways.map((gateway) => ({ dst: DEFAULT[family(gateway)], gateway }))
    : [];
  routes.push(...port.routes.map((route) => ({ ...route, dst: route.dst || DEFAULT[family(route.gateway)] })));
  for (const { dst, gw } of asked) {
    const gateway = gw ?? port.gateways.find((ip) => family(ip) === parsePrefix(dst)?.ip.family);
    if (gateway !== undefined) routes.push({ dst, gateway });
  }
  return routes;
}

/** The object that goes to standard output of a successful ADD. */
export function addResult(request: CniRequest, port: PortSpec, nic: Nic | undefined): Record<string, unknown> {
  const { cniVersion } = request.conf;
  const old = ['0.3.0', '0.3.1', '0.4.0'].includes(cniVersion);
  const mtu = cniVersion === '1.1.0' && nic !== undefined ? { mtu: nic.mtu } : {};
  const ips = port.addresses.map((address) => {
    const family = parsePrefix(address)?.ip.family ?? 4;
    const gateway = port.gateways.find((ip) => familyOf(ip) === family);
    return {
      ...(old ? { version: String(family) } : {}),
      address,
      ...(gateway === undefined ? {} : { gateway }),
      ...(nic === undefined ? {} : { interface: 1 }),
    };
  });
  const interfaces =
    nic === undefined
      ? {}
      : {
          interfaces: [
            { name: nic.host, ...mtu },
            { name: request.ifname, mac: port.mac, sandbox: request.netns, ...mtu },
          ],
        };
  const routes = portRoutes(port, request.conf.routes).map(({ dst, gateway }) => ({ dst, gw: gateway }));
  return { cniVersion, ...interfaces, ips, routes, dns: request.conf.dns };
}

/** The answer to VERSION: the version asked for, where we speak it. */
export function versionResult(cniVersion: string): Record<string, unknown> {
  return {
    cniVersion: SUPPORTED_VERSIONS.includes(cniVersion) ? cniVersion : '0.3.1',
    supportedVersions: SUPPORTED_VERSIONS,
  };
}
