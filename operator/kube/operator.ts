// The operator's life cycle: a subclass of the Operator of @dot-i/k8s-operator that starts its parts in order and
// stops them in reverse. What of the base class would end the process, swallow an error or overwrite others' fields is
// replaced by this folder's own edges; the contract of its events and finalizers stays.
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { KubeConfig } from '@kubernetes/client-node';
import type { ResourceMeta } from '@dot-i/k8s-operator';
import type * as library from '@dot-i/k8s-operator';
import { parse } from 'yaml';
import type { Json, JsonObject } from '../api/fact.ts';
import type { KubeClient } from './client.ts';
import './client-node/index.ts';
import type { Clock } from './clock.ts';
import { AlreadyExistsError, messageOf } from './errors.ts';
import type { Log } from './log.ts';
import { into } from './mirror.ts';
import type { KubeObject } from './object.ts';
import { EventTable, type EventCallback } from './operator-events.ts';
import { Reflector } from './reflector.ts';
import { pathOf, resources, type Resource } from './resources.ts';

// CommonJS with `exports.default`, which loaders disagree about; `require` has one meaning everywhere.
const { default: Operator } = createRequire(import.meta.url)('@dot-i/k8s-operator') as (typeof library)['default'];

/** Something that is started once and stopped once. */
export interface Part {
  readonly name: string;
  start(): Promise<void> | void;
  stop(): Promise<void> | void;
}

export interface KubeloomOperatorOptions {
  readonly kubeConfig: KubeConfig;
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly log: Log;
  /** In the order in which they are started. */
  readonly parts: readonly Part[];
}

export class KubeloomOperator extends Operator {
  readonly #options: KubeloomOperatorOptions;
  readonly #started: Part[] = [];
  readonly #resources = new Map<string, Resource>();
  #stopping: Promise<void> | undefined;

  constructor(options: KubeloomOperatorOptions) {
    super({
      debug: (message) => options.log.debug({}, message),
      info: (message) => options.log.info({}, message),
      warn: (message) => options.log.warn({}, message),
      error: (message) => options.log.error({}, message),
    });
    this.#options = options;
    this.kubeConfig = options.kubeConfig;
  }

  /** Called by `start`. A part that cannot start stops those before it, and the error is the caller's. */
  protected override async init(): Promise<void> {
    for (const part of this.#options.parts) {
      if (this.#stopping !== undefined) return;
      try {
        this.#started.push(part);
        await part.start();
        this.#options.log.debug({ part: part.name }, 'started');
      } catch (error) {
        await this.shutdown();
        throw new Error(`${part.name} could not be started: ${messageOf(error)}`, { cause: error });
      }
    }
  }

  /** As `shutdown`, for callers of the base class. */
  override stop(): void {
    void this.shutdown();
  }

  /** Stops every part in reverse, going on past failures; the same promise for every call. */
  shutdown(): Promise<void> {
    this.#stopping ??= this.#stopAll();
    return this.#stopping;
  }

  async #stopAll(): Promise<void> {
    super.stop();
    for (const part of this.#started.splice(0).toReversed()) {
      try {
        await part.stop();
      } catch (error) {
        this.#options.log.error({ part: part.name, error: messageOf(error) }, 'part could not be stopped');
      }
    }
  }

  /**
   * Watches a kind for as long as the operator runs: resumes after every error, and tells of objects that vanished while
   * the watch was away. Callbacks run one at a time per kind; one that rejects is logged.
   */
  protected override async watchResource(...args: WatchArguments): Promise<void> {
    const [group, version, plural, onEvent, namespace] = args;
    const apiVersion = group === '' ? version : `${group}/${version}`;
    const resource: Resource = { apiVersion, kind: '', plural, namespaced: namespace !== undefined };
    const id = `${plural}.${apiVersion}`;
    this.#resources.set(id, resource);
    const { client, clock, log } = this.#options;
    const table = new EventTable(id, onEvent, (error) => log.error({ id, error: messageOf(error) }, 'callback failed'));
    const reflector = new Reflector({
      client,
      clock,
      log,
      resource,
      projections: [into<KubeObject>(table, (object) => object)],
      enter: (change) => change(),
      ...(namespace === undefined ? {} : { select: { namespace } }),
    });
    reflector.start();
    this.#started.push({ name: `watch of ${id}`, start: () => undefined, stop: () => reflector.stop() });
  }

