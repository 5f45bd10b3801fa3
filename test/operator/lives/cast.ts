// Who plays: makes, ends and completes pods as schedulers, kubelets and controllers do, and knows of each what it must have.
import type { JsonObject } from '../../../operator/api/fact.ts';
import type { KubeClient } from '../../../operator/kube/client.ts';
import { pathOf, resources } from '../../../operator/kube/resources.ts';
import { full, podOf, type Role, roleOf, setOf, type SetName, setRole, sets } from './roles.ts';
import { namespaces } from './stage.ts';

/** A pod that runs. */
export interface Life extends Role {
  readonly uid: string;
}

/** Name of the IP object, and of the port, of an interface. */
export const ipNameOf = ({ name, namespace }: Role, provider: string): string =>
  `${name}.${namespace}${provider === 'ovn' ? '' : `.${provider}`}`;

export class Cast {
  /** Pods that run, by `namespace/name`: each must have all that it asks for. */
  readonly living = new Map<string, Life>();
  /** IP objects that wait for the next pod of the name. */
  readonly kept = new Set<string>();
  /** UIDs of the IP objects of StatefulSets' pods, once they were seen: each stays for the next pod of the name. */
  readonly known = new Map<string, string>();
  /** Pods that were made. */
  lives = 0;
  readonly #client: KubeClient;
  readonly #sets = new Map<SetName, { readonly uid: string; replicas: number }>();
  /** Pods that are there and have nothing any more. */
  readonly #completed = new Map<string, Life>();
  #next = 0;

  constructor(client: KubeClient) {
    this.#client = client;
  }

  nextRole(): Role {
    const role = roleOf(this.#next);
    this.#next += 1;
    return role;
  }

  async enter(role: Role): Promise<Life> {
    const made = await this.#client.create(resources.Pod, podOf(role));
    this.lives += 1;
    const life = { ...role, uid: made.metadata.uid };
    this.living.set(keyOf(role), life);
    return life;
  }

  /** The pod is gone at once. */
  async leave(life: Role): Promise<void> {
    await this.#delete(life, 0);
    this.#completed.delete(keyOf(life));
    this.#rests(life);
  }

  /** Its containers are told to end, and have not yet. */
  async terminate(life: Role): Promise<void> {
    await this.#delete(life, 30);
  }

  /** It has ended by itself, and stays as an object. */
  async complete(life: Life, phase: 'Succeeded' | 'Failed'): Promise<void> {
    const { namespace, name } = life;
    const ref = { apiVersion: 'v1', kind: 'Pod', namespace, name };
    await this.#client.patch(ref, { type: 'merge', body: { status: { phase } } }, 'status');
    this.#rests(life);
    this.#completed.set(keyOf(life), life);
  }

  /** Another pod under the name. */
  async again(life: Life): Promise<Life> {
    await this.leave(life);
    return await this.enter(life);
  }

  /** Another pod that asks for the same, before the first one's addresses are free. */
  async succeed(life: Life): Promise<Life> {
    const heir = { ...life, name: `${life.name}-heir` };
    const left = this.leave(life);
    const entered = await this.enter(heir);
    await left;
    return entered;
  }

  get completed(): readonly Life[] {
    return [...this.#completed.values()];
  }

  /** StatefulSets without pods. */
  async makeSets(): Promise<void> {
    for (const name of sets) {
      const { metadata } = await this.#client.create(resources.StatefulSet, setOf(name));
      this.#sets.set(name, { uid: metadata.uid, replicas: full });
    }
  }

  /** Pods that the sets lack. */
  missing(): Role[] {
    return [...this.#sets].flatMap(([name, { uid, replicas }]) =>
      Array.from({ length: replicas }, (_, at) => setRole(name, at, uid)).filter(
        (role) => !this.living.has(keyOf(role)),
      ),
    );
  }

  /** Sets the number of replicas; answers the pods that are too many. */
  async scale(replicas: number): Promise<Life[]> {
    for (const [name, set] of this.#sets) {
      set.replicas = replicas;
      const ref = { apiVersion: 'apps/v1', kind: 'StatefulSet', namespace: namespaces.free, name };
      await this.#client.patch(ref, { type: 'merge', body: { spec: { replicas } } });
    }
    for (const ip of [...this.kept, ...this.known.keys()]) if (ordinalOf(ip) >= replicas) this.#forget(ip);
    return this.ofSets().filter(({ name }) => ordinalOf(name) >= replicas);
  }

  ofSets(): Life[] {
    return [...this.living.values()].filter(({ set }) => set);
  }

  /** The sets go, and with them what was kept for their pods. */
  async deleteSets(): Promise<void> {
    for (const name of this.#sets.keys()) await this.#remove('StatefulSet', { namespace: namespaces.free, name });
    this.#sets.clear();
    for (const ip of [...this.kept, ...this.known.keys()]) this.#forget(ip);
  }

  #forget(ip: string): void {
    this.kept.delete(ip);
    this.known.delete(ip);
  }

  /** The pod lives no more: of its IP objects those stay that its set wants again. */
  #rests(life: Role): void {
    const known = this.living.get(keyOf(life));
    this.living.delete(keyOf(life));
    const replicas = this.#sets.get(life.set?.name as SetName)?.replicas ?? 0;
    if (!known?.set || ordinalOf(life.name) >= replicas) return;
    for (const { provider } of life.nics) this.kept.add(ipNameOf(life, provider));
  }

  async #delete(role: Role, gracePeriodSeconds: number): Promise<void> {
    await this.#remove('Pod', role, { gracePeriodSeconds });
  }

  async #remove(
    kind: 'Pod' | 'StatefulSet',
    place: { readonly namespace: string; readonly name: string },
    options: JsonObject = {},
  ): Promise<void> {
    const { namespace, name } = place;
    const body = { apiVersion: 'v1', kind: 'DeleteOptions', ...options };
    await this.#client.request({ method: 'DELETE', path: pathOf(resources[kind], { namespace, name }), body });
  }
}

export const keyOf = ({ namespace, name }: Role): string => `${namespace}/${name}`;

const ordinalOf = (name: string): number => Number(/-(\d+)(?:\.|$)/.exec(name)?.[1]);

/** Does something with each, sixteen at once. */
export async function each<T>(all: Iterable<T>, work: (one: T) => Promise<unknown>): Promise<void> {
  const queue = [...all];
  const worker = async (): Promise<void> => {
    for (let one = queue.shift(); one !== undefined; one = queue.shift()) await work(one);
  };
  await Promise.all(Array.from({ length: 16 }, worker));
}
