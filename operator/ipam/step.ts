// What to do next about one name, from what is true now: no memory, no transitions. The whole life of an assignment is
// this one function, run again after every change.
//
//   demand, no row      allocate -> create (repeated until answered) -> row
//   demand, its row     nothing (adopt when the row names no owner yet, or another node)
//   demand, kept row    adopt: the pod has come back under its name; but not when it asks for something else now
//   demand, other row   wait: a former owner's row is removed first, a foreign one stays and is a conflict
//   row by hand         reserve: it gets what it lacks and our finalizer, and waits for its pod
//   row, no demand      remove -> deleting -> rows in NB confirmed gone -> finish -> gone; a kept one stays
//   row that lost its address to an older one: remove, then as a demand without row
import type { Demand, IpRow, Unassigned } from '../api/tables.ts';
import type { NewIp } from './writer.ts';
import { isKept, isWish } from './writer.ts';

/** An address that is held for a name until its row is there. */
export interface Reservation {
  readonly ip: NewIp;
  /**
   * untried: no object can exist; doubtful: an attempt may have made one; accepted: the API has it, its row is due.
   */
  readonly stage: 'untried' | 'doubtful' | 'accepted';
}

export interface Situation {
  readonly demand: Demand | undefined;
  readonly row: IpRow | undefined;
  readonly reservation: Reservation | undefined;
  /** `row` waits for its pod to come back. */
  readonly kept: boolean;
  /** `row` is what the demand asks for. */
  readonly fits: boolean;
  /** The row that holds an address of `row` with better right. */
  readonly winner: IpRow | undefined;
  /** Whether everything that was built from `row` is confirmed gone. */
  readonly cleared: boolean;
}

export type Action =
  | { readonly do: 'nothing' }
  | { readonly do: 'allocate'; readonly demand: Demand }
  | { readonly do: 'create'; readonly ip: NewIp }
  | { readonly do: 'adopt'; readonly row: IpRow; readonly demand: Demand }
  | { readonly do: 'reserve'; readonly row: IpRow }
  | { readonly do: 'remove'; readonly row: IpRow }
  | { readonly do: 'finish'; readonly row: IpRow }
  /** Gives back a reservation of which no object can exist. */
  | { readonly do: 'forget' };

export interface Step {
  readonly action: Action;
  /** Why the demand has no address yet; absent when it has, or when `action` is to find out. */
  readonly waiting?: Pick<Unassigned, 'reason' | 'message'>;
}

const nothing: Action = { do: 'nothing' };

export function stepOf(situation: Situation): Step {
  const { row } = situation;
  if (!row) return { action: withoutRow(situation) };
  if (row.meta.deleting) return deleting(row, situation);
  if (situation.winner) return lost(row, situation.winner, situation);
  if (situation.demand) return owned(row, situation.demand, situation);
  if (isWish(row)) return { action: { do: 'reserve', row } };
  return { action: isOurs(row) && !situation.kept ? remove(row) : nothing };
}

function withoutRow({ demand, reservation }: Situation): Action {
  if (!reservation) return demand && demand.wish?.invalid === undefined ? { do: 'allocate', demand } : nothing;
  const { ip, stage } = reservation;
  if (stage === 'accepted') return nothing;
  // A doubtful one is repeated also when nobody wants it: only an answer tells whether there is an object to remove.
  return stage === 'doubtful' || demand?.uid === ip.ownerUid ? { do: 'create', ip } : { do: 'forget' };
}

function deleting(row: IpRow, { cleared, demand }: Situation): Step {
  const finish = cleared && isKept(row);
  return {
    action: finish ? { do: 'finish', row } : nothing,
    ...(demand && { waiting: release(`IP ${row.meta.name} is being deleted`) }),
  };
}

function lost(row: IpRow, winner: IpRow, { demand }: Situation): Step {
  const message = `AddressConflict: ${row.addresses.join(',')} of subnet ${row.subnet} is held by IP ${winner.meta.name}`;
  const action = isManaged(row) ? remove(row) : nothing;
  // Nobody asks about one of ours that goes; who made one by hand does.
  return demand || isWish(row) ? { action, waiting: { reason: 'AddressConflict', message } } : { action };
}

function owned(row: IpRow, demand: Demand, { kept, fits }: Situation): Step {
  const message = unusable(row, demand);
  if (message !== undefined) return { action: nothing, waiting: { reason: 'AddressConflict', message } };
  if (isEmpty(row)) return { action: { do: 'reserve', row } };
  const isHis = row.ownerUid === demand.uid && !isPassed(row, demand);
  if (isHis && row.node === demand.node) return { action: nothing };
  if (isHis || row.ownerUid === '' || (kept && fits)) return { action: { do: 'adopt', row, demand } };
  return {
    action: remove(row),
    waiting: release(`IP ${row.meta.name} of the former ${demand.owner.kind} is to go first`),
  };
}

/** Why a demand cannot have the row that has its name. */
function unusable(row: IpRow, { podName, namespace }: Demand): string | undefined {
  const prefix = `AddressConflict: IP ${row.meta.name}`;
  if (row.podName !== podName || row.namespace !== namespace) {
    return `${prefix} belongs to ${row.namespace}/${row.podName}`;
  }
  if (!isEmpty(row) || isWish(row)) return undefined;
  return `${prefix} has no address; give it one or delete it`;
}

/** Has neither an address nor the MAC that we gave it in a subnet without addresses. */
const isEmpty = (row: IpRow): boolean => row.addresses.length === 0 && !(row.mac !== '' && isManaged(row));

/** Another address is wished for by now, and this one may be left. */
const isPassed = (row: IpRow, { wish, moves }: Demand): boolean =>
  moves === true && wish?.fixed?.some((set) => set.every((address) => row.addresses.includes(address))) === false;

/** Assigned by us, for someone whom we would know if he still existed. */
const isOurs = (row: IpRow): boolean => row.ownerUid !== '';

/** Without the finalizer an object is a reservation that somebody wrote by hand: it is his to remove. */
const isManaged = (row: IpRow): boolean => isOurs(row) || isKept(row);

const remove = (row: IpRow): Action => ({ do: 'remove', row });

const release = (message: string): Pick<Unassigned, 'reason' | 'message'> => ({
  reason: 'WaitingForRelease',
  message: `WaitingForRelease: ${message}`,
});
