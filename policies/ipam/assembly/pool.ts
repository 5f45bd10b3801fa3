// A pool: the offsets 0 .. last, last below 2^64, as a tree of nodes deep enough for them.
//
//   header (SMALL)
//   0   u32  MAGIC      zero or a free-list link once the pool is gone
//   4   u32  ROOT       inner node of level LEVELS - 1
//   8   u32  LEVELS     2 for up to 4,096 offsets .. 11 for 2^64
//   12  u32  IN_USE     assigned and not closed
//   16  u32  IN_CLOSED  assigned and closed: given on request only, and not counted as using
//   24  u64  LAST
import { LARGE, SMALL, give, inHeap, take } from './memory';
import {
  ALL,
  BITS,
  CLOSED,
  RELEASED,
  SPENT,
  USED,
  bit,
  bitsOf,
  childAt,
  discard,
  ensureChild,
  slot,
  summarize,
} from './node';

const MAGIC: u32 = 0x6b6c6970;
const ROOT: usize = 4;
const LEVELS: usize = 8;
export const IN_USE: usize = 12;
export const IN_CLOSED: usize = 16;
const LAST: usize = 24;

/** What an operation says. */
export const OK: u32 = 0;
export const FULL: u32 = 1;
export const IS_USED: u32 = 2;
export const NOT_USED: u32 = 3;
export const OUTSIDE: u32 = 4;
export const NO_POOL: u32 = 5;
export const NO_MEMORY: u32 = 6;

/** Nodes on the way to the offset in hand, by level; at most 11. */
const path: usize = memory.data(16 * 4);

/** A new pool, every offset never used; 0 when out of memory. */
export function make(last: u64): u32 {
  const pool = take(SMALL);
  const root = take(LARGE);
  if (!pool || !root) {
    if (pool) give(pool, SMALL);
    if (root) give(root, LARGE);
    return 0;
  }
  const width: u32 = 64 - <u32>clz(last | 1);
  const levels: u32 = max((width + BITS - 1) / BITS, 2);
  store<u32>(pool, MAGIC);
  store<u32>(pool, root, ROOT);
  store<u32>(pool, levels, LEVELS);
  store<u64>(pool, last, LAST);
  if (cutTail(root, levels - 1, last)) return pool;
  drop(pool);
  return 0;
}

export function drop(pool: u32): void {
  discard(load<u32>(pool, ROOT), load<u32>(pool, LEVELS) - 1);
  store<u32>(pool, 0);
  give(pool, SMALL);
}

export function isPool(pool: u32): bool {
  return inHeap(pool) && load<u32>(pool) == MAGIC;
}

export function within(pool: u32, offset: u64): bool {
  return offset <= load<u64>(pool, LAST);
}

export function last(pool: u32): u64 {
  return load<u64>(pool, LAST);
}

export function hasFresh(pool: u32): bool {
  return load<u64>(load<u32>(pool, ROOT), SPENT) != ALL;
}

export function hasReleased(pool: u32): bool {
  return load<u64>(load<u32>(pool, ROOT), RELEASED) != 0;
}

/** The lowest offset that was never used (`released` false), or that is released. There must be one. */
export function lowest(pool: u32, released: bool): u64 {
  let node = load<u32>(pool, ROOT);
  let level = load<u32>(pool, LEVELS);
  let offset: u64 = 0;
  while (node) {
    level--;
    const index = <u32>ctz(released ? load<u64>(node, RELEASED) : ~load<u64>(node, SPENT));
    offset |= (<u64>index) << (level * BITS);
    node = level ? childAt(node, index) : 0;
  }
  // A missing child is uniform: its lowest offset is its first, all further bits zero.
  return offset;
}

/** Marks an offset as assigned: OK, IS_USED or NO_MEMORY. */
export function assign(pool: u32, offset: u64): u32 {
  if (!descend(pool, offset)) return NO_MEMORY;
  const leaf = load<u32>(path);
  const mask = bit(slot(offset, 0));
  if (load<u64>(leaf, USED) & mask) return IS_USED;
  store<u64>(leaf, load<u64>(leaf, SPENT) | mask, SPENT);
  store<u64>(leaf, load<u64>(leaf, RELEASED) & ~mask, RELEASED);
  store<u64>(leaf, load<u64>(leaf, USED) | mask, USED);
  count(pool, (load<u64>(leaf, CLOSED) & mask) != 0, 1);
  ascend(pool, offset);
  return OK;
}

