// The plan as the agent holds it: items by key, with the look-ups of the CNI server and of the drivers. The plan client
// is its one writer.
import { Bell } from './bell.ts';
import type { GatewaySpec, Item, NodeSpec, PeerSpec, PortSpec, SubnetSpec } from './items.ts';
import { isPerPod } from './routing.ts';

interface KeyedSubnet {
  readonly key: string;
  readonly item: SubnetSpec;
}

interface KeyedGateway {
  readonly key: string;
  readonly item: GatewaySpec;
}

interface KeyedPort {
  readonly key: string;
  readonly item: PortSpec;
}

/** Whose port an ADD asks for; `uid` is '' when the runtime did not say. */
export interface PortQuery {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly provider: string;
  readonly ifname: string;
}

const portKey = (namespace: string, name: string, provider: string): string => `${namespace}/${name}/${provider}`;

export class PlanTables {
  readonly #items = new Map<string, Item>();
  /** Those that are not ports: few, and looked through often. */
  readonly #topology = new Map<string, Item>();
  /** Keys of port items by pod and provider: for a moment a name can have an old and a new pod. */
  readonly #ports = new Map<string, Set<string>>();
  readonly #bell = new Bell();
  /** What has been looked up since the last change of an item that is not a port. */
  #found: { subnets?: KeyedSubnet[]; peers?: PeerSpec[]; passed?: KeyedPort[]; gateways?: KeyedGateway[] } = {};

  get size(): number {
    return this.#items.size;
  }

  entries(): IterableIterator<[string, Item]> {
    return this.#items.entries();
  }

  get(key: string): Item | undefined {
    return this.#items.get(key);
  }

  apply(key: string, item: Item): void {
    const before = this.#items.get(key);
    if (before !== undefined) this.#unindex(key, before);
    this.#items.set(key, item);
    if (item.kind !== 'port') this.#topology.set(key, item);
    else {
      this.#topology.delete(key);
      const index = portKey(item.pod.namespace, item.pod.name, item.provider);
      const keys = this.#ports.get(index) ?? new Set();
      this.#ports.set(index, keys.add(key));
      this.#bell.ring(index);
    }
    this.#changed(before, item);
  }

  delete(key: string): void {
    const before = this.#items.get(key);
    if (before === undefined) return;
    this.#items.delete(key);
    this.#topology.delete(key);
    this.#unindex(key, before);
    this.#changed(before, undefined);
  }

  /** The node's own item, with its key. */
  node(): { readonly key: string; readonly item: NodeSpec } | undefined {
    for (const [key, item] of this.#topology) if (item.kind === 'node') return { key, item };
    return undefined;
  }

  /** The same list as long as nothing of it has changed, as is `peers`. */
  subnets(): readonly KeyedSubnet[] {
    this.#found.subnets ??= [...this.#topology].flatMap(([key, item]) =>
      item.kind === 'subnet' ? [{ key, item }] : [],
    );
    return this.#found.subnets;
  }

  /** Ports of all pods of the node. */
  ports(): { readonly key: string; readonly item: PortSpec }[] {
    return [...this.#items].flatMap(([key, item]) => (item.kind === 'port' ? [{ key, item }] : []));
  }

  peers(): readonly PeerSpec[] {
    this.#found.peers ??= [...this.#topology.values()].filter((item) => item.kind === 'peer');
    return this.#found.peers;
  }

  gateways(): readonly KeyedGateway[] {
    this.#found.gateways ??= [...this.#topology].flatMap(([key, item]) =>
      item.kind === 'gateway' ? [{ key, item }] : [],
    );
    return this.#found.gateways;
  }

  /** Ports of pods whose subnets pass on what leaves to a gateway outside, by their own node; passes over all ports. */
  passed(): readonly KeyedPort[] {
    this.#found.passed ??= this.#portsOf(
      new Set(this.subnets().flatMap(({ item }) => (isPerPod(item) ? [item.name] : []))),
    );
    return this.#found.passed;
  }

  #portsOf(subnets: ReadonlySet<string>): KeyedPort[] {
    if (subnets.size === 0) return [];
    return [...this.#items].flatMap(([key, item]) =>
      item.kind === 'port' && subnets.has(item.subnet) ? [{ key, item }] : [],
    );
  }

  /**
   * The port of a pod's interface; with a uid only that pod's, else the newest of the name. An item that names no
   * interface is the only one of its provider, or the new ones are not in the plan yet.
   */
  port({ namespace, name, uid, provider, ifname }: PortQuery): PortSpec | undefined {
    const keys = this.#ports.get(portKey(namespace, name, provider)) ?? [];
    const ports = [...keys].flatMap((key) => {
      const item = this.#items.get(key);
      return item?.kind === 'port' && (uid === '' || item.pod.uid === uid) ? [item] : [];
    });
    // In a plan that was kept by an agent before this one, items name none at all.
    return ports.findLast((port) => port.ifname === ifname) ?? ports.findLast((port) => !port.ifname);
  }

  /** Waits until the port is in the plan and fulfils `accept`. */
  portWhen(query: PortQuery, signal: AbortSignal, accept: (port: PortSpec) => boolean): Promise<PortSpec> {
    return this.#bell.until(portKey(query.namespace, query.name, query.provider), signal, () => {
      const port = this.port(query);
      return port !== undefined && accept(port) ? port : undefined;
    });
  }

  #unindex(key: string, item: Item): void {
    if (item.kind !== 'port') return;
    const index = portKey(item.pod.namespace, item.pod.name, item.provider);
    const keys = this.#ports.get(index);
    keys?.delete(key);
    if (keys?.size === 0) this.#ports.delete(index);
  }

  #changed(before: Item | undefined, after: Item | undefined): void {
    const isOfPorts = (before ?? after)?.kind === 'port' && (after ?? before)?.kind === 'port';
    if (!isOfPorts) this.#found = {};
    // Nobody but those who wait for a port is concerned by it, as a rule.
    else if ((this.#found.passed ?? []).length > 0 || this.subnets().some(({ item }) => isPerPod(item)))
      delete this.#found.passed;
  }
}
