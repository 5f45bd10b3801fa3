// The allocator: which offsets of which pool are assigned. Integers only; addresses, names, MACs and time are the
// caller's. Deterministic, no imports, no garbage. Order: the lowest offset that was never used, then the lowest
// released one, so that an address is not given to another pod soon after it was freed.
//
// An offset is two u32 (low, high word). Results that are an offset stand in the first record of the scratch area.
//
//   scratch: 1,024 records of 16 bytes
//     single call   u32 low, u32 high
//     batch         u32 operation (0 allocate, 1 claim, 2 release), u32 low, u32 high, u32 status; in place
//     ranges        u64 first, u64 last
import { highWater } from './memory';
import {
  FULL,
  IN_CLOSED,
  IN_USE,
  NO_MEMORY,
  NO_POOL,
  OK,
  OUTSIDE,
  assign,
  close as closeRange,
  drop,
  hasFresh,
  hasReleased,
  isPool,
  isUsed,
  last,
  lowest,
  make,
  unassign,
  within,
} from './pool';
import { writeRanges } from './ranges';

const RECORDS: u32 = 1024;
const scratchArea: usize = memory.data(1024 * 16, 8);

const ALLOCATE: u32 = 0;
const CLAIM: u32 = 1;

/** Version of this interface; the host refuses another one. */
export function abi_version(): u32 {
  return 1;
}

/** Where the scratch area begins. */
export function scratch(): u32 {
  return <u32>scratchArea;
}

/** Number of records of the scratch area. */
export function scratch_records(): u32 {
  return RECORDS;
}

/** Handle of a new pool of the offsets 0 to `last`, 0 when out of memory. */
export function create(lastLow: u32, lastHigh: u32): u32 {
  return make(wide(lastLow, lastHigh));
}

/** Gives a pool's memory back; the handle is void. */
export function destroy(pool: u32): u32 {
  if (!isPool(pool)) return NO_POOL;
  drop(pool);
  return OK;
}

/** Closes the offsets between the two in the first scratch record (u64 first, u64 last), beyond the end clipped. */
export function close(pool: u32): u32 {
  if (!isPool(pool)) return NO_POOL;
  const from = load<u64>(scratchArea);
  const to = min(load<u64>(scratchArea, 8), last(pool));
  if (from > to) return OK;
  return closeRange(pool, from, to) ? OK : NO_MEMORY;
}

/** Assigns the next offset and writes it to the scratch area: OK, FULL, NO_MEMORY or NO_POOL. */
export function allocate(pool: u32): u32 {
  return isPool(pool) ? next(pool, scratchArea) : NO_POOL;
}

/** Assigns this offset, closed or not: OK, IS_USED, OUTSIDE, NO_MEMORY or NO_POOL. */
export function claim(pool: u32, low: u32, high: u32): u32 {
  if (!isPool(pool)) return NO_POOL;
  const offset = wide(low, high);
  return within(pool, offset) ? assign(pool, offset) : OUTSIDE;
}

/** Frees this offset: OK, NOT_USED, OUTSIDE or NO_POOL. */
export function release(pool: u32, low: u32, high: u32): u32 {
  if (!isPool(pool)) return NO_POOL;
  const offset = wide(low, high);
  return within(pool, offset) ? unassign(pool, offset) : OUTSIDE;
}

/** 1 when the offset is assigned. */
export function used(pool: u32, low: u32, high: u32): u32 {
  const offset = wide(low, high);
  return isPool(pool) && within(pool, offset) && isUsed(pool, offset) ? 1 : 0;
}

/** Number of offsets that are assigned and not closed. */
export function in_use(pool: u32): u32 {
  return isPool(pool) ? load<u32>(pool, IN_USE) : 0;
}

/** Number of offsets that are assigned and closed. */
export function in_closed(pool: u32): u32 {
  return isPool(pool) ? load<u32>(pool, IN_CLOSED) : 0;
}

/** Runs the first `count` records of the scratch area in order; returns how many there were room for. */
export function batch(pool: u32, count: u32): u32 {
  const records = min(count, RECORDS);
  for (let index: u32 = 0; index < records; index++) {
    const record = scratchArea + (index << 4);
    store<u32>(record, operate(pool, record), 12);
  }
  return records;
}

/** Writes the ranges of offsets >= (low, high) that are assigned and not closed to the scratch area; returns how many. */
export function ranges(pool: u32, low: u32, high: u32): u32 {
  return isPool(pool) ? writeRanges(pool, wide(low, high), scratchArea, RECORDS) : 0;
}

/** Most bytes of memory that all pools together have ever held. */
export function high_water(): u32 {
  return highWater();
}

function operate(pool: u32, record: usize): u32 {
  if (!isPool(pool)) return NO_POOL;
  const operation = load<u32>(record);
  const low = load<u32>(record, 4);
  const high = load<u32>(record, 8);
  if (operation == ALLOCATE) return next(pool, record + 4);
  return operation == CLAIM ? claim(pool, low, high) : release(pool, low, high);
}

function next(pool: u32, result: usize): u32 {
  const fresh = hasFresh(pool);
  if (!fresh && !hasReleased(pool)) return FULL;
  const offset = lowest(pool, !fresh);
  const status = assign(pool, offset);
  if (status == OK) {
    store<u32>(result, <u32>offset);
    store<u32>(result, <u32>(offset >> 32), 4);
  }
  return status;
}

function wide(low: u32, high: u32): u64 {
  return ((<u64>high) << 32) | low;
}
