// The nodes of a pool's tree. Fan-out 64, so a node's summary of its children is one u64 and the lowest child with a
// property is one ctz. A leaf is 64 addresses, one bit each; an inner node has one bit per child.
//
//   offset   leaf (level 0, SMALL)                   inner (level 1.., LARGE)
//   0   u64  SPENT     used now, before, or closed   the child has no address that was never used
//   8   u64  RELEASED  was used, is free             the child has such an address
//   16  u64  USED      assigned                      the child has such an address
//   24  u64  CLOSED    never given out by itself     u32 number of children that exist, u32 unused
//   32                                               u32[8] rows; row r = u32[8] children 8r .. 8r+7 (SMALL), 0 = none
//
// A child that does not exist is uniform, and its parent's two bits say what it is:
//
//   SPENT RELEASED   every address below is
//   0     0          never used
//   1     1          released
//   1     0          closed
//
// USED of a missing child is 0. Nodes that become uniform are given back (`shrink`), so that addresses which came and
// went cost nothing, and a pool of 2^64 addresses costs what its assigned addresses cost.
import { LARGE, SMALL, give, take } from './memory';

export const SPENT: usize = 0;
export const RELEASED: usize = 8;
export const USED: usize = 16;
export const CLOSED: usize = 24;
const CHILDREN: usize = 24;
const ROWS: usize = 32;

export const ALL: u64 = ~(<u64>0);

/** log2 of the fan-out. */
export const BITS: u32 = 6;

/** Index of the child of a node of this level on the way to an offset. */
export function slot(offset: u64, level: u32): u32 {
  return <u32>(offset >> (level * BITS)) & 63;
}

export function bit(index: u32): u64 {
  return (<u64>1) << index;
}

/** The bits of `from` to `to`, both included, both below 64. */
export function bitsOf(from: u32, to: u32): u64 {
  return (ALL << from) & (ALL >> (63 - to));
}

/** The child, 0 when it is uniform and so does not exist. */
export function childAt(node: u32, index: u32): u32 {
  const row = load<u32>(rowAddress(node, index));
  return row ? load<u32>(row + ((index & 7) << 2)) : 0;
}

/** The child, made from its parent's bits when it did not exist. 0: out of memory, and nothing has changed. */
export function ensureChild(node: u32, index: u32, level: u32): u32 {
  const present = childAt(node, index);
  if (present) return present;
  const rowAt = rowAddress(node, index);
  let row = load<u32>(rowAt);
  if (!row) {
    row = take(SMALL);
    if (!row) return 0;
    store<u32>(rowAt, row);
  }
  const child = take(level == 1 ? SMALL : LARGE);
  if (!child) return 0;
  fill(child, level - 1, (load<u64>(node, SPENT) & bit(index)) != 0, (load<u64>(node, RELEASED) & bit(index)) != 0);
  store<u32>(row + ((index & 7) << 2), child);
  store<u32>(node, load<u32>(node, CHILDREN) + 1, CHILDREN);
  return child;
}

/**
 * Brings the bits of one child up to date in its parent, and gives the child back when it has become uniform.
 * Returns whether anything above can differ now.
 */
export function summarize(node: u32, index: u32, level: u32): bool {
  const child = childAt(node, index);
  if (!child) return false;
  const mask = bit(index);
  let changed = put(node, SPENT, mask, load<u64>(child, SPENT) == ALL);
  changed = put(node, RELEASED, mask, load<u64>(child, RELEASED) != 0) || changed;
  changed = put(node, USED, mask, load<u64>(child, USED) != 0) || changed;
  return shrink(node, index, level) || changed;
}

/** Gives a node and all below it back. */
export function discard(node: u32, level: u32): void {
  if (level) {
    for (let index: u32 = 0; index < 64; index++) {
      const child = childAt(node, index);
      if (child) discard(child, level - 1);
    }
    giveRows(node);
  }
  give(node, level ? LARGE : SMALL);
}

function fill(node: u32, level: u32, spent: bool, released: bool): void {
  store<u64>(node, spent ? ALL : 0, SPENT);
  store<u64>(node, released ? ALL : 0, RELEASED);
  if (!level) store<u64>(node, spent && !released ? ALL : 0, CLOSED);
}

function shrink(node: u32, index: u32, level: u32): bool {
  const child = childAt(node, index);
  if (!uniform(child, level - 1)) return false;
  discard(child, level - 1);
  store<u32>(load<u32>(rowAddress(node, index)) + ((index & 7) << 2), 0);
  store<u32>(node, load<u32>(node, CHILDREN) - 1, CHILDREN);
  return true;
}

/** All below released, or all below closed. Never used again is impossible: what was once used stays spent. */
function uniform(node: u32, level: u32): bool {
  if (load<u64>(node, USED) || load<u64>(node, SPENT) != ALL) return false;
  if (level && load<u32>(node, CHILDREN)) return false;
  const released = load<u64>(node, RELEASED);
  return released == 0 || released == ALL;
}

function put(node: usize, field: usize, mask: u64, on: bool): bool {
  const old = load<u64>(node + field);
  const now = on ? old | mask : old & ~mask;
  store<u64>(node + field, now);
  return old != now;
}

function giveRows(node: u32): void {
  for (let row: u32 = 0; row < 8; row++) {
    const block = load<u32>(<usize>node + ROWS + (row << 2));
    if (block) give(block, SMALL);
  }
}

function rowAddress(node: u32, index: u32): usize {
  return <usize>node + ROWS + ((index >> 3) << 2);
}
