// Where a packet goes from a port of a switch, as far as addresses and connected networks tell: to a port of the same
// switch, through a router, or out.
import type { Ip } from '../../lib/net/index.ts';
import type { Port, Topology } from './topology.ts';

export type Route =
  | { readonly kind: 'direct'; readonly to: Port }
  /** Out by a port of the first switch, in by a port of the last, which may be the same. */
  | { readonly kind: 'routed'; readonly out: Port; readonly in: Port; readonly to: Port }
  | { readonly kind: 'out'; readonly out: Port }
  | { readonly kind: 'none'; readonly why: string };

/** `asked` is the address that the sender put into the packet, `actual` the one that load balancing made of it. */
export function route(topology: Topology, from: Port, addresses: { source: Ip; asked: Ip; actual: Ip }): Route {
  const { source, asked, actual } = addresses;
  const neighbour = topology.holderOn(from.switch, asked);
  if (neighbour !== undefined && neighbour !== from) return { kind: 'direct', to: neighbour };
  const out = topology.gateway(from.switch, source);
  if (out === undefined) return { kind: 'none', why: 'the switch has no router and no physical network' };
  const router = topology.routerPort(out);
  if (router === undefined) return { kind: 'out', out };
  const delivery = topology.delivery(router.router, actual);
  if (delivery === undefined) return { kind: 'out', out };
  if (delivery.to === undefined) return { kind: 'none', why: 'no port of its subnet has the address' };
  return { kind: 'routed', out, in: delivery.through, to: delivery.to };
}
