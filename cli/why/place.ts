// The ends of a connection as people name them, and what they are in the northbound database: a logical switch port, an
// address, or both. A pod's port is named as Kube-OVN does, `NAME.NAMESPACE`.
import { formatIp, parseIp, type Family, type Ip } from '../../lib/net/index.ts';
import type { Party } from './answer.ts';
import { variablesOf, vipsOf, type Vip } from './load-balancer.ts';
import type { Protocol } from './packet.ts';
import type { Nb } from './rows.ts';
import type { Port, Topology } from './topology.ts';
import { ConnectionError } from './verdict.ts';

export type Place =
  | { readonly kind: 'pod' | 'service'; readonly namespace: string; readonly name: string }
  | { readonly kind: 'node' | 'port'; readonly name: string }
  | { readonly kind: 'address'; readonly ip: Ip };

const kinds: Readonly<Record<string, 'pod' | 'service' | 'node' | 'port'>> = {
  pod: 'pod',
  pods: 'pod',
  po: 'pod',
  svc: 'service',
  service: 'service',
  services: 'service',
  node: 'node',
  port: 'port',
};

/**
 * `pod/NAME`, `pod/NAMESPACE/NAME`, `NAMESPACE/NAME`, `svc/NAME`, `svc/NAMESPACE/NAME`, `node/NAME`, `port/NAME` of a
 * logical switch port, or an address. Throws ConnectionError.
 */
export function placeOf(text: string, namespace: string): Place {
  const ip = parseIp(text);
  const [first = '', ...words] = text.split('/');
  const place = ip === undefined ? named(first, words, namespace) : ({ kind: 'address', ip } as const);
  if (place !== undefined) return place;
  throw new ConnectionError(
    `${text}: neither an address nor pod/NAME, NAMESPACE/NAME, svc/NAMESPACE/NAME, node/NAME or port/NAME`,
  );
}

function named(first: string, words: readonly string[], namespace: string): Place | undefined {
  const kind = kinds[first];
  const [second = '', third] = words;
  if (first === '' || second === '' || words.length > 2) return undefined;
  if (kind === 'node' || kind === 'port') return { kind, name: words.join('/') };
  if (kind === undefined) return third === undefined ? { kind: 'pod', namespace: first, name: second } : undefined;
  return third === undefined ? { kind, namespace, name: second } : { kind, namespace: second, name: third };
}

/** What the place is called in the answer. */
export function nameOf(place: Place): string {
  if (place.kind === 'address') return formatIp(place.ip);
  return 'namespace' in place ? `${place.kind} ${place.namespace}/${place.name}` : `${place.kind} ${place.name}`;
}

/** The port of a pod, a node or itself. Throws ConnectionError. */
export function portOf(place: Exclude<Place, { kind: 'address' | 'service' }>, topology: Topology): Port {
  const name = lspName(place);
  const port = topology.ports.get(name);
  if (port === undefined) throw new ConnectionError(`${nameOf(place)}: there is no logical switch port ${name}`);
  return port;
}

function lspName(place: Exclude<Place, { kind: 'address' | 'service' }>): string {
  if (place.kind === 'pod') return `${place.name}.${place.namespace}`;
  return place.kind === 'node' ? `node-${place.name}` : place.name;
}

/** Addresses of a place by family; `service` are those that the API tells of a Service. */
export function addressesOf(place: Place, topology: Topology, service: readonly string[]): readonly Ip[] {
  if (place.kind === 'address') return [place.ip];
  if (place.kind !== 'service') return portOf(place, topology).addresses;
  return service.map(parseIp).filter((ip) => ip !== undefined);
}

/** The family that both ends have, `wished` if they can. Throws ConnectionError. */
export function commonFamily(from: readonly Ip[], to: readonly Ip[], wished: Family): Family {
  const both = ([4, 6] as const).filter((family) => [from, to].every((ips) => ips.some((ip) => ip.family === family)));
  const found = both.includes(wished) ? wished : both[0];
  if (found === undefined) throw new ConnectionError('the two ends have no address of the same family');
  return found;
}

/** The virtual addresses that a Service has of itself, from rows that name it. */
export function serviceVips(nb: Nb, namespace: string, name: string): string[] {
  const owned = vipRows(nb).filter(
    ({ owner }) => owner?.kind === 'Service' && owner.namespace === namespace && owner.name === name,
  );
  return [...new Set(owned.map(({ address }) => formatIp(address)))];
}

/** The port that an address is balanced on, when it is the only one of the protocol. */
export function onlyPort(nb: Nb, address: Ip, protocol: Protocol): number | undefined {
  const here = vipRows(nb).filter(
    (vip) => vip.address.family === address.family && vip.address.value === address.value && vip.protocol === protocol,
  );
  const ports = new Set(here.map(({ port }) => port).filter((port) => port > 0));
  return ports.size === 1 ? [...ports][0] : undefined;
}

/** The names of addresses stand for the same on every chassis. */
function vipRows(nb: Nb): Vip[] {
  const [variables] = [...variablesOf(nb.rows('Chassis_Template_Var')).values()];
  return [...nb.rows('Load_Balancer')].flatMap(([, row]) => vipsOf(row, variables));
}

export const partyOf = (place: Place, ip: Ip): Party => ({ what: nameOf(place), address: formatIp(ip) });
