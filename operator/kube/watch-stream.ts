// The body of a watch as events: one JSON document per line, in batches as they arrive together. Bytes are cut at line
// ends before they are decoded, so that no boundary of a chunk, within a character or not, means anything.
import { isUtf8 } from 'node:buffer';
import type { JsonObject } from '../api/fact.ts';
import { apiError, OversizedError, ProtocolError } from './errors.ts';
import { parseJson } from './json.ts';
import { asObject, decodeObject, type KubeObject } from './object.ts';
import { pathOf, type Resource } from './resources.ts';

export type WatchEvent<T> =
  | { readonly type: 'applied' | 'deleted'; readonly item: T }
  /** Nothing newer up to this resourceVersion; `listed` after the last of the initial events of a streaming list. */
  | { readonly type: 'bookmark'; readonly version: string; readonly listed: boolean };

export interface WatchDecoding<T> {
  readonly resource: Resource;
  /** Reduces an object to what is kept of it, at once: nothing else refers to the object afterwards. */
  readonly keep: (object: KubeObject) => T;
  /** Longest line, in bytes. etcd refuses objects of more than 1.5 MiB, so 16 MiB is garbage without a line end. */
  readonly maxLineBytes?: number;
}

const types: Readonly<Record<string, 'applied' | 'deleted'>> = {
  ADDED: 'applied',
  MODIFIED: 'applied',
  DELETED: 'deleted',
};

const initialEventsEnd = 'k8s.io/initial-events-end';
const lineEnd = 0x0a;

/**
 * One batch per chunk of the body; a chunk without a whole line is an empty batch. Events before a bad line are yielded
 * first. Throws the ApiError that an ERROR event carries (410 as GoneError), ProtocolError for anything that is not an
 * event, OversizedError, and the body's own errors.
 */
export async function* watchEvents<T>(
  body: AsyncIterable<unknown>,
  decoding: WatchDecoding<T>,
): AsyncGenerator<WatchEvent<T>[]> {
  const request = `WATCH ${pathOf(decoding.resource, {})}`;
  const lines = new Lines(request, decoding.maxLineBytes ?? 16 * 1024 * 1024);
  for await (const chunk of body) {
    const { events, failure } = batch(lines.push(chunk as Buffer), request, decoding);
    yield events;
    if (failure !== undefined) throw failure;
  }
  if (lines.pending > 0) throw new ProtocolError(request, 'the watch ended within an event');
}

/** Cuts a stream of bytes at line ends; each byte is looked at once however small the chunks are. */
class Lines {
  readonly #request: string;
  readonly #limit: number;
  #parts: Buffer[] = [];
  /** Bytes of the line that is not complete. */
  pending = 0;

  constructor(request: string, limit: number) {
    this.#request = request;
    this.#limit = limit;
  }

  /** The lines that this chunk completes, without the last line end. */
  push(chunk: Buffer): Buffer | undefined {
    const end = chunk.lastIndexOf(lineEnd);
    if (end < 0) {
      this.#hold(chunk);
      return undefined;
    }
    const last = chunk.subarray(0, end);
    const whole = this.#parts.length === 0 ? last : Buffer.concat([...this.#parts, last]);
    this.#parts = [];
    this.pending = 0;
    if (end + 1 < chunk.length) this.#hold(chunk.subarray(end + 1));
    return whole;
  }

  #hold(part: Buffer): void {
    this.pending += part.length;
    if (this.pending > this.#limit) {
      throw new OversizedError(this.#request, `an event of more than ${this.#limit} bytes`);
    }
    this.#parts.push(part);
  }
}

interface Batch<T> {
  readonly events: WatchEvent<T>[];
  readonly failure?: Error;
}

function batch<T>(bytes: Buffer | undefined, request: string, decoding: WatchDecoding<T>): Batch<T> {
  const events: WatchEvent<T>[] = [];
  if (bytes === undefined) return { events };
  try {
    for (const line of texts(bytes, request)) if (line !== '') events.push(watchEvent(line, request, decoding));
    return { events };
  } catch (error) {
    return { events, failure: error instanceof Error ? error : new Error(String(error)) };
  }
}

// All at once, which is much the cheapest; one by one when something in it is not UTF-8, for the sake of those before.
function texts(bytes: Buffer, request: string): Iterable<string> {
  return isUtf8(bytes) ? bytes.toString('utf8').split('\n') : checked(bytes, request);
}

function* checked(bytes: Buffer, request: string): Generator<string> {
  for (let start = 0; start <= bytes.length;) {
    const found = bytes.indexOf(lineEnd, start);
    const line = bytes.subarray(start, found < 0 ? bytes.length : found);
    if (!isUtf8(line)) throw new ProtocolError(request, 'an event is not UTF-8');
    yield line.toString('utf8');
    start += line.length + 1;
  }
}

function watchEvent<T>(line: string, request: string, { resource, keep }: WatchDecoding<T>): WatchEvent<T> {
  const event = parsedEvent(line, request);
  const name = typeof event?.type === 'string' ? event.type : '';
  const object = asObject(event?.object);
  const type = types[name];
  if (type !== undefined) return { type, item: keep(decodeObject(object, request, resource)) };
  if (name === 'BOOKMARK') return bookmark(object, request);
  if (name === 'ERROR') throw apiError(request, statusCode(object), object ?? '');
  throw new ProtocolError(request, `not a watch event: ${line.slice(0, 200)}`);
}

function statusCode(status: JsonObject | undefined): number {
  return typeof status?.code === 'number' ? status.code : 500;
}

// A bookmark's object has nothing but its type, a resourceVersion and perhaps the annotation.
function bookmark(object: JsonObject | undefined, request: string): WatchEvent<never> {
  const metadata = asObject(object?.metadata);
  const version = metadata?.resourceVersion;
  if (typeof version !== 'string') throw new ProtocolError(request, 'a bookmark without a resourceVersion');
  const listed = asObject(metadata?.annotations)?.[initialEventsEnd] === 'true';
  return { type: 'bookmark', version, listed };
}

function parsedEvent(line: string, request: string): JsonObject | undefined {
  try {
    return asObject(parseJson(line));
  } catch (cause) {
    throw new ProtocolError(request, `not JSON: ${line.slice(0, 200)}`, { cause });
  }
}
