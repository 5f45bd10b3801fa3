// Chassis of nodes that are gone. The ovn-controller of a node takes its rows from the southbound database when it ends in
// order, and a node that is cut off or deleted does not: its tunnels would stay on all others, and its name in every group of
// gateways. Here, and only here, the leader writes to the southbound database.
import { Session } from '../lib/ovsdb/index.ts';
import type { Condition, Mutation, Replica, SessionOptions } from '../lib/ovsdb/index.ts';
import { textOf } from './api/json.ts';
import type { Clock } from './kube/clock.ts';
import { messageOf } from './kube/errors.ts';
import type { Log } from './kube/log.ts';
import type { Part } from './kube/operator.ts';
import { KeyedQueue } from './kube/queue.ts';

export interface DepartedChassisOptions extends Pick<SessionOptions, 'tls' | 'dial'> {
  readonly clock: Clock;
  readonly log: Log;
  /** Whether a node of this name is known. */
  readonly isNode: (name: string) => boolean;
  /** Asks the API server whether there is none. */
  readonly isGone: (name: string) => Promise<boolean>;
}

const database = 'OVN_Southbound';
/** In external_ids. */
const [vendor, ours] = ['vendor', 'kube-ovn'];

interface Chassis {
  readonly name: string;
  readonly hostname: string;
  /** It is, or was, a node's. */
  readonly isMarked: boolean;
}

const named = (name: string): Condition[] => [['name', '==', name]];

export class DepartedChassis implements Part {
  readonly name = 'chassis of nodes that are gone';
  readonly #options: DepartedChassisOptions;
  #remotes: readonly string[] = [];
  #running: { readonly session: Session; readonly replica: Replica; readonly queue: KeyedQueue } | undefined;

  constructor(options: DepartedChassisOptions) {
    this.#options = options;
  }

  setRemotes(remotes: readonly string[]): void {
    this.#remotes = remotes;
    this.#running?.session.setRemotes(remotes);
  }

  start(): void {
    const { clock, log, tls, dial } = this.#options;
    const session = new Session({
      remotes: this.#remotes,
      database,
      leaderOnly: true,
      random: () => clock.random(),
      log,
      ...(tls && { tls }),
      ...(dial && { dial }),
    });
    const replica = session.monitor(
      { tables: { Chassis: ['name', 'hostname', 'external_ids'] } },
      { changed: () => this.look(), synced: () => this.look(), lost: () => undefined },
    );
    const queue = new KeyedQueue({
      clock,
      run: (hostname) => this.#settle(hostname),
      onFailure: (node, error, attempt) =>
        log.warn(
          { node, attempt, error: messageOf(error) },
          'chassis of a node not marked, or of one that is gone not removed',
        ),
    });
    this.#running = { session, replica, queue };
    queue.start();
    session.start();
  }

  async stop(): Promise<void> {
    const running = this.#running;
    this.#running = undefined;
    await Promise.all([running?.queue.stop(), running?.session.stop()]);
  }

  /**
   * A node has come or gone, or a chassis. That of a node is marked, as Kube-OVN does it; of what is marked and has no node
   * the API server is asked. Whatever never was a node's (a gateway outside of the cluster, another cluster's) is not ours.
   */
  look(): void {
    for (const { hostname, isMarked } of this.#chassis())
      if (this.#options.isNode(hostname) !== isMarked) this.#running?.queue.add(hostname);
  }

  *#chassis(hostname?: string): Generator<Chassis> {
    for (const [, row] of this.#running?.replica.rows('Chassis') ?? []) {
      const ids = row['external_ids'];
      const isMarked = ids instanceof Map && ids.get(vendor) === ours;
      const chassis = { name: textOf(row['name']), hostname: textOf(row['hostname']), isMarked };
      if (hostname === undefined || chassis.hostname === hostname) yield chassis;
    }
  }

  async #settle(hostname: string): Promise<void> {
    const { isNode, isGone } = this.#options;
    const all = [...this.#chassis(hostname)];
    if (isNode(hostname)) await this.#mark(all.filter(({ isMarked }) => !isMarked));
    else if (all.some(({ isMarked }) => isMarked) && (await isGone(hostname)))
      await this.#remove(all.filter(({ isMarked }) => isMarked));
  }

  async #mark(chassis: readonly Chassis[]): Promise<void> {
    const mark: Mutation = ['external_ids', 'insert', new Map([[vendor, ours]])];
    await this.#running?.session.transact(
      chassis.map(({ name }) => ({ op: 'mutate', table: 'Chassis', where: named(name), mutations: [mark] })),
    );
  }

  async #remove(chassis: readonly Chassis[]): Promise<void> {
    await this.#running?.session.transact(
      chassis.flatMap(({ name }) =>
        ['Chassis', 'Chassis_Private'].map((table) => ({ op: 'delete' as const, table, where: named(name) })),
      ),
    );
    this.#options.log.info({ chassis }, 'chassis of a node that is gone removed');
  }
}
