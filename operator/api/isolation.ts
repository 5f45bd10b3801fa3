// What a subnet says of who may reach its pods.

/** Who may talk to the pods of a subnet. */
export interface Isolation {
  /** Other subnets may not. */
  readonly isPrivate: boolean;
  /** Ranges that may all the same; canonical. */
  readonly allowSubnets: readonly string[];
  /** Rules of the user. */
  readonly acls: readonly SwitchRule[];
  /** With rules of the user: the subnet's own pods always may. */
  readonly allowInside: boolean;
}

/** An entry of spec.acls that OVN takes. */
export interface SwitchRule {
  readonly direction: 'to-lport' | 'from-lport';
  readonly priority: number;
  readonly match: string;
  readonly action: string;
}
