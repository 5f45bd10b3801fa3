// One arena for one translation: the host puts the input at its beginning, the answer grows behind it, and `reset`
// forgets both. Nothing is kept from one call to the next.
//
//   0         __heap_base        out                     top            memory.size() << 16
//   | static | input            | answer so far         | not yet used |

let top: usize = 0;
let out: usize = 0;

/** The memory's maximum was reached: what was written since is void. */
export let exhausted: bool = false;

export function clear(): void {
  top = (__heap_base + 7) & ~7;
  out = top;
  exhausted = false;
}

/** Address of a block of this size, 0 when the memory's maximum is reached. */
export function reserve(size: u32): usize {
  const block = (top + 7) & ~7;
  if (!room(block + size)) return 0;
  top = block + size;
  out = top;
  return block;
}

/** Begins the answer behind everything that was reserved. */
export function begin(): void {
  top = (top + 3) & ~3;
  out = top;
}

export function answer(): u32 {
  return <u32>out;
}

export function answered(): u32 {
  return <u32>(top - out);
}

/** Writes a word of the answer. */
export function word(value: u32): void {
  if (!room(top + 4)) return;
  store<u32>(top, value);
  top += 4;
}

/** Where the next word will stand: for one whose value is known later only. */
export function place(): usize {
  return top;
}

/** Writes ASCII text of the module's own. */
export function text(value: string): void {
  const length = value.length;
  if (!room(top + length)) return;
  for (let at = 0; at < length; at++) store<u8>(top + at, <u8>value.charCodeAt(at));
  top += length;
}

/** Copies bytes of the input. */
export function copy(from: usize, length: u32): void {
  if (!room(top + length)) return;
  memory.copy(top, from, length);
  top += length;
}

export function decimal(value: u32): void {
  if (value >= 10) decimal(value / 10);
  if (!room(top + 1)) return;
  store<u8>(top, <u8>(48 + (value % 10)));
  top += 1;
}

/** Fills up to a whole word. */
export function align(): void {
  while (top & 3) {
    if (!room(top + 1)) return;
    store<u8>(top, 0);
    top += 1;
  }
}

function room(end: usize): bool {
  const missing = <i64>end - ((<i64>memory.size()) << 16);
  if (missing <= 0) return true;
  if (memory.grow(<i32>((missing + 0xffff) >> 16)) >= 0) return true;
  exhausted = true;
  return false;
}
