// Objects of one kind as their watch tells of them, event by event: nothing that was true for a moment is missed.
import { createInterface } from 'node:readline';
import type { KubeClient } from '../../../operator/kube/client.ts';
import { keyOf, type Resource } from '../../../operator/kube/resources.ts';

/** An object of the API, as far as these tests look at it. */
export interface Body {
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid: string;
    readonly resourceVersion: string;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec: Readonly<Record<string, unknown>>;
  readonly status?: Readonly<Record<string, unknown>>;
}

interface Event {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  readonly object: Body;
}

/** Called with each change; undefined when the object is gone. */
type Changed = (object: Body, now: Body | undefined) => void;

interface Source {
  readonly client: KubeClient;
  readonly signal: AbortSignal;
}

export class Watched {
  /** By `namespace/name`, or the name. */
  readonly objects = new Map<string, Body>();
  /** Why nothing is heard any more. */
  broken: string | undefined;
  readonly #changed: Changed;
  readonly #source: Source;
  readonly #resource: Resource;
  /** All changes up to this one were taken in. */
  #version = '';

  private constructor(source: Source, resource: Resource, changed: Changed) {
    this.#source = source;
    this.#resource = resource;
    this.#changed = changed;
  }

  /** Ends with `signal`. */
  static async start(source: Source, resource: Resource, changed: Changed = () => undefined): Promise<Watched> {
    const watched = new Watched(source, resource, changed);
    const { items, resourceVersion } = await source.client.list(resource);
    for (const item of items) watched.#take({ type: 'ADDED', object: item as unknown as Body });
    watched.#version = resourceVersion;
    void watched.#follow().catch((error: unknown) => (watched.broken ??= `${resource.kind}: ${String(error)}`));
    return watched;
  }

  /** The API server ends watches of a kind whose definition it has read anew: they go on where they were. */
  async #follow(): Promise<void> {
    const { client, signal } = this.#source;
    while (!signal.aborted && this.broken === undefined) {
      const from = { resourceVersion: this.#version };
      const body = await client.watch(this.#resource, { from, timeoutSeconds: 3600, signal });
      for await (const line of createInterface({ input: body })) this.#take(JSON.parse(line) as Event);
    }
  }

  #take({ type, object }: Event): void {
    if (type === 'ERROR') {
      this.broken = JSON.stringify(object);
      return;
    }
    this.#version = object.metadata.resourceVersion;
    if (type === 'BOOKMARK') return;
    const key = keyOf(object.metadata);
    const gone = type === 'DELETED';
    if (gone) this.objects.delete(key);
    else this.objects.set(key, object);
    this.#changed(object, gone ? undefined : object);
  }
}

/** Things that one may have at a time. */
export class Exclusive {
  /** One sentence for each time that two had one. */
  readonly violations: string[] = [];
  readonly #kind: string;
  readonly #holders = new Map<string, string>();
  readonly #things = new Map<string, readonly string[]>();

  constructor(kind: string) {
    this.#kind = kind;
  }

  /** What this one has from now on. */
  set(who: string, things: readonly string[]): void {
    for (const thing of this.#things.get(who) ?? []) {
      if (this.#holders.get(thing) === who) this.#holders.delete(thing);
    }
    for (const thing of things) {
      const other = this.#holders.get(thing);
      if (other !== undefined) this.violations.push(`${thing} of ${this.#kind} ${other} and ${who} at once`);
      this.#holders.set(thing, who);
    }
    if (things.length === 0) this.#things.delete(who);
    else this.#things.set(who, things);
  }
}
