// Pods that pass on what comes to an interface outside (lb-svc): what is to be in the network namespace of each. They run
// no program for it. The kernel's part is in words of drivers/gateway.ts.
import { cidrOf, formatCidr, parsePrefix } from '../lib/net/index.ts';
import type { Want } from './drivers/driver.ts';
import {
  addressLine,
  forwardingLine,
  looseLine,
  natLine,
  routeLine,
  ruleLine,
  textOf,
  upLine,
} from './drivers/gateway.ts';
import type { Family } from './drivers/iptables.ts';
import { EVERYTHING } from './drivers/route.ts';
import { mapOf } from './drivers/ovs-replica.ts';
import type { OvsReplica } from './drivers/ovs-replica.ts';
import type { ForwardSpec, GatewaySpec } from './items.ts';
import { family, ofFamily } from './state.ts';
import type { NodeState } from './state.ts';

/** A gateway whose namespace is known. */
export interface PlacedGateway {
  /** Of the plan item. */
  readonly key: string;
  readonly item: GatewaySpec;
  /** Path of the namespace. */
  readonly netns: string;
}

interface KeyedGateway {
  readonly key: string;
  readonly item: GatewaySpec;
}

/** Where gateways are. One stays the same object for as long as nothing of it has changed. */
export class Gateways {
  #placed: readonly PlacedGateway[] = [];

  of(gateways: readonly KeyedGateway[], replica: OvsReplica): readonly PlacedGateway[] {
    const before = new Map(this.#placed.map((one) => [one.key, one]));
    this.#placed = gateways.flatMap(({ key, item }) => {
      const netns = netnsOf(item, replica);
      const known = before.get(key);
      if (netns === undefined) return [];
      return [known?.item === item && known.netns === netns ? known : { key, item, netns }];
    });
    return this.#placed;
  }
}

/** What the ADD of its interface has been told; a pod of the same name before it does not count. */
function netnsOf({ ifaceId, pod }: GatewaySpec, replica: OvsReplica): string | undefined {
  const ids = replica.ofIfaceId(ifaceId).map(({ row }) => mapOf(row, 'external_ids'));
  return ids.find((own) => own.get('kubeloom-uid') === pod.uid)?.get('pod_netns');
}

/** By path of the namespace. */
export function gatewayWant({ complete, gateways }: NodeState): Want | undefined {
  if (!complete) return undefined;
  return new Map(gateways.map(({ key, item, netns }) => [netns, { text: textOf(linesOf(item)), from: key }]));
}

function* linesOf(item: GatewaySpec): Iterable<string> {
  yield upLine(item.ifname);
  for (const address of item.addresses) {
    yield addressLine(item.ifname, address);
    yield* passing(item, address);
  }
  const families = new Set(item.addresses.map(family));
  for (const af of families) yield* translating(item.forwards, af);
}

/** What comes by either interface goes by a table of its own: the pod's other routes are for the pod. */
function* passing(item: GatewaySpec, address: string): Iterable<string> {
  const af = family(address);
  const { ifname, innerIfname } = item;
  yield forwardingLine(af);
  // Who comes by the way that leads elsewhere, in the view of the main table, is welcome.
  if (af === 4) yield looseLine(ifname);
  const prefix = parsePrefix(address);
  if (prefix) yield routeLine(af, formatCidr(cidrOf(prefix)), { dev: ifname });
  const [outer, inner] = [ofFamily(item.gateways, af), ofFamily(item.innerGateways, af)];
  if (outer !== undefined) yield routeLine(af, EVERYTHING[af], { via: outer, dev: ifname });
  for (const target of targetsOf(item.forwards, af))
    yield routeLine(af, whole(target), { ...(inner !== undefined && { via: inner }), dev: innerIfname });
  yield ruleLine(af, ifname);
  yield ruleLine(af, innerIfname);
}

/** Answers have to come back by here, so what is passed on comes from here. */
function* translating(forwards: readonly ForwardSpec[], af: Family): Iterable<string> {
  for (const { protocol, address, port, target, sources } of forwards.filter((one) => family(one.address) === af)) {
    const to = af === 6 ? `[${target}]:${port}` : `${target}:${port}`;
    const rule = `-d ${whole(address)} -p ${protocol} -m ${protocol} --dport ${port} -j DNAT --to-destination ${to}`;
    for (const from of sources.length === 0 ? [''] : sources)
      yield natLine(af, 'DNAT', from === '' || from === EVERYTHING[af] ? rule : `-s ${from} ${rule}`);
  }
  for (const target of targetsOf(forwards, af)) yield natLine(af, 'SNAT', `-d ${whole(target)} -j MASQUERADE`);
}

const targetsOf = (forwards: readonly ForwardSpec[], af: Family): string[] => [
  ...new Set(forwards.map(({ target }) => target).filter((target) => family(target) === af)),
];

const whole = (address: string): string => `${address}/${family(address) === 6 ? 128 : 32}`;
