// What the allocator works from and what it says: rows of tables that it reads or writes.
import type { Ref } from './fact.ts';

/** What a subnet has to give. Computed from `network`; input of the allocator. */
export interface Space {
  readonly name: string;
  readonly cidrs: readonly string[];
  /** `a` or `a..b`. */
  readonly excludeIps: readonly string[];
  readonly gateways: readonly string[];
  /** Addresses of nodes: given to nobody, though they count as available, as with Kube-OVN. */
  readonly reserved: readonly string[];
  /** MAC of the gateway, '' when it is not ours. */
  readonly mac: string;
  /** Nothing is given of it any more. */
  readonly deleting: boolean;
}

/** Someone who needs an address: a bound pod's interface, a node's join port, a subnet. Computed; input of the allocator. */
export interface Demand {
  /** Name of the IP object, `<pod>.<ns>[.<provider>]` or `node-<node>`: the key of this table. */
  readonly ip: string;
  readonly owner: Ref;
  readonly uid: string;
  readonly node: string;
  /** Subnets in the order in which to try them. */
  readonly subnets: readonly string[];
  readonly podName: string;
  readonly namespace: string;
  readonly podType: string;
  /** UID of the pod's StatefulSet. */
  readonly controllerUid?: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Absent when any address will do. */
  readonly wish?: Wish;
  /** Another address takes the place of one that is not as wished: nobody runs with it. */
  readonly moves?: true;
  /** Stands in the object whatever MAC was reserved: a load balancer's Vip has that of the router port. */
  readonly mac?: string;
}

/** What is asked of an address; what is absent is chosen. */
export interface Wish {
  /** Any one of these sets will do, in this order; canonical, IPv4 first. An empty list cannot be met. */
  readonly fixed?: readonly (readonly string[])[];
  /** Otherwise: an address of one of these IPPools, in this order. */
  readonly pools?: readonly string[];
  /** Canonical; '' for an interface whose MAC is another's business. */
  readonly mac?: string;
  /** One family of a subnet that has both. */
  readonly family?: 4 | 6;
  /** Why it cannot be understood: nothing is given then. */
  readonly invalid?: string;
}

/** An IP object that stays while no pod demands it. Computed; input of the allocator. */
export interface Kept {
  readonly ip: string;
}

/** Why a demand has no address yet; written by the allocator, key = Demand.ip. */
export interface Unassigned {
  readonly ip: string;
  readonly owner: Ref;
  readonly reason:
    | 'NoAvailableAddress'
    | 'AddressConflict'
    | 'AddressOutOfRange'
    | 'InvalidIPFamily'
    | 'NoSubnet'
    | 'WaitingForRelease';
  readonly message: string;
}

/** Exact use of a subnet's addresses; written by the allocator at most once a second per subnet. */
export interface Usage {
  readonly subnet: string;
  /** IPv4 and IPv6; ranges as in `10.16.0.2-10.16.0.9,10.16.0.11`. */
  readonly families: readonly {
    readonly family: 4 | 6;
    readonly using: bigint;
    readonly available: bigint;
    readonly usingRange: string;
    readonly availableRange: string;
  }[];
}

/** The use of an IPPool's addresses; written by the allocator as often as its subnet's. */
export interface PoolUsage {
  readonly pool: string;
  readonly families: Usage['families'];
}
