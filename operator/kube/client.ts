// The verbs of the Kubernetes API as typed calls. One method, one request: retries belong to the caller, who knows
// whether the object is still wanted.
import type { IncomingMessage } from 'node:http';
import type { Json, JsonObject, Ref } from '../api/fact.ts';
import { apiError, NotFoundError, ProtocolError } from './errors.ts';
import { formatJson, parseJson } from './json.ts';
import { asObject, decodeObject, type KubeObject } from './object.ts';
import { pathOf, type Place, type Resource, resourceOf } from './resources.ts';
import {
  bodyText,
  type HttpAnswer,
  type HttpRequest,
  retryAfterOf,
  Transport,
  type TransportOptions,
} from './transport.ts';

/** One finished request, for metrics. `code` is the HTTP status, or `error` when there was no answer. */
export interface RequestSample {
  readonly method: string;
  readonly code: string;
  readonly seconds: number;
}

export interface KubeClientOptions extends TransportOptions {
  /** Ms for a unary request, its answer included; 30 s. */
  readonly deadlineMs?: number;
  readonly onRequest?: (sample: RequestSample) => void;
}

export interface ListOptions {
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly limit?: number;
  readonly continue?: string;
  /** Ms for a page, 60 s. */
  readonly deadlineMs?: number;
  readonly signal?: AbortSignal;
}

export interface ListPage {
  readonly items: readonly KubeObject[];
  readonly resourceVersion: string;
  /** '' on the last page. */
  readonly continue: string;
}

export interface WatchOptions extends Omit<ListOptions, 'limit' | 'continue' | 'deadlineMs'> {
  /** Changes after this version; 'all' begins with every object as it is now, a streaming list. */
  readonly from: { readonly resourceVersion: string } | 'all';
  /** The server ends the watch after this many seconds. */
  readonly timeoutSeconds: number;
}

export type Patch =
  /** RFC 6902. */
  | { readonly type: 'json'; readonly operations: readonly JsonObject[] }
  /** RFC 7386. */
  | { readonly type: 'merge'; readonly body: JsonObject }
  /** Server-side apply; conflicts are forced: we own what we state. */
  | { readonly type: 'apply'; readonly body: JsonObject; readonly manager: string };

export interface DeleteOptions {
  /** The delete is refused (ConflictError) when the object of that name has another UID. */
  readonly uid?: string;
  readonly propagation?: 'Foreground' | 'Background' | 'Orphan';
}

interface Call {
  readonly method: string;
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: Json;
  readonly contentType?: string;
  readonly deadlineMs?: number;
  readonly signal?: AbortSignal;
}

const contentTypes = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  apply: 'application/apply-patch+yaml',
} as const;

export class KubeClient {
  readonly #transport: Transport;
  readonly #options: KubeClientOptions;

  constructor(options: KubeClientOptions) {
    this.#options = options;
    this.#transport = new Transport(options);
  }

  /** The API server's URL. */
  get server(): string {
    return this.#transport.server;
  }

  async get(ref: Ref, deadlineMs?: number): Promise<KubeObject> {
    return this.#object({ method: 'GET', path: pathOf(resourceOf(ref), ref), ...within(deadlineMs) });
  }

  /** One page of a list; without `resourceVersion` the API server answers consistently (quorum). */
  async list(resource: Resource, options: ListOptions = {}): Promise<ListPage> {
    const path = pathOf(resource, options);
    const { deadlineMs = 60_000 } = options;
    const call = { method: 'GET', path, query: listQuery(options), ...signalOf(options), deadlineMs };
    return decodePage(await this.request(call), resource, `GET ${path}`);
  }

  /** Opens a watch with bookmarks. The body is lines of JSON; it ends by itself, by `signal`, or with an error. */
  async watch(resource: Resource, options: WatchOptions): Promise<IncomingMessage> {
    const path = pathOf(resource, options);
    const call = this.#http({ method: 'GET', path, query: watchQuery(options), ...signalOf(options) });
    let response = await this.#open(call);
    if (response.statusCode === 401) {
      response.resume();
      this.#transport.refresh();
      response = await this.#open(call);
    }
    const status = response.statusCode ?? 0;
    if (status === 200) return response;
    throw apiError(`WATCH ${path}`, status, parsed(await bodyText(response)), retryAfterOf(response));
  }

  /** Whether the API server has the kind: a CRD may come and go. */
  async serves({ apiVersion, plural }: Resource, signal?: AbortSignal): Promise<boolean> {
    const path = `${apiVersion.includes('/') ? '/apis' : '/api'}/${apiVersion}`;
    try {
      const { resources } = asObject(await this.request({ method: 'GET', path, ...signalOf({ signal }) })) ?? {};
      return Array.isArray(resources) && resources.some((served: Json) => asObject(served)?.name === plural);
    } catch (error) {
      if (error instanceof NotFoundError) return false;
      throw error;
    }
  }

  async create(resource: Resource, object: JsonObject, place: Place = {}): Promise<KubeObject> {
    const metadata = asObject(object.metadata);
    const namespace = place.namespace ?? (typeof metadata?.namespace === 'string' ? metadata.namespace : '');
    return this.#object({ method: 'POST', path: pathOf(resource, { ...place, namespace }), body: object });
  }

  /** Replaces an object; its `metadata.resourceVersion` must be the one last seen (ConflictError otherwise). */
  async update(ref: Ref, object: JsonObject, deadlineMs?: number): Promise<KubeObject> {
    return this.#object({ method: 'PUT', path: pathOf(resourceOf(ref), ref), body: object, ...within(deadlineMs) });
  }

