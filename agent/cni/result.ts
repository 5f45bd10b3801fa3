// Results of ADD in the shape that each version of the specification prescribes: an IP's `version` is there up to 0.4.0
// only, an interface's `mtu` from 1.1.0 on.
import { familyOf, parsePrefix } from '../../lib/net/index.ts';
import { EVERYTHING } from '../drivers/route.ts';
import type { PortSpec, RouteSpec } from '../items.ts';
import { SUPPORTED_VERSIONS } from './conf.ts';
import type { PrevResult } from './conf.ts';
import type { CniRequest } from './request.ts';

/** What ADD has made. */
export interface Nic {
  readonly host: string;
  readonly mtu: number;
}

interface ResultRoute {
  readonly dst: string;
  readonly gw?: string;
}

/** Routes of a port in the order in which they are set: default routes of the gateways first, then the listed ones. */
export function portRoutes(port: PortSpec, asked: readonly ResultRoute[] = []): RouteSpec[] {
  const family = (ip: string): 4 | 6 => familyOf(ip) ?? 4;
  const routes: RouteSpec[] = port.defaultRoute
    ? port.gateways.map((gateway) => ({ dst: EVERYTHING[family(gateway)], gateway }))
    : [];
  routes.push(...port.routes.map((route) => ({ ...route, dst: route.dst || EVERYTHING[family(route.gateway)] })));
  for (const { dst, gw } of asked) {
    const gateway = gw ?? port.gateways.find((ip) => family(ip) === parsePrefix(dst)?.ip.family);
    if (gateway !== undefined) routes.push({ dst, gateway });
  }
  return routes;
}

type JsonObject = Readonly<Record<string, unknown>>;

function ownInterfaces({ ifname, netns, conf }: CniRequest, port: PortSpec, nic: Nic): JsonObject[] {
  const mtu = conf.cniVersion === '1.1.0' ? { mtu: nic.mtu } : {};
  return [
    { name: nic.host, ...mtu },
    { name: ifname, mac: port.mac, sandbox: netns, ...mtu },
  ];
}

/** `index` is the pod's end in the list of interfaces; undefined for an IPAM plugin, whose caller fills it in. */
function ownIps(cniVersion: string, port: PortSpec, index: number | undefined): JsonObject[] {
  const old = ['0.3.0', '0.3.1', '0.4.0'].includes(cniVersion);
  return port.addresses.map((address) => {
    const family = parsePrefix(address)?.ip.family ?? 4;
    const gateway = port.gateways.find((ip) => familyOf(ip) === family);
    return {
      ...(old ? { version: String(family) } : {}),
      address,
      ...(gateway === undefined ? {} : { gateway }),
      ...(index === undefined ? {} : { interface: index }),
    };
  });
}

const NOTHING: PrevResult = { interfaces: [], ips: [], routes: [], dns: {} };

/** What another plugin applies: an abbreviated result, without interfaces. */
export function addressResult({ conf }: CniRequest, port: PortSpec): JsonObject {
  const routes = portRoutes(port, conf.routes).map(({ dst, gateway }) => ({ dst, gw: gateway }));
  return { cniVersion: conf.cniVersion, ips: ownIps(conf.cniVersion, port, undefined), routes, dns: conf.dns };
}

/** The object that goes to standard output of a successful ADD: what the plugins before have made, then what is ours. */
export function addResult(request: CniRequest, port: PortSpec, nic: Nic): JsonObject {
  const { cniVersion, dns, routes, prevResult: before = NOTHING } = request.conf;
  const own = portRoutes(port, routes).map(({ dst, gateway }) => ({ dst, gw: gateway }));
  return {
    cniVersion,
    interfaces: [...before.interfaces, ...ownInterfaces(request, port, nic)],
    ips: [...before.ips, ...ownIps(cniVersion, port, before.interfaces.length + 1)],
    routes: [...before.routes, ...own],
    dns: Object.keys(dns).length === 0 ? before.dns : dns,
  };
}

/** The answer to VERSION: in the version that was asked in, whether we speak it or not. */
export function versionResult(cniVersion: string): JsonObject {
  return { cniVersion: cniVersion || SUPPORTED_VERSIONS.at(-1), supportedVersions: SUPPORTED_VERSIONS };
}
