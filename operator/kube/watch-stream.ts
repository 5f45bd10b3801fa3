// The body of a watch as events: one JSON document per line, in batches as they arrive together.
import type { JsonObject } from '../api/fact.ts';
import { apiError, ProtocolError } from './errors.ts';
import { parseJson } from './json.ts';
import { asObject, decodeObject, type KubeObject } from './object.ts';
import { pathOf, type Resource } from './resources.ts';

export type WatchEvent =
  | { readonly type: 'applied' | 'deleted'; readonly object: KubeObject }
  /** Nothing newer up to this resourceVersion. */
  | { readonly type: 'bookmark'; readonly version: string };

const types: Readonly<Record<string, 'applied' | 'deleted'>> = {
  ADDED: 'applied',
  MODIFIED: 'applied',
  DELETED: 'deleted',
};

/**
 * One batch per chunk of the body; a chunk without a whole line is an empty batch, which still shows that the peer lives.
 * Events before an ERROR are yielded first. Throws the ApiError that an ERROR event carries (410 as GoneError),
 * ProtocolError for anything that is not an event, and the body's own errors.
 */
export async function* watchEvents(body: AsyncIterable<unknown>, resource: Resource): AsyncGenerator<WatchEvent[]> {
  const request = `WATCH ${pathOf(resource, {})}`;
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of body) {
    rest += decoder.decode(chunk as Uint8Array, { stream: true });
    const lines = rest.split('\n');
    rest = lines.pop() ?? '';
    const { events, failure } = batch(lines, request, resource);
    yield events;
    if (failure !== undefined) throw failure;
  }
}

interface Batch {
  readonly events: WatchEvent[];
  readonly failure?: Error;
}

function batch(lines: readonly string[], request: string, resource: Resource): Batch {
  const events: WatchEvent[] = [];
  for (const line of lines.filter((line) => line !== '')) {
    try {
      events.push(watchEvent(line, request, resource));
    } catch (error) {
      return { events, failure: error instanceof Error ? error : new Error(String(error)) };
    }
  }
  return { events };
}

function watchEvent(line: string, request: string, resource: Resource): WatchEvent {
  const event = parsedEvent(line, request);
  const name = typeof event?.type === 'string' ? event.type : '';
  const object = asObject(event?.object);
  if (name === 'ERROR') throw apiError(request, statusCode(object), object ?? '');
  if (name === 'BOOKMARK') return { type: 'bookmark', version: decodeVersion(object, request) };
  const type = types[name];
  if (type === undefined) throw new ProtocolError(request, `not a watch event: ${line.slice(0, 200)}`);
  return { type, object: decodeObject(object, request, resource) };
}

function statusCode(status: JsonObject | undefined): number {
  return typeof status?.code === 'number' ? status.code : 500;
}

// A bookmark's object has nothing but its type and a resourceVersion.
function decodeVersion(object: JsonObject | undefined, request: string): string {
  const version = asObject(object?.metadata)?.resourceVersion;
  if (typeof version !== 'string') throw new ProtocolError(request, 'a bookmark without a resourceVersion');
  return version;
}

function parsedEvent(line: string, request: string): JsonObject | undefined {
  try {
    return asObject(parseJson(line));
  } catch (cause) {
    throw new ProtocolError(request, `not JSON: ${line.slice(0, 200)}`, { cause });
  }
}
