// Reads the binary format of WebAssembly as far as the checks need it, and appends custom sections.
// WebAssembly Core Specification 2.0, chapter 5.

const PREAMBLE_BYTES = 8;
const CUSTOM = 0;

/** Reads forward. Past the end it gives zeros: callers ask `atEnd`, and every loop of theirs ends with the bytes. */
export class Reader {
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

/** A reader at the content of the first section with this id (5.5.2); undefined when there is none. */
export function section(bytes: Uint8Array, id: number): Reader | undefined {
  const reader = new Reader(bytes, PREAMBLE_BYTES);
  while (!reader.atEnd) {
    const found = reader.byte();
    const size = reader.leb();
    if (found === id) return reader;
    reader.skip(size);
  }
  return undefined;
}

/** The module with a custom section (5.5.3) at its end. */
export function withSection(bytes: Uint8Array, name: string, content: Uint8Array): Uint8Array<ArrayBuffer> {
  const label = new TextEncoder().encode(name);
  const body = [...leb(label.length), ...label, ...content];
  return new Uint8Array([...bytes, CUSTOM, ...leb(body.length), ...body]);
}

function leb(value: number): number[] {
  const out: number[] = [];
  for (let left = value; ; left = Math.floor(left / 128)) {
    if (left < 128) return [...out, left];
    out.push((left % 128) + 128);
  }
}
