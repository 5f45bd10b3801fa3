// An API server in memory, for loads that a real one on the same two cores would take all of: a hundred thousand pods,
// a thousand pods a second. It knows lists, streaming lists, watches and the writes that the operator makes, checks
// resourceVersions, UIDs and the tests of JSON patches, and nothing else: no schema, no defaults, no managed fields.
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

type Body = Record<string, unknown>;

interface Meta extends Body {
  name: string;
  namespace?: string;
  uid: string;
  resourceVersion: string;
  deletionTimestamp?: string;
  finalizers?: string[];
}

export interface Stored extends Body {
  readonly metadata: Meta;
}

interface Place {
  /** `/api/v1/pods`. */
  readonly collection: string;
  readonly namespace: string;
  readonly name: string;
}

/** A refusal as the API server words it. */
class Refused extends Error {
  readonly code: number;
  readonly reason: string;
  constructor(code: number, reason: string) {
    super(reason);
    this.code = code;
    this.reason = reason;
  }
}

const isObject = (value: unknown): value is Body =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function merged(target: Body, patch: Body): Body {
  const out: Body = { ...target };
  for (const [key, value] of Object.entries(patch)) {
    const before = out[key];
    if (value === null) delete out[key];
    else out[key] = isObject(value) ? merged(isObject(before) ? before : {}, value) : value;
  }
  return out;
}

interface Operation {
  readonly op: string;
  readonly path: string;
  readonly value: unknown;
}

/** `test`, `add` and `remove` of RFC 6902, on members of objects. */
function patched(object: Body, operations: readonly Operation[]): Body {
  const out = structuredClone(object);
  for (const { op, path, value } of operations) {
    const keys = path.split('/').slice(1);
    const last = keys.pop() ?? '';
    const parent = keys.reduce<Body>((at, key) => (isObject(at[key]) ? at[key] : {}), out);
    if (op === 'test' && JSON.stringify(parent[last] ?? null) !== JSON.stringify(value))
      throw new Refused(422, 'Invalid');
    if (op === 'add') parent[last] = value;
    if (op === 'remove') delete parent[last];
  }
  return out;
}

export class SimulatedApi {
  readonly #collections = new Map<string, Map<string, Stored>>();
  readonly #watchers = new Map<string, Set<ServerResponse>>();
  readonly #server = createServer((request, response) => void this.#answer(request, response));
  #version = 1;
  /** Requests that wrote something, by method. */
  readonly writes: Record<string, number> = {};

