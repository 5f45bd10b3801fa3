// Which gateway nodes this node asks whether they are there, and what it tells the operator of them. A few nodes ask each
// gateway, so that neither it nor the operator hears of every node of a large cluster.
import type { Report } from '../proto/kubeloom/plan/v1/Report.gen.ts';
import { NODE_PORT, tunnelLink } from './desired.ts';
import type { PeerSpec, SubnetSpec } from './items.ts';
import type { Probes } from './probes.ts';
import { host } from './state.ts';
import type { NodeState } from './state.ts';

/** Nodes that ask one gateway. */
const ASKERS = 8;

/** Key of the probe of the gateway of the join subnet, which is no name of a node. */
export const JOIN_GATEWAY = '';

/** FNV-1a: any even spread does, as long as all nodes agree. */
function weight(text: string): number {
  let hash = 0x811c9dc5;
  for (const char of text) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x01000193);
  return hash >>> 0;
}

/** Whether a node is among those that ask the gateway: those of highest weight, the gateway itself left out. */
export function asks(node: string, gateway: string, peers: readonly PeerSpec[]): boolean {
  if (node === gateway) return false;
  const own = weight(`${gateway}/${node}`);
  const others = peers.filter(({ name }) => name !== node && name !== gateway);
  return others.filter(({ name }) => weight(`${gateway}/${name}`) > own).length < ASKERS;
}

/** Gateway nodes of all centralized subnets, with an address on the join subnet. */
function gateways(subnets: readonly { readonly item: SubnetSpec }[]): Map<string, string> {
  const nodes = subnets.flatMap(({ item }) => item.gatewayNodes);
  return new Map(
    nodes.flatMap(({ name, joinAddresses }) =>
      joinAddresses[0] === undefined ? [] : [[name, joinAddresses[0]] as const],
    ),
  );
}

/** Addresses to be asked, by node. Nothing can be asked before the node is on the join subnet itself. */
export function asked({ complete, node, subnets, peers, links }: NodeState): Map<string, string> {
  const own = links.get(NODE_PORT);
  const ready = node?.item.join.addresses.every((address) => own?.addresses.includes(address)) === true;
  if (!complete || node === undefined || !ready || own?.up !== true) return new Map();
  const join = node.item.join.gateways[0];
  return new Map([
    ...(join === undefined ? [] : [[JOIN_GATEWAY, host(join)] as const]),
    ...[...gateways(subnets)].filter(([name]) => asks(node.item.name, name, peers)),
  ]);
}

/** Nobody can reach the node: its own cable is not plugged in. */
export function isCutOff(state: NodeState): boolean {
  return tunnelLink(state)?.carrier === false;
}

/** A loss is told again after so long, ms: the operator forgets what is not repeated. */
const REPEAT_MS = 1000;

export interface ReachOptions {
  readonly settings: { readonly nodeName: string };
  readonly probes: Probes;
  readonly report: (report: Report) => void;
  /** A clock of ms. */
  readonly now: () => number;
}

/** Tells each change once, what is lost again and again, and everything to each leader. */
export class Reach {
  readonly #probes: Probes;
  readonly #report: (report: Report) => void;
  readonly #now: () => number;
  readonly #told = new Map<string, { readonly lost: boolean; readonly at: number }>();
  readonly #self: string;
  #nodes: readonly string[] = [];
  #cutOff = false;
  #following = false;

  constructor({ settings, probes, report, now }: ReachOptions) {
    this.#self = settings.nodeName;
    this.#now = now;
    this.#probes = probes;
    this.#report = report;
  }

  want(addresses: ReadonlyMap<string, string>, cutOff: boolean): void {
    this.#probes.want(addresses);
    this.#nodes = [...addresses.keys()].filter((name) => name !== JOIN_GATEWAY);
    for (const name of this.#told.keys()) if (!addresses.has(name) && name !== this.#self) this.#told.delete(name);
    if (this.#cutOff && !cutOff) this.#probes.doubt();
    this.#cutOff = cutOff;
    this.tell();
  }

  /** A stream has begun or ended. What was thought while there was none may be this node's own trouble. */
  connection(following: boolean): void {
    this.#following = following;
    this.#told.clear();
    if (following) this.#probes.doubt();
  }

  tell(): void {
    if (!this.#following) return;
    // Whoever has no cable knows it first, and of others nothing.
    if (this.#cutOff || this.#told.get(this.#self)?.lost === true) this.#tell(this.#self, this.#cutOff);
    if (!this.#cutOff) this.#tellOfOthers();
  }

  /** The gateway of the join subnet is on this node: without it, it is this node that is not there. */
  #tellOfOthers(): void {
    const isHere = this.#probes.verdict(JOIN_GATEWAY)?.fresh === true;
    for (const node of this.#nodes) {
      const lost = this.#probes.verdict(node)?.lost;
      if (lost === false || (lost === true && isHere)) this.#tell(node, lost);
    }
  }

  #tell(node: string, lost: boolean): void {
    const [told, at] = [this.#told.get(node), this.#now()];
    if (told?.lost === lost && !(lost && at - told.at >= REPEAT_MS)) return;
    this.#told.set(node, { lost, at });
    this.#report({ reach: { node, lost } });
  }
}
