// Reads the memory limits that a module declares. The JavaScript interface does not show them and V8's resource limits
// do not bind WebAssembly memory, so the declaration in the binary is the only cap there is.
// Binary format: WebAssembly Core Specification 2.0, chapter 5.

/** A memory as declared, sizes in pages of 64 KiB. */
export interface MemoryLimits {
  readonly initial: number;
  /** Undefined: it may grow to 4 GiB. */
  readonly maximum: number | undefined;
  readonly shared: boolean;
  /** Addressed by i64 (memory64 proposal). */
  readonly wide: boolean;
}

const MEMORY_SECTION = 5;
const PREAMBLE_BYTES = 8;

/** The memories that a valid module defines (not those it imports). Bytes that end early give what was read so far. */
export function memoryLimits(bytes: Uint8Array): MemoryLimits[] {
  const reader = new Reader(bytes, PREAMBLE_BYTES);
  while (!reader.atEnd) {
    const section = reader.byte();
    const size = reader.leb();
    if (section === MEMORY_SECTION) return memories(reader);
    reader.skip(size);
  }
  return [];
}

function memories(reader: Reader): MemoryLimits[] {
  const out: MemoryLimits[] = [];
  const count = reader.leb();
  while (out.length < count && !reader.atEnd) {
    // 5.3.8: flag 1 a maximum follows; threads proposal: 2 shared; memory64 proposal: 4 i64 addresses.
    const flags = reader.byte();
    const initial = reader.leb();
    const maximum = (flags & 1) !== 0 ? reader.leb() : undefined;
    out.push({ initial, maximum, shared: (flags & 2) !== 0, wide: (flags & 4) !== 0 });
  }
  return out;
}

class Reader {
  readonly #bytes: Uint8Array;
  #at: number;

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes;
    this.#at = at;
  }

  get atEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  byte(): number {
    return this.#bytes[this.#at++] ?? 0;
  }

  skip(count: number): void {
    this.#at += count;
  }

  /** Unsigned LEB128 (5.2.2); a number, since sizes beyond 2^53 occur in no module that fits a memory. */
  leb(): number {
    let value = 0;
    let scale = 1;
    for (;;) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80 || this.atEnd) return value;
      scale *= 128;
    }
  }
}
