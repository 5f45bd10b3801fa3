// A packet on its way from a port, or from outside, to where it ends.
import type { Ip } from '../../lib/net/index.ts';
import type { Course, End } from './course.ts';
import type { Network } from './network.ts';
import type { Header } from './packet.ts';
import { route, type Route } from './route.ts';
import type { Port } from './topology.ts';
import { Traveller, type Journey } from './traveller.ts';

export interface Arrival extends Course {
  /** As its receiver sees it. */
  readonly header: Header;
  /** The client's own address, if it has reached itself by a virtual one. */
  readonly looped?: Ip;
}

/** From a port of the network. */
export function walk(network: Network, journey: Journey): Arrival {
  const { from, header } = journey;
  const traveller = new Traveller(network, journey);
  if (!from.enabled) return arrival(traveller, { kind: 'disabled', port: from });
  traveller.change({ 'eth.dst': nextHop(header, routeOf(network, journey, header.destination)) });
  const stopped = traveller.ingress(from);
  if (stopped !== undefined) return arrival(traveller, stopped);
  if (traveller.looped !== undefined) return arrival(traveller, traveller.egress(from));
  if (asksDhcp(from, header)) return arrival(traveller, { kind: 'answered', by: 'DHCP' });
  const aim = routeOf(network, journey, traveller.header.destination);
  return arrival(traveller, onwards(traveller, aim));
}

/** From outside: `journey.from` is the port by which it comes to the switch of the receiver. */
export function walkIn(network: Network, journey: Journey, to: Port): Arrival {
  const traveller = new Traveller(network, journey);
  traveller.change({ 'eth.dst': to.mac });
  return arrival(traveller, traveller.ingress(journey.from) ?? traveller.egress(to));
}

const arrival = ({ steps, header, looped }: Traveller, end: End): Arrival => ({
  steps,
  end,
  header,
  ...(looped && { looped }),
});

const routeOf = (network: Network, { from, header }: Journey, actual: Ip): Route =>
  route(network.topology, from, { source: header.source, asked: header.destination, actual });

function onwards(traveller: Traveller, aim: Route): End {
  if (aim.kind === 'none') return { kind: 'no-route', why: aim.why };
  if (aim.kind === 'direct') return traveller.egress(aim.to);
  const end = traveller.egress(aim.out);
  if (end.kind !== 'delivered') return end;
  if (aim.kind === 'out') return { kind: 'left', port: aim.out };
  traveller.hop(aim.in, aim.to);
  return traveller.ingress(aim.in) ?? traveller.egress(aim.to);
}

/** Where the sender sends it on the link. */
function nextHop({ destination }: Header, aim: Route): bigint {
  if (isBroadcast(destination))
    return destination.family === 4 ? broadcast : (0x3333n << 32n) | (destination.value & 0xffffffffn);
  if (aim.kind === 'direct') return aim.to.mac;
  return aim.kind === 'none' ? 0n : aim.out.mac;
}

const broadcast = (1n << 48n) - 1n;

const isBroadcast = ({ family, value }: Ip): boolean =>
  family === 4 ? value === 0xffffffffn : value >> 120n === 0xffn;

/** `ls_in_dhcp_options`: OVN answers itself, past all rules towards the port. */
function asksDhcp(from: Port, { protocol, sourcePort, port, destination }: Header): boolean {
  if (protocol !== 'udp' || !from.dhcp.includes(destination.family) || !isBroadcast(destination)) return false;
  return destination.family === 4 ? sourcePort === 68 && port === 67 : sourcePort === 546 && port === 547;
}