  async patch(ref: Ref, patch: Patch, subresource?: string): Promise<KubeObject> {
    const place = { namespace: ref.namespace, name: ref.name, ...(subresource === undefined ? {} : { subresource }) };
    return this.#object({
      method: 'PATCH',
      path: pathOf(resourceOf(ref), place),
      contentType: contentTypes[patch.type],
      body: patch.type === 'json' ? patch.operations : patch.body,
      ...(patch.type === 'apply' ? { query: { fieldManager: patch.manager, force: 'true' } } : {}),
    });
  }

  /** Asks for deletion; with finalizers left the object stays, marked. */
  async delete(ref: Ref, { uid, propagation }: DeleteOptions = {}): Promise<void> {
    const body: JsonObject = {
      apiVersion: 'v1',
      kind: 'DeleteOptions',
      ...(uid === undefined ? {} : { preconditions: { uid } }),
      ...(propagation === undefined ? {} : { propagationPolicy: propagation }),
    };
    await this.request({ method: 'DELETE', path: pathOf(resourceOf(ref), ref), body });
  }

  /** Any request that answers with JSON. Throws the classes of errors.ts. */
  async request(call: Call): Promise<Json> {
    const request = this.#http(call);
    let answer = await this.#send(request);
    if (answer.status === 401) {
      this.#transport.refresh();
      answer = await this.#send(request);
    }
    const what = `${call.method} ${call.path}`;
    if (answer.status < 200 || answer.status > 299) {
      throw apiError(what, answer.status, parsed(answer.text), answer.retryAfterMs);
    }
    try {
      return parseJson(answer.text);
    } catch (cause) {
      throw new ProtocolError(what, 'the answer is not JSON', { cause });
    }
  }

  close(): void {
    this.#transport.close();
  }

  async #object(call: Call): Promise<KubeObject> {
    return decodeObject(await this.request(call), `${call.method} ${call.path}`);
  }

  async #open(request: HttpRequest): Promise<IncomingMessage> {
    const { answer } = await this.#measured('WATCH', async () => {
      const opened = await this.#transport.open(request);
      return { answer: opened, status: opened.statusCode ?? 0 };
    });
    return answer;
  }

  #send(request: HttpRequest): Promise<HttpAnswer> {
    return this.#measured(request.method, () => this.#transport.send(request));
  }

  #http({ body, ...call }: Call): HttpRequest {
    const text = body === undefined ? {} : { body: formatJson(body) };
    return { ...call, ...text, deadlineMs: call.deadlineMs ?? this.#options.deadlineMs ?? 30_000 };
  }

  async #measured<T extends { readonly status: number }>(method: string, work: () => Promise<T>): Promise<T> {
    const start = this.#options.clock.now();
    let code = 'error';
    try {
      const answer = await work();
      code = String(answer.status);
      return answer;
    } finally {
      this.#options.onRequest?.({ method, code, seconds: (this.#options.clock.now() - start) / 1000 });
    }
  }
}

function decodePage(answer: Json, { apiVersion, kind }: Resource, request: string): ListPage {
  const { metadata, items, kind: listKind } = asObject(answer) ?? {};
  const { resourceVersion, continue: more } = asObject(metadata) ?? {};
  if (typeof resourceVersion !== 'string' || !(items === null || Array.isArray(items))) {
    throw new ProtocolError(request, 'the answer is not a list');
  }
  const type = { apiVersion, kind: kind === '' ? itemKind(listKind) : kind };
  return {
    items: (items ?? []).map((item: Json) => decodeObject(item, request, type)),
    resourceVersion,
    continue: typeof more === 'string' ? more : '',
  };
}

// `PodList` is a list of Pod.
function itemKind(listKind: Json | undefined): string {
  return typeof listKind === 'string' ? listKind.replace(/List$/, '') : '';
}

function within(deadlineMs: number | undefined): { deadlineMs?: number } {
  return deadlineMs === undefined ? {} : { deadlineMs };
}

function signalOf({ signal }: { readonly signal?: AbortSignal | undefined }): { signal?: AbortSignal } {
  return signal === undefined ? {} : { signal };
}

function listQuery(options: ListOptions): Record<string, string> {
  const query: Record<string, string> = {};
  if (options.labelSelector !== undefined) query.labelSelector = options.labelSelector;
  if (options.fieldSelector !== undefined) query.fieldSelector = options.fieldSelector;
  if (options.limit !== undefined) query.limit = String(options.limit);
  if (options.continue !== undefined && options.continue !== '') query.continue = options.continue;
  return query;
}

// A streaming list without a version is as consistent as a list without one.
function watchQuery(options: WatchOptions): Record<string, string> {
  const { from, timeoutSeconds } = options;
  return {
    ...listQuery(options),
    watch: 'true',
    allowWatchBookmarks: 'true',
    timeoutSeconds: String(timeoutSeconds),
    ...(from === 'all'
      ? { sendInitialEvents: 'true', resourceVersionMatch: 'NotOlderThan' }
      : { resourceVersion: from.resourceVersion }),
  };
}

// A refusal's body is a Status object, or plain text from whatever stands in front of the API server.
function parsed(text: string): Json {
  try {
    return parseJson(text);
  } catch (error) {
    if (error instanceof SyntaxError) return text;
    throw error;
  }
}
