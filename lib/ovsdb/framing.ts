// Cuts a byte stream into JSON-RPC messages. RFC 7047 section 4 puts JSON texts back to back without a delimiter, so the end
// of one is where its brackets close. One pass over the bytes, whatever the chunks; nothing is parsed twice.
import { ProtocolError } from './errors.ts';

const SPACE = 0x20;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const ZERO = 0x30;
const NINE = 0x39;

/** Open vSwitch's own limit (lib/json.c); what takes messages apart may recurse to it. */
const MAX_DEPTH = 1000;

/** Digits that a number can have and still be exact as a double. */
const EXACT_DIGITS = 15;

/**
 * Takes chunks, gives messages in order. A chunk is the reader's only until `push` returns: what has to be kept is copied,
 * so that a socket may read into one buffer all the time. After it has thrown it must not be used again: where the next
 * message would begin is not known any more.
 */
export class FrameReader {
  readonly #maxMessage: number;
  readonly #deliver: (message: unknown) => void;
  readonly #decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  /** What has come of the message whose end has not, and its length. */
  #parts: Uint8Array[] = [];
  #length = 0;
  #depth = 0;
  #inString = false;
  #escaped = false;
  /** Length of the run of digits before the current byte, and whether any was too long for a double. */
  #digits = 0;
  #wide = false;

  /** `maxMessage` in bytes; a longer message is an error, however it is split. */
  constructor(maxMessage: number, deliver: (message: unknown) => void) {
    this.#maxMessage = maxMessage;
    this.#deliver = deliver;
  }

  /** Delivers every message that ends in this chunk. Throws ProtocolError for anything that is not a stream of JSON objects. */
  push(chunk: Uint8Array): void {
    let start = 0;
    while (start < chunk.length) {
      if (this.#depth === 0) {
        start = skipSpace(chunk, start);
        if (start === chunk.length) return;
        if (chunk[start] !== OPEN_BRACE) throw new ProtocolError(`no JSON object begins with ${excerpt(chunk, start)}`);
      }
      const end = this.#scan(chunk, start);
      const part = chunk.subarray(start, end);
      if (this.#depth === 0) this.#emit(part);
      else this.#keep(Uint8Array.from(part));
      start = end;
    }
  }

  /** Whether the stream could end here without cutting a message. */
  get idle(): boolean {
    return this.#depth === 0;
  }

  /** Index behind the message's last byte, or the chunk's end; leaves the state of the scan in the fields. */
  #scan(chunk: Uint8Array, start: number): number {
    let at = start;
    while (at < chunk.length) {
      at = this.#inString ? this.#scanString(chunk, at) : this.#scanPlain(chunk, at);
      if (this.#depth === 0) break;
    }
    return at;
  }

  #scanString(chunk: Uint8Array, start: number): number {
    let at = start;
    if (this.#escaped) {
      this.#escaped = false;
      refuseControl(chunk[at]);
      at += 1;
    }
    for (; at < chunk.length; at += 1) {
      const byte = chunk[at] ?? 0;
      if (byte > BACKSLASH) continue;
      if (byte === BACKSLASH) {
        at += 1;
        this.#escaped = at === chunk.length;
        refuseControl(chunk[at]);
      } else if (byte === QUOTE) {
        this.#inString = false;
        return at + 1;
      } else refuseControl(byte);
    }
    return chunk.length;
  }

  #scanPlain(chunk: Uint8Array, start: number): number {
    let digits = this.#digits;
    let at = start;
    for (; at < chunk.length; at += 1) {
      const byte = chunk[at] ?? 0;
      if (byte >= ZERO && byte <= NINE) {
        digits += 1;
        if (digits > EXACT_DIGITS) this.#wide = true;
        continue;
      }
      digits = 0;
      if (this.#structural(byte)) return this.#leave(at + 1);
    }
    this.#digits = digits;
    return at;
  }

  /** Whether the scan of plain bytes stops behind this one: a string begins, or the message ends. */
  #structural(byte: number): boolean {
    if (byte === QUOTE) this.#inString = true;
    else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) this.#descend();
    else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) this.#depth -= 1;
    return this.#inString || this.#depth === 0;
  }

  #descend(): void {
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH) throw new ProtocolError(`a message is nested more than ${MAX_DEPTH} deep`);
  }

  #leave(at: number): number {
    this.#digits = 0;
    return at;
  }

  #keep(part: Uint8Array): void {
    this.#length += part.length;
    if (this.#length > this.#maxMessage) throw new ProtocolError(`a message exceeds ${this.#maxMessage} bytes`);
    this.#parts.push(part);
  }

  #emit(last: Uint8Array): void {
    this.#keep(last);
    const bytes = this.#parts.length === 1 ? last : Buffer.concat(this.#parts, this.#length);
    const wide = this.#wide;
    this.#parts = [];
    this.#length = 0;
    this.#wide = false;
    this.#deliver(parse(this.#decoder, bytes, wide));
  }
}

function parse(decoder: TextDecoder, bytes: Uint8Array, wide: boolean): unknown {
  let text: string;
  try {
    text = decoder.decode(bytes);
  } catch (cause) {
    throw new ProtocolError('a message is not UTF-8', { cause });
  }
  try {
    return wide ? JSON.parse(text, exactInteger as (key: string, value: unknown) => unknown) : JSON.parse(text);
  } catch (cause) {
    throw new ProtocolError(`a message is not JSON: ${(cause as Error).message}`, { cause });
  }
}

/** A reviver; much slower than none, therefore used only for messages that hold a long run of digits. */
function exactInteger(_key: string, value: unknown, context: { readonly source?: string }): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return value;
  return context.source !== undefined && /^-?\d+$/.test(context.source) ? BigInt(context.source) : value;
}

/** At once: a string whose end was missed would make a message that never ends. */
function refuseControl(byte: number | undefined): void {
  if (byte !== undefined && byte < SPACE)
    throw new ProtocolError('a message is not JSON: a control character in a string');
}

function skipSpace(chunk: Uint8Array, start: number): number {
  let at = start;
  while (at < chunk.length && isSpace(chunk[at])) at += 1;
  return at;
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

function excerpt(chunk: Uint8Array, start: number): string {
  return JSON.stringify(Buffer.from(chunk.subarray(start, start + 16)).toString('latin1'));
}
