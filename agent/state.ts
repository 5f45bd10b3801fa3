// What the wants of all drivers are computed from: the plan, the settings, and what the node has.
import { familyOf } from '../lib/net/index.ts';
import type { Link } from './drivers/link.ts';
import type { PlacedGateway } from './gateways.ts';
import type { NodeSpec, PeerSpec, PortSpec, SubnetSpec } from './items.ts';
import type { CapturedPort } from './probe-proxy.ts';
import type { Settings } from './settings.ts';

export interface NodeState {
  readonly settings: Settings;
  /** Whether the plan is whole: from an InitDone, of this process or of the file. */
  readonly complete: boolean;
  readonly node: { readonly key: string; readonly item: NodeSpec } | undefined;
  readonly subnets: readonly { readonly key: string; readonly item: SubnetSpec }[];
  readonly peers: readonly PeerSpec[];
  /** Ports of pods here whose subnets pass on what leaves to a gateway outside, by their own node. */
  readonly passed: readonly { readonly key: string; readonly item: PortSpec }[];
  /** Pods here that pass on what comes to them from outside. */
  readonly gateways: readonly PlacedGateway[];
  /** Ports that the kubelet's probes are led into pods by; undefined where that is not asked for. */
  readonly captured: readonly CapturedPort[] | undefined;
  readonly links: ReadonlyMap<string, Link>;
  /** Addresses recorded at br-phy. */
  readonly taken: readonly string[];
  readonly randomFully: boolean;
  /** Names of kube-proxy's ipsets, which are there in its mode ipvs. */
  readonly proxySets: ReadonlySet<string>;
  /** The tunnel interface leads elsewhere too (a default route): taken into a bridge it would cut the node off. */
  readonly nicBusy: boolean;
}

export const host = (prefix: string): string => prefix.replace(/\/.*/, '');
export const family = (text: string): 4 | 6 => familyOf(host(text)) ?? 4;
export const ofFamily = (texts: readonly string[], wanted: 4 | 6): string | undefined =>
  texts.find((text) => family(text) === wanted);

/**
 * Gives the same object as long as nothing of it has changed: what is computed from a state is computed once, and who has
 * seen the object has seen what it holds.
 */
export class Steady {
  #last: NodeState | undefined;

  of(next: NodeState): NodeState {
    const last = this.#last;
    const fields = Object.keys(next) as (keyof NodeState)[];
    if (last !== undefined && fields.every((field) => isSame(last[field], next[field]))) return last;
    this.#last = next;
    return next;
  }
}

/** Lists of names and the like are made anew each time. */
function isSame(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false;
  return a.every((value, at) => value === b[at]);
}

/** The function, computed once for each state. */
export function once<T>(of: (state: NodeState) => T): (state: NodeState) => T {
  const known = new WeakMap<NodeState, { readonly value: T }>();
  return (state) => {
    const found = known.get(state) ?? { value: of(state) };
    known.set(state, found);
    return found.value;
  };
}
