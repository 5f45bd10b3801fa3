// What a pod asks of one of its ports beside the address, by the annotations of one provider. A malformed annotation asks
// for nothing, and is told in the words of Kube-OVN's check.
import { canonicalCidr, canonicalIp } from '../../lib/net/index.ts';
import type { Route } from '../plan/item.ts';
import { annotationKey } from './annotation-key.ts';
import { commaList, listOf, objectOf, textOf } from './json.ts';
import { isObjectName } from './security-row.ts';

export interface PortWish {
  /** Only the port's own addresses, and `vips`, may be its source. */
  readonly security: boolean;
  /** Further addresses that the pod answers for. */
  readonly vips: readonly string[];
  /** What is for nobody else on the switch may be for this port. */
  readonly forwards: boolean;
  /** Names of the SecurityGroups that the port is to be in. */
  readonly groups: readonly string[];
  readonly routes: readonly Route[];
  /** Next hops of what it sends beyond the subnets of its VPC, instead of its subnet's; one per family. */
  readonly northGateways: readonly string[];
  /** Absent: the first interface has it. */
  readonly defaultRoute?: boolean;
  readonly errors: readonly string[];
}

type Annotations = Readonly<Record<string, string>>;

const suffixes = [
  'routes',
  'default_route',
  'port_security',
  'port_vips',
  'layer2_forward',
  'security_groups',
  'north_gateway',
] as const;

const nothing: PortWish = {
  security: false,
  vips: [],
  forwards: false,
  groups: [],
  routes: [],
  northGateways: [],
  errors: [],
};

export function portWish(annotations: Annotations, provider: string): PortWish {
  const key = (suffix: (typeof suffixes)[number]): string => annotationKey(provider, suffix);
  // Most pods ask for nothing.
  if (!suffixes.some((suffix) => key(suffix) in annotations)) return nothing;
  const said = (suffix: (typeof suffixes)[number]): string => (annotations[key(suffix)] ?? '').trim();
  const routes = routesOf(said('routes'));
  const isDefault = said('default_route');
  return {
    security: said('port_security') === 'true',
    vips: addressesIn(said('port_vips')),
    forwards: said('layer2_forward') === 'true',
    groups: [...new Set(commaList(said('security_groups')).filter(isObjectName))],
    routes: routes ?? [],
    northGateways: addressesIn(said('north_gateway')),
    ...(['true', 'false'].includes(isDefault) && { defaultRoute: isDefault === 'true' }),
    errors: [
      ...(routes ? [] : [`${said('routes')} is not a valid ${key('routes')}`]),
      ...(['port_vips', 'north_gateway'] as const).flatMap((suffix) =>
        commaList(said(suffix))
          .filter((text) => canonicalIp(text) === undefined)
          .map((text) => `${text} in ${key(suffix)} is not a valid address`),
      ),
      ...commaList(said('security_groups'))
        .filter((text) => !isObjectName(text))
        .map((text) => `${text} in ${key('security_groups')} is not a valid name`),
    ],
  };
}

/** The addresses in a list such as `port_vips`, each once. */
export const addressesIn = (text: string): string[] => [
  ...new Set(commaList(text).flatMap((address) => canonicalIp(address) ?? [])),
];

/** `[{"dst":"192.0.2.0/24","gw":"10.16.0.9"}]`; no dst is the default route. Undefined when any part is malformed. */
function routesOf(text: string): Route[] | undefined {
  if (text === '') return [];
  const entries = parsed(text);
  if (!Array.isArray(entries)) return undefined;
  const routes = listOf(entries)
    .map(objectOf)
    .map(({ dst, gw }) => routeOf(textOf(dst), textOf(gw)));
  return routes.includes(undefined) ? undefined : routes.filter((route) => route !== undefined);
}

function routeOf(dst: string, gw: string): Route | undefined {
  const [to, gateway] = [dst === '' ? '' : canonicalCidr(dst), canonicalIp(gw)];
  return to === undefined || gateway === undefined ? undefined : { dst: to, gateway };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
