// Chassis of nodes that are gone. The ovn-controller of a node takes its rows from the southbound database when it ends in
// order, and a node that is cut off or deleted does not: its tunnels would stay on all others, and its name in every group of
// gateways. A row of the southbound database is removed here, and only here, by the leader.
import { Session } from '../lib/ovsdb/index.ts';
import type { Replica, SessionOptions } from '../lib/ovsdb/index.ts';
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
/** Of another cluster's OVN, put there by ovn-ic. */
const remote = 'is-remote';

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
      { tables: { Chassis: ['name', 'hostname', 'other_config'] } },
      { changed: () => this.look(), synced: () => this.look(), lost: () => undefined },
    );
    const queue = new KeyedQueue({
      clock,
      run: (name) => this.#remove(name),
      onFailure: (chassis, error, attempt) =>
        log.warn({ chassis, attempt, error: messageOf(error) }, 'chassis of a node that is gone not removed'),
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

  /** A node has gone, or a chassis come: whatever has no node is asked for, and removed when there is none. */
  look(): void {
    for (const { hostname } of this.#chassis()) if (!this.#options.isNode(hostname)) this.#running?.queue.add(hostname);
  }

  *#chassis(): Generator<{ readonly name: string; readonly hostname: string }> {
    for (const [, row] of this.#running?.replica.rows('Chassis') ?? []) {
      const config = row['other_config'];
      if (config instanceof Map && config.get(remote) === 'true') continue;
      yield { name: textOf(row['name']), hostname: textOf(row['hostname']) };
    }
  }

  async #remove(hostname: string): Promise<void> {
    const { isNode, isGone, log } = this.#options;
    const names = [...this.#chassis()].filter((chassis) => chassis.hostname === hostname).map(({ name }) => name);
    if (names.length === 0 || isNode(hostname) || !(await isGone(hostname))) return;
    await this.#running?.session.transact(
      names.flatMap((name) =>
        (['Chassis', 'Chassis_Private'] as const).map((table) => ({
          op: 'delete' as const,
          table,
          where: [['name', '==', name] as const],
        })),
      ),
    );
    log.info({ node: hostname, chassis: names }, 'chassis of a node that is gone removed');
  }
}
