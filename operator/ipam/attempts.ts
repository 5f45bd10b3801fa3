// A demand and everything that would do for it, tried in order. Knows nothing of what was tried before.
import type { Demand, IpRow, Unassigned, Wish } from '../api/tables.ts';
import { AddressError } from './errors.ts';
import type { AddressReason } from './errors.ts';
import type { Ipam, Wants } from './ipam.ts';
import type { Place } from './waiters.ts';
import type { NewIp } from './writer.ts';
import { newIp, reservationOf } from './writer.ts';

/** There is none now. */
export interface Failure {
  readonly why: Pick<Unassigned, 'reason' | 'message'>;
  /** Where something may change. */
  readonly places: readonly Place[];
}

interface Attempt {
  readonly subnet: string;
  readonly error: AddressError;
}

/** What is free now, reserved under the name of the demand. `isLeaving`: nothing is given from such a subnet any more. */
export function attempt(ipam: Ipam, demand: Demand, isLeaving: (subnet: string) => boolean): NewIp | Failure {
  const failed: Attempt[] = [];
  for (const subnet of demand.subnets) {
    for (const wants of choices(demand.wish, (pool) => ipam.subnetOfPool(pool) === subnet)) {
      const outcome = isLeaving(subnet) ? leaving(subnet) : tried(ipam, demand, { subnet, wants });
      if (!(outcome instanceof AddressError)) return outcome;
      failed.push({ subnet, error: outcome });
    }
  }
  return { why: whyNot(demand, failed), places: placesOf(demand, failed) };
}

/** An object that was made by hand with what it lacks: an address of its subnet, a MAC. */
export function completed(ipam: Ipam, row: IpRow): NewIp | Failure {
  const { subnet, addresses, mac, meta } = row;
  try {
    if (addresses.length > 0) return reservationOf(row, { addresses, mac: mac === '' ? ipam.freeMac(subnet) : mac });
    const wants = mac === '' ? {} : { mac };
    return reservationOf(row, ipam.holding(subnet, meta.name) ?? ipam.allocate(subnet, meta.name, wants));
  } catch (error) {
    if (!(error instanceof AddressError)) throw error;
    const { obstacle } = error;
    return { why: whyOf(error), places: [{ subnet, ...(obstacle && { obstacle }) }] };
  }
}

/** Whether what a row has is what the demand asks for. */
export const fits = (ipam: Ipam, row: IpRow, { subnets, wish = {} }: Demand): boolean =>
  subnets.includes(row.subnet) && isAmong(wish, row) && isOfPools(wish, row, ipam) && isOf(wish, row);

const isAmong = ({ fixed }: Wish, { addresses }: IpRow): boolean =>
  !fixed || fixed.some((set) => set.every((address) => addresses.includes(address)));

const isOfPools = ({ pools }: Wish, { subnet, addresses }: IpRow, ipam: Ipam): boolean =>
  !pools || pools.some((pool) => ipam.isOfPool(pool, subnet, addresses));

const isOf = ({ family, mac }: Wish, row: IpRow): boolean =>
  (mac === undefined || mac === row.mac) &&
  (family === undefined || row.addresses.every((text) => text.includes(':') === (family === 6)));

const leaving = (subnet: string): AddressError => new AddressError('NoSubnet', `subnet ${subnet} is being deleted`);

function tried(
  ipam: Ipam,
  demand: Demand,
  { subnet, wants }: { readonly subnet: string; readonly wants: Wants },
): NewIp | AddressError {
  try {
    const { addresses, mac } = ipam.allocate(subnet, demand.ip, wants);
    return newIp(demand, { subnet, addresses, mac: demand.mac ?? mac });
  } catch (error) {
    if (error instanceof AddressError) return error;
    throw error;
  }
}

/** `isHere`: whether a pool is a part of the subnet in question. */
function choices({ fixed, pools, mac, family }: Wish = {}, isHere: (pool: string) => boolean): Wants[] {
  const wants: Wants = { ...(mac !== undefined && { mac }), ...(family && { families: [family] }) };
  if (fixed) return fixed.map((addresses) => ({ ...wants, addresses }));
  return pools ? pools.filter(isHere).map((pool) => ({ ...wants, pool })) : [wants];
}

/** What a user can do most about comes first. */
const telling: readonly AddressReason[] = [
  'AddressConflict',
  'NoAvailableAddress',
  'InvalidIPFamily',
  'AddressOutOfRange',
  'NoSubnet',
];

function whyNot(demand: Demand, failed: readonly Attempt[]): Failure['why'] {
  const { owner, podName, subnets, wish } = demand;
  const errors = telling.flatMap((reason) => failed.filter(({ error }) => error.reason === reason));
  const error = errors[0]?.error;
  if (subnets.length === 0) return whyOf(new AddressError('NoSubnet', `${owner.kind} ${podName} has no subnet`));
  if (!error) return whyOf(new AddressError('NoAvailableAddress', nowhere(demand)));
  const listed = wish?.fixed?.length ?? 1;
  if (listed === 1) return whyOf(error);
  return whyOf(new AddressError('NoAvailableAddress', `none of ${listed} listed is free (${error.message})`));
}

/** There was nothing to try. */
const nowhere = ({ podName, wish }: Demand): string =>
  wish?.pools ? `there is no ippool ${wish.pools.join(', ')}` : `the list of addresses has none for ${podName}`;

const whyOf = ({ reason, message }: AddressError): Failure['why'] => ({ reason, message });

function placesOf(demand: Demand, failed: readonly Attempt[]): Place[] {
  const inside = failed.map(({ subnet, error: { obstacle } }) => ({ subnet, ...(obstacle && { obstacle }) }));
  const waiting = new Set(inside.map(({ subnet }) => subnet));
  return [...inside, ...demand.subnets.filter((subnet) => !waiting.has(subnet)).map((subnet) => ({ subnet }))];
}
