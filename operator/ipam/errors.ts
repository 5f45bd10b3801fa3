// Why there is no address. The reasons are Kube-OVN's error strings: they stand in events that people and tests read.

export type AddressReason = 'NoAvailableAddress' | 'AddressConflict' | 'AddressOutOfRange' | 'NoSubnet';

/** An address cannot be had. Nothing was assigned. */
export class AddressError extends Error {
  readonly reason: AddressReason;

  /** The message begins with the reason, as Kube-OVN's does. */
  constructor(reason: AddressReason, detail: string) {
    super(`${reason}: ${detail}`);
    this.name = 'AddressError';
    this.reason = reason;
  }
}