  /** Creates the CRD of a file; one that is there stays as it is. Rejects with this folder's errors. */
  protected override async registerCustomResourceDefinition(crdFile: string): Promise<Registered> {
    const crd = parse(await readFile(crdFile, 'utf8')) as JsonObject & { readonly spec: Definition };
    try {
      await this.#options.client.create(resources.CustomResourceDefinition, crd);
    } catch (error) {
      if (!(error instanceof AlreadyExistsError)) throw error;
    }
    const { group, versions, names } = crd.spec;
    return { group, versions, plural: names.plural };
  }

  protected override getCustomResourceApiUri(...args: [string, string, string, string?]): string {
    const [group, version, plural, namespace] = args;
    const apiVersion = group === '' ? version : `${group}/${version}`;
    const resource = { apiVersion, kind: '', plural, namespaced: namespace !== undefined };
    return this.#options.client.server + pathOf(resource, namespace === undefined ? {} : { namespace });
  }

  /** Replaces the status; rejects with this folder's errors. */
  protected override async setResourceStatus(meta: ResourceMeta, status: unknown): Promise<ResourceMeta> {
    const { apiVersion, kind, name, namespace, resourceVersion } = meta;
    const metadata = { name, resourceVersion, ...(namespace === undefined ? {} : { namespace }) };
    const body = { apiVersion, kind, metadata, status: status as Json };
    const path = pathOf(this.#resourceOf(meta), { ...placeOf(meta), subresource: 'status' });
    return this.#meta(meta, await this.#options.client.request({ method: 'PUT', path, body }));
  }

  /** RFC 7386 on the status; rejects with this folder's errors. */
  protected override async patchResourceStatus(meta: ResourceMeta, status: unknown): Promise<ResourceMeta> {
    const path = pathOf(this.#resourceOf(meta), { ...placeOf(meta), subresource: 'status' });
    const contentType = 'application/merge-patch+json';
    const body = { status: status as Json };
    return this.#meta(meta, await this.#options.client.request({ method: 'PATCH', path, body, contentType }));
  }

  /** Makes the list of finalizers this one, unless it has changed since `meta` was seen: then it rejects. */
  protected override async setResourceFinalizers(meta: ResourceMeta, finalizers: string[]): Promise<void> {
    const path = pathOf(this.#resourceOf(meta), placeOf(meta));
    const contentType = 'application/merge-patch+json';
    const body = { metadata: { resourceVersion: meta.resourceVersion, finalizers } };
    await this.#options.client.request({ method: 'PATCH', path, body, contentType });
  }

  #resourceOf({ id }: ResourceMeta): Resource {
    const resource = this.#resources.get(id);
    if (resource === undefined) throw new Error(`${id} is not watched`);
    return resource;
  }

  #meta(meta: ResourceMeta, answer: Json): ResourceMeta {
    const { metadata } = answer as unknown as KubeObject;
    return { ...meta, resourceVersion: metadata.resourceVersion };
  }
}

type Registered = Awaited<ReturnType<InstanceType<typeof Operator>['registerCustomResourceDefinition']>>;

type Definition = JsonObject & Pick<Registered, 'group' | 'versions'> & { readonly names: { readonly plural: string } };

type WatchArguments = [string, string, string, EventCallback, string?];

function placeOf({ name, namespace }: ResourceMeta): { name: string; namespace?: string } {
  return namespace === undefined ? { name } : { name, namespace };
}
