// The assigned offsets of a pool as ranges, for a status: as many as fit the scratch area per call, in order.
//
//   scratch: n records of 16 bytes: u64 first, u64 last
import { BITS, CLOSED, USED, ALL, childAt, slot } from './node';
import { rootOf, topOf } from './pool';

let out: usize = 0;
let room: u32 = 0;
let written: u32 = 0;

/** Writes the ranges from `from` on that are assigned and not closed; returns how many. Touching ranges are joined. */
export function writeRanges(pool: u32, from: u64, at: usize, capacity: u32): u32 {
  out = at;
  room = capacity;
  written = 0;
  below(rootOf(pool), topOf(pool), 0, from);
  return written;
}

/** Walks the children that hold something assigned; false when the scratch area is full. */
function below(node: u32, level: u32, base: u64, from: u64): bool {
  if (!level) return leaf(node, base, from);
  const start = slot(from, level);
  let bits = load<u64>(node, USED) & (ALL << start);
  while (bits) {
    const index = <u32>ctz(bits);
    bits &= bits - 1;
    const rest: u64 = index == start ? from & (((<u64>1) << (level * BITS)) - 1) : 0;
    if (!below(childAt(node, index), level - 1, base | ((<u64>index) << (level * BITS)), rest)) return false;
  }
  return true;
}

function leaf(node: u32, base: u64, from: u64): bool {
  let bits = load<u64>(node, USED) & ~load<u64>(node, CLOSED) & (ALL << slot(from, 0));
  while (bits) {
    const start = <u32>ctz(bits);
    const length = <u32>ctz(~(bits >> start));
    if (!append(base | start, base | (start + length - 1))) return false;
    if (start + length > 63) return true;
    bits &= ALL << (start + length);
  }
  return true;
}

function append(first: u64, last: u64): bool {
  const previous = out + ((written - 1) << 4);
  if (written && load<u64>(previous, 8) + 1 == first) {
    store<u64>(previous, last, 8);
    return true;
  }
  if (written == room) return false;
  const record = out + (written << 4);
  store<u64>(record, first);
  store<u64>(record, last, 8);
  written++;
  return true;
}
