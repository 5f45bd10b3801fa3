// What a policy module with hook `ipam` is asked and what it may answer: an offer is all that an interface could be given
// without the module, and a choice can only leave over less of it.

/** As the module is handed it, and JSON, as aliases can be. The parts with a label or an annotation are there when the module declares them. */
export type Offer = {
  readonly namespace: { readonly name: string; readonly labels?: Texts };
  readonly pod: { readonly name: string; readonly uid: string; readonly labels?: Texts; readonly annotations?: Texts };
  readonly node: { readonly name: string; readonly labels?: Texts };
  /** Provider: `ovn` for the default network. */
  readonly interface: string;
  readonly families: readonly (4 | 6)[];
  /** In the order in which they are tried. */
  readonly subnets: readonly OfferedSubnet[];
  readonly pools: readonly OfferedPool[];
  /** An address outside of these pools is not offered. */
  readonly poolRequired: boolean;
  /** Where the pod itself lists addresses: one of these sets. */
  readonly addresses?: readonly (readonly string[])[];
};

type Texts = Readonly<Record<string, string>>;

export type OfferedSubnet = {
  readonly name: string;
  readonly vpc: string;
  readonly provider: string;
  readonly cidrs: readonly string[];
  /** `a` or `a..b`: what nobody is given unless he asks for it, and pools that are not offered. */
  readonly excludeIps: readonly string[];
};

export type OfferedPool = {
  readonly name: string;
  readonly subnet: string;
  /** `a` or `a..b`. */
  readonly ranges: readonly string[];
  readonly labels?: Texts;
};

/** What a module leaves over, each list in order of preference; without any it has no opinion. */
export interface Choice {
  readonly subnets?: readonly string[];
  readonly pools?: readonly string[];
  /** Sets of at most one address per family; canonical. */
  readonly addresses?: readonly (readonly string[])[];
  /** Alone: there shall be no address, and why. */
  readonly denied?: string;
}

/** Why a demand is kept back. */
export interface Undecided {
  readonly ip: string;
  readonly subnets: readonly string[];
  /** Names the module. */
  readonly message: string;
}
