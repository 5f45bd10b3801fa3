// What a module may occupy, as its binary declares it. The JavaScript interface does not show these limits, and V8's
// resource limits bind neither memories nor tables, so the declaration is the only cap there is.
import { type Reader, section } from './binary.ts';

/** A memory as declared, sizes in pages of 64 KiB. */
export interface MemoryLimits {
  readonly initial: number;
  /** Undefined: it may grow to 4 GiB. */
  readonly maximum: number | undefined;
  readonly shared: boolean;
  /** Addressed by i64 (memory64 proposal). */
  readonly wide: boolean;
}

const TYPE_SECTION = 1;
const TABLE_SECTION = 4;
const MEMORY_SECTION = 5;

/** The memories that a valid module defines (not those it imports). Bytes that end early give what was read so far. */
export function memoryLimits(bytes: Uint8Array): MemoryLimits[] {
  const reader = section(bytes, MEMORY_SECTION);
  return reader ? vector(reader, limits) : [];
}

/** Elements that its tables may have at most, together; Infinity when one declares no maximum. */
export function tableElements(bytes: Uint8Array): number {
  const reader = section(bytes, TABLE_SECTION);
  const each = (from: Reader): number => {
    // 5.3.11: a reference type and limits; a table with an initialiser begins with 0x40 0x00 (3.0).
    if (from.byte() === 0x40) return Infinity;
    return limits(from).maximum ?? Infinity;
  };
  return (reader ? vector(reader, each) : []).reduce((sum, count) => sum + count, 0);
}

const FUNCTION_TYPE = 0x60;
/** i32, i64, f32, f64, v128, funcref, externref (5.3.1 to 5.3.3). */
const VALUE_TYPES: ReadonlySet<number> = new Set([0x7f, 0x7e, 0x7d, 0x7c, 0x7b, 0x70, 0x6f]);

/**
 * Whether its types are those of functions over the values of release 2.0. Structs and arrays of later releases lie in
 * the heap of the engine, where one array alone can be larger than what is left.
 */
export function plainTypes(bytes: Uint8Array): boolean {
  const reader = section(bytes, TYPE_SECTION);
  if (!reader) return true;
  const types = vector(reader, (from) => from.byte() === FUNCTION_TYPE && values(from) && values(from));
  return types.every(Boolean);
}

const values = (reader: Reader): boolean => vector(reader, (from) => VALUE_TYPES.has(from.byte())).every(Boolean);

function vector<T>(reader: Reader, read: (reader: Reader) => T): T[] {
  const out: T[] = [];
  const count = reader.leb();
  while (out.length < count && !reader.atEnd) out.push(read(reader));
  return out;
}

function limits(reader: Reader): MemoryLimits {
  // 5.3.8: flag 1 a maximum follows; threads proposal: 2 shared; memory64 proposal: 4 i64 addresses.
  const flags = reader.byte();
  const initial = reader.leb();
  const maximum = (flags & 1) !== 0 ? reader.leb() : undefined;
  return { initial, maximum, shared: (flags & 2) !== 0, wide: (flags & 4) !== 0 };
}
