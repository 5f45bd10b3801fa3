// A table whose changes are told as the events of @dot-i/k8s-operator, in order and one at a time.
import { type ResourceEvent, ResourceEventType } from '@dot-i/k8s-operator';
import type { Table } from '../../lib/graph/types.ts';
import type { KubeObject } from './object.ts';

export type EventCallback = (event: ResourceEvent) => Promise<void>;

export class EventTable implements Table<KubeObject> {
  readonly name: string;
  readonly #objects = new Map<string, KubeObject>();
  readonly #onEvent: EventCallback;
  readonly #failed: (error: unknown) => void;
  #told: Promise<void> = Promise.resolve();

  constructor(name: string, onEvent: EventCallback, failed: (error: unknown) => void) {
    this.name = name;
    this.#onEvent = onEvent;
    this.#failed = failed;
  }

  get size(): number {
    return this.#objects.size;
  }

  get(key: string): KubeObject | undefined {
    return this.#objects.get(key);
  }

  has(key: string): boolean {
    return this.#objects.has(key);
  }

  entries(): IterableIterator<[string, KubeObject]> {
    return this.#objects.entries();
  }

  set(key: string, object: KubeObject): void {
    const before = this.#objects.get(key);
    if (before?.metadata.resourceVersion === object.metadata.resourceVersion) return;
    this.#objects.set(key, object);
    this.#tell(before === undefined ? ResourceEventType.Added : ResourceEventType.Modified, object);
  }

  delete(key: string): void {
    const object = this.#objects.get(key);
    if (object === undefined) return;
    this.#objects.delete(key);
    this.#tell(ResourceEventType.Deleted, object);
  }

  replace(entries: Iterable<readonly [string, KubeObject]>): void {
    const gone = new Set(this.#objects.keys());
    for (const [key, object] of entries) {
      gone.delete(key);
      this.set(key, object);
    }
    for (const key of gone) this.delete(key);
  }

  #tell(type: ResourceEventType, object: KubeObject): void {
    const { apiVersion, kind, metadata } = object;
    const { name, namespace, resourceVersion } = metadata;
    const meta = {
      id: this.name,
      apiVersion,
      kind,
      name,
      resourceVersion,
      ...(namespace === undefined ? {} : { namespace }),
    };
    const event = { type, meta, object: object as unknown as ResourceEvent['object'] };
    this.#told = this.#told.then(() => this.#onEvent(event)).catch(this.#failed);
  }
}