  async start(): Promise<string> {
    this.#server.keepAliveTimeout = 600_000;
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    const address = this.#server.address();
    return `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
  }

  stop(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  objects(collection: string): Map<string, Stored> {
    let objects = this.#collections.get(collection);
    if (objects === undefined) this.#collections.set(collection, (objects = new Map()));
    return objects;
  }

  create(collection: string, body: Body): Stored {
    const metadata = { ...(body['metadata'] as Meta), uid: randomUUID(), creationTimestamp: new Date().toISOString() };
    const key = keyOf(metadata);
    if (this.objects(collection).has(key)) throw new Refused(409, 'AlreadyExists');
    return this.#put(collection, { ...body, metadata }, 'ADDED');
  }

  delete(collection: string, key: string, uid?: string): Stored {
    const object = this.#get(collection, key);
    const { metadata } = object;
    if (uid !== undefined && uid !== metadata.uid) throw new Refused(409, 'Conflict');
    if ((metadata.finalizers ?? []).length === 0) return this.#remove(collection, object);
    if (metadata.deletionTimestamp !== undefined) return object;
    const deletionTimestamp = new Date().toISOString();
    return this.#put(collection, { ...object, metadata: { ...metadata, deletionTimestamp } }, 'MODIFIED');
  }

  #get(collection: string, key: string): Stored {
    const object = this.objects(collection).get(key);
    if (object === undefined) throw new Refused(404, 'NotFound');
    return object;
  }

  #put(collection: string, body: Body, type: 'ADDED' | 'MODIFIED'): Stored {
    this.#version += 1;
    const metadata = { ...(body['metadata'] as Meta), resourceVersion: String(this.#version) };
    const object: Stored = { ...body, metadata };
    const gone = metadata.deletionTimestamp !== undefined && (metadata.finalizers ?? []).length === 0;
    if (gone) return this.#remove(collection, object);
    this.objects(collection).set(keyOf(metadata), object);
    this.#tell(collection, type, object);
    return object;
  }

  #remove(collection: string, object: Stored): Stored {
    this.#version += 1;
    const last: Stored = { ...object, metadata: { ...object.metadata, resourceVersion: String(this.#version) } };
    this.objects(collection).delete(keyOf(object.metadata));
    this.#tell(collection, 'DELETED', last);
    return last;
  }

  #tell(collection: string, type: string, object: Body): void {
    const watchers = this.#watchers.get(collection);
    if (watchers === undefined || watchers.size === 0) return;
    const line = `${JSON.stringify({ type, object })}\n`;
    for (const watcher of watchers) watcher.write(line);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const text = await textOf(request);
    const url = new URL(request.url ?? '', 'http://simulated');
    try {
      const place = placeOf(url.pathname);
      const method = request.method ?? 'GET';
      if (method === 'GET' && url.searchParams.get('watch') === 'true') return this.#watch(place, url, response);
      if (method !== 'GET') this.writes[method] = (this.writes[method] ?? 0) + 1;
      send(response, 200, this.#carriedOut(method, place, { url, text, type: request.headers['content-type'] ?? '' }));
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      send(response, error.code, { kind: 'Status', code: error.code, reason: error.reason, message: error.reason });
    }
  }

  #carriedOut(method: string, place: Place, sent: { url: URL; text: string; type: string }): Body {
    const body = (sent.text === '' ? {} : JSON.parse(sent.text)) as Body;
    const { collection } = place;
    const key = keyOf(place);
    switch (method) {
      case 'POST':
        return this.create(collection, body);
      case 'PUT':
        return this.#put(collection, this.#checked(this.#get(collection, key), body), 'MODIFIED');
      case 'PATCH':
        return this.#patch(place, body, sent.type);
      case 'DELETE':
        return this.delete(collection, key, (body['preconditions'] as { uid?: string } | undefined)?.uid);
      default:
        return place.name === '' ? this.#list(collection, sent.url) : this.#get(collection, key);
    }
  }

  #patch(place: Place, body: unknown, type: string): Stored {
    const { collection } = place;
    const known = this.objects(collection).get(keyOf(place));
    if (known === undefined && type.includes('apply')) return this.#applied(collection, body as Body);
    const object = this.#get(collection, keyOf(place));
    if (type.includes('json-patch')) return this.#put(collection, patched(object, body as Operation[]), 'MODIFIED');
    return this.#put(collection, merged(object, this.#checked(object, body as Body)), 'MODIFIED');
  }

  /** An apply that means one object makes no other. */
  #applied(collection: string, body: Body): Stored {
    if ((body['metadata'] as Partial<Meta>).uid !== undefined) throw new Refused(409, 'Conflict');
    return this.create(collection, body);
  }

  #checked({ metadata: known }: Stored, body: Body): Body {
    const { uid = known.uid, resourceVersion = known.resourceVersion } = (body['metadata'] ?? {}) as Partial<Meta>;
    if (uid !== known.uid || resourceVersion !== known.resourceVersion) throw new Refused(409, 'Conflict');
    return body;
  }

  #list(collection: string, url: URL): Body {
    const limit = Number(url.searchParams.get('limit') ?? Infinity);
    const from = Number(url.searchParams.get('continue') ?? 0);
    const all = [...this.objects(collection).values()];
    const more = from + limit < all.length ? String(from + limit) : '';
    const metadata = { resourceVersion: String(this.#version), continue: more };
    return { kind: 'List', metadata, items: all.slice(from, from + limit) };
  }

  #watch({ collection }: Place, url: URL, response: ServerResponse): void {
    response.writeHead(200, { 'Content-Type': 'application/json' });
    response.flushHeaders();
    if (url.searchParams.get('sendInitialEvents') === 'true') {
      for (const object of this.objects(collection).values())
        response.write(`${JSON.stringify({ type: 'ADDED', object })}\n`);
      const annotations = { 'k8s.io/initial-events-end': 'true' };
      const metadata = { resourceVersion: String(this.#version), annotations };
      response.write(`${JSON.stringify({ type: 'BOOKMARK', object: { metadata } })}\n`);
    }
    const watchers = this.#watchers.get(collection) ?? new Set();
    this.#watchers.set(collection, watchers.add(response));
    response.on('close', () => watchers.delete(response));
  }
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = '';
  request.setEncoding('utf8');
  for await (const chunk of request) text += chunk as string;
  return text;
}

const keyOf = ({ namespace = '', name }: { readonly namespace?: string; readonly name: string }): string =>
  namespace === '' ? name : `${namespace}/${name}`;

function placeOf(path: string): Place {
  const parts = path.split('/').filter((part) => part !== '');
  const root = parts.splice(0, parts[0] === 'api' ? 2 : 3);
  let namespace = '';
  if (parts[0] === 'namespaces' && parts.length > 2) [, namespace = ''] = parts.splice(0, 2);
  const [plural = '', name = ''] = parts;
  return { collection: `/${[...root, plural].join('/')}`, namespace, name: decodeURIComponent(name) };
}

function send(response: ServerResponse, code: number, body: Body): void {
  response.writeHead(code, { 'Content-Type': 'application/json' });
  response.end(JSON.stringify(body));
}