/** Marks an assigned offset as released, or as closed when it is: OK, or NOT_USED. */
export function unassign(pool: u32, offset: u64): u32 {
  if (!isUsed(pool, offset)) return NOT_USED;
  // The way exists, since missing children hold nothing that is used.
  descend(pool, offset);
  const leaf = load<u32>(path);
  const mask = bit(slot(offset, 0));
  const closed = (load<u64>(leaf, CLOSED) & mask) != 0;
  store<u64>(leaf, load<u64>(leaf, USED) & ~mask, USED);
  if (!closed) store<u64>(leaf, load<u64>(leaf, RELEASED) | mask, RELEASED);
  count(pool, closed, -1);
  ascend(pool, offset);
  return OK;
}

export function isUsed(pool: u32, offset: u64): bool {
  let node = load<u32>(pool, ROOT);
  let level = load<u32>(pool, LEVELS) - 1;
  while (node && level) {
    node = childAt(node, slot(offset, level));
    level--;
  }
  return node != 0 && (load<u64>(node, USED) & bit(slot(offset, 0))) != 0;
}

/**
 * Closes `from` .. `to`: they are given out on request only, and do not return to the pool. False: out of memory, with
 * a part of them closed. O(64 x levels + nodes inside).
 */
export function close(pool: u32, from: u64, to: u64): bool {
  return closeBelow(pool, load<u32>(pool, ROOT), load<u32>(pool, LEVELS) - 1, from, to);
}

function closeBelow(pool: u32, node: u32, level: u32, from: u64, to: u64): bool {
  if (!level) {
    closeBits(pool, node, bitsOf(slot(from, 0), slot(to, 0)));
    return true;
  }
  const wide = ((<u64>1) << (level * BITS)) - 1;
  const end = slot(to, level);
  for (let index = slot(from, level); index <= end; index++) {
    const low = index == slot(from, level) ? from & wide : 0;
    const high = index == end ? to & wide : wide;
    if (low == 0 && high == wide && !childAt(node, index)) {
      store<u64>(node, load<u64>(node, SPENT) | bit(index), SPENT);
      store<u64>(node, load<u64>(node, RELEASED) & ~bit(index), RELEASED);
      continue;
    }
    const child = ensureChild(node, index, level);
    if (!child) return false;
    const whole = closeBelow(pool, child, level - 1, low, high);
    // Also after a failure further down: the bits above must tell the truth about what is there.
    summarize(node, index, level);
    if (!whole) return false;
  }
  return true;
}

function closeBits(pool: u32, leaf: u32, mask: u64): void {
  const moved = <i32>popcnt(load<u64>(leaf, USED) & mask & ~load<u64>(leaf, CLOSED));
  count(pool, false, -moved);
  count(pool, true, moved);
  store<u64>(leaf, load<u64>(leaf, SPENT) | mask, SPENT);
  store<u64>(leaf, load<u64>(leaf, RELEASED) & ~mask, RELEASED);
  store<u64>(leaf, load<u64>(leaf, CLOSED) | mask, CLOSED);
}

/** Closes what the tree has room for beyond the last offset: one walk down its right edge. */
function cutTail(root: u32, top: u32, last: u64): bool {
  let node = root;
  for (let level = top; level; level--) {
    const index = slot(last, level);
    if (index < 63) store<u64>(node, load<u64>(node, SPENT) | bitsOf(index + 1, 63), SPENT);
    const wide = ((<u64>1) << (level * BITS)) - 1;
    if ((last & wide) == wide) return true;
    node = ensureChild(node, index, level);
    if (!node) return false;
  }
  const beyond = bitsOf(slot(last, 0), 63) & ~bit(slot(last, 0));
  store<u64>(node, beyond, SPENT);
  store<u64>(node, beyond, CLOSED);
  return true;
}

/** Fills `path` down to the leaf of an offset, making what is missing. */
function descend(pool: u32, offset: u64): bool {
  let node = load<u32>(pool, ROOT);
  for (let level = load<u32>(pool, LEVELS) - 1; level; level--) {
    store<u32>(path + (level << 2), node);
    node = ensureChild(node, slot(offset, level), level);
    if (!node) return false;
  }
  store<u32>(path, node);
  return true;
}

/** After a change in the leaf at the end of `path`: the bits of the nodes above it, as far up as they differ. */
function ascend(pool: u32, offset: u64): void {
  const levels = load<u32>(pool, LEVELS);
  for (let level: u32 = 1; level < levels; level++) {
    if (!summarize(load<u32>(path + (level << 2)), slot(offset, level), level)) return;
  }
}

function count(pool: u32, closed: bool, by: i32): void {
  const field = <usize>pool + (closed ? IN_CLOSED : IN_USE);
  store<u32>(field, load<u32>(field) + by);
}

/** Root and its level, for walks over the whole tree. */
export function rootOf(pool: u32): u32 {
  return load<u32>(pool, ROOT);
}

export function topOf(pool: u32): u32 {
  return load<u32>(pool, LEVELS) - 1;
}
