// Two sizes of block and nothing else: whatever one pool gives back fits any other, so that creating and deleting pools
// for ever needs no more memory than the most that lived at one time. Blocks come zeroed.
//
//   0        __heap_base                               end                 memory.size() << 16
//   | static | small | large | small | small | ...      |  not yet used     |
//              each freed block holds the address of the next freed one in its first 4 bytes

/** A leaf, a pool header, a row of 8 child pointers. */
export const SMALL: u32 = 32;
/** An inner node. */
export const LARGE: u32 = 64;

let end: u32 = 0;
let freeSmall: u32 = 0;
let freeLarge: u32 = 0;

/** Zeroed block of SMALL or LARGE bytes, 0 when the memory's maximum is reached. */
export function take(size: u32): u32 {
  const free = size == SMALL ? freeSmall : freeLarge;
  if (!free) return fresh(size);
  if (size == SMALL) freeSmall = load<u32>(free);
  else freeLarge = load<u32>(free);
  memory.fill(free, 0, size);
  return free;
}

/** Returns a block; its content is void at once. */
export function give(block: u32, size: u32): void {
  if (size == SMALL) {
    store<u32>(block, freeSmall);
    freeSmall = block;
  } else {
    store<u32>(block, freeLarge);
    freeLarge = block;
  }
}

/** Whether an address may be that of a block. */
export function inHeap(block: u32): bool {
  return block >= <u32>__heap_base && block + SMALL <= end && !(block & 7);
}

/** Bytes that were ever taken from the memory; never shrinks. */
export function highWater(): u32 {
  return end ? end - <u32>__heap_base : 0;
}

function fresh(size: u32): u32 {
  if (!end) end = (<u32>__heap_base + 7) & ~7;
  const block = end;
  const missing = <i64>block + size - ((<i64>memory.size()) << 16);
  if (missing > 0 && !grow(<i32>((missing + 0xffff) >> 16))) return 0;
  end = block + size;
  return block;
}

/** By a quarter of what there is, since the host must renew its views each time; else by what is needed. */
function grow(pages: i32): bool {
  return memory.grow(max(pages, memory.size() >> 2)) >= 0 || memory.grow(pages) >= 0;
}
