// Why there is no address. The reasons are Kube-OVN's error strings: they stand in events that people and tests read.

import type { Family } from '../../lib/net/index.ts';

export type AddressReason =
  | 'NoAvailableAddress'
  | 'AddressConflict'
  | 'AddressOutOfRange'
  | 'InvalidIPFamily'
  | 'NoSubnet';

/** What has to change inside of a subnet before it is worth another try. */
export type Obstacle =
  /** All addresses of a pool are taken: of one family, or of any when a key needs one of each. '' is the default pool. */
  | { readonly full: Family | 'any'; readonly pool: string }
  /** An address or a MAC that somebody holds. */
  | { readonly held: string };

/** An address cannot be had. Nothing was assigned. */
export class AddressError extends Error {
  readonly reason: AddressReason;
  /** Absent when only another spec of the subnet would help. */
  readonly obstacle: Obstacle | undefined;

  /** The message begins with the reason, as Kube-OVN's does. */
  constructor(reason: AddressReason, detail: string, obstacle?: Obstacle) {
    super(`${reason}: ${detail}`);
    this.name = 'AddressError';
    this.reason = reason;
    this.obstacle = obstacle;
  }
}
