// The kinds that are watched and the tables they fill. One reflector per kind; what our own writes return enters by the
// same door, so that nobody waits for the watch to tell what is known already.
import { centralRow, ipRow, namespaceRow, nodeRow, podRow, subnetRow, vpcRow } from './api/project.ts';
import { subnetRef, vpcRef } from './api/refs.ts';
import type { CentralRow } from './api/tables.ts';
import type { Member } from './kube/leader-labels.ts';
import type { Part } from './kube/operator.ts';
import { into, type Projection } from './kube/mirror.ts';
import type { KubeObject } from './kube/object.ts';
import { Reflector, type ReflectorOptions, type RestartReason } from './kube/reflector.ts';
import { resources, type Resource } from './kube/resources.ts';
import type { ObservedStatus, StatusWriter } from './kube/status.ts';
import { Notes } from './taps.ts';
import type { World } from './world.ts';

export interface WatchesOptions extends Pick<ReflectorOptions, 'client' | 'clock' | 'log' | 'enter'> {
  readonly world: World;
  /** Where ovn-central and the other workloads of ours run. */
  readonly namespace: string;
  readonly status: () => StatusWriter;
  readonly onMembers: () => void;
  readonly onRestart: (kind: string, reason: RestartReason) => void;
}

type Kind = 'Pod' | 'Node' | 'Namespace' | 'IP' | 'Subnet' | 'Vpc';

export class Watches implements Part {
  readonly name = 'watches';
  /** Statuses as the API shows them, by name. */
  readonly subnetStatus: Notes<ObservedStatus>;
  readonly vpcStatus: Notes<ObservedStatus>;
  /** The pods of ovn-central, with the labels that say who leads. */
  readonly members: Notes<Member>;
  readonly #reflectors: ReadonlyMap<Kind, Reflector>;
  #synced = false;

  constructor(options: WatchesOptions) {
    const { world, namespace, status } = options;
    this.subnetStatus = new Notes('subnet status', (name) => status().check(subnetRef(name)));
    this.vpcStatus = new Notes('vpc status', (name) => status().check(vpcRef(name)));
    const shown = ({ metadata: { resourceVersion }, status: now }: KubeObject): ObservedStatus => ({
      resourceVersion,
      status: now ?? {},
    });
    this.members = new Notes('members', () => options.onMembers());
    const isCentral = ({ metadata }: KubeObject): boolean =>
      metadata.namespace === namespace && metadata.labels?.['app'] === 'ovn-central';
    const central = (object: KubeObject): CentralRow | undefined =>
      isCentral(object) ? centralRow(object) : undefined;
    const member = (object: KubeObject): Member | undefined => {
      const row = central(object);
      const { labels = {}, uid } = object.metadata;
      return row && { namespace, pod: row.pod, uid, ready: row.ready, labels };
    };
    const projections: Readonly<Record<Kind, readonly Projection[]>> = {
      Pod: [into(world.pod, podRow), into(world.central, central), into(this.members, member)],
      Node: [into(world.node, nodeRow)],
      Namespace: [into(world.namespace, namespaceRow)],
      IP: [into(world.ip, ipRow)],
      Subnet: [into(world.subnet, subnetRow), into(this.subnetStatus, shown)],
      Vpc: [into(world.vpc, vpcRow), into(this.vpcStatus, shown)],
    };
    const reflector = (kind: Kind): Reflector => {
      const resource: Resource = resources[kind];
      const { client, clock, log, enter, onRestart } = options;
      const restarted = (reason: RestartReason): void => onRestart(kind, reason);
      return new Reflector({
        client,
        clock,
        log,
        enter,
        resource,
        projections: projections[kind],
        onRestart: restarted,
      });
    };
    const kinds: readonly Kind[] = ['Pod', 'Node', 'Namespace', 'IP', 'Subnet', 'Vpc'];
    this.#reflectors = new Map(kinds.map((kind) => [kind, reflector(kind)]));
  }

  /** Every kind has been listed once. */
  get synced(): boolean {
    return this.#synced;
  }

  /** Resolves when every kind has been listed once. */
  async whenSynced(): Promise<void> {
    await Promise.all([...this.#reflectors.values()].map(({ synced }) => synced));
    this.#synced = true;
  }

  /** Kinds that cannot be read at the moment, and why. */
  get troubles(): Readonly<Record<string, { readonly reason: RestartReason; readonly error: string }>> {
    const waiting = [...this.#reflectors].flatMap(([kind, { state }]) =>
      state.at === 'waiting' ? [[kind, { reason: state.reason, error: state.error }] as const] : [],
    );
    return Object.fromEntries(waiting);
  }

  /** Objects known, by kind. */
  get sizes(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#reflectors].map(([kind, { size }]) => [kind, size]));
  }

  /** An object that a write returned. Kinds that are not watched are none of our business. */
  readonly ingest = (object: KubeObject): void => {
    const kind = [...this.#reflectors.keys()].find((known) => known === object.kind);
    if (kind !== undefined) this.#reflectors.get(kind)?.ingest(object);
  };

  start(): void {
    for (const reflector of this.#reflectors.values()) reflector.start();
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#reflectors.values()].map((reflector) => reflector.stop()));
  }
}
