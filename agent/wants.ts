// What each driver, and each watch, wants of a state: computed once for each.
import { linkWant, NODE_PORT, ovsWant, TUNNEL_BRIDGE, tunnelLink } from './desired.ts';
import { gatewayWant } from './gateways.ts';
import { ipsetWant, iptablesWant } from './netfilter.ts';
import { asked } from './reach.ts';
import { egressLinks, routeWant, ruleWant } from './routing.ts';
import { once } from './state.ts';
import type { NodeState } from './state.ts';

export const wants = {
  ovs: once(ovsWant),
  link: once(linkWant),
  route: once(routeWant),
  rule: once(ruleWant),
  ipset: once(ipsetWant),
  iptables: once(iptablesWant),
  gateway: once(gatewayWant),
  asked: once(asked),
  /** Names of the links whose changes matter. */
  links: once((state: NodeState): readonly string[] => [
    NODE_PORT,
    TUNNEL_BRIDGE,
    ...(tunnelLink(state)?.name ?? '').split(' '),
    ...egressLinks(state),
  ]),
} as const;
