// A writer that inserts rows and repeats what became uncertain, and two copies that are checked at every step: the writer's
// own, and that of a reader who is with any member. What goes wrong is kept in `wrong`, which a test expects to be empty.
import { randomUUID } from 'node:crypto';
import { Canceled, ConnectionLost, DuplicateUuid, Session } from '../../../../lib/ovsdb/index.ts';
import type { Replica, Row, RowChange, SessionOptions } from '../../../../lib/ovsdb/index.ts';
import { eventually } from '../../../eventually.ts';
import type { OvsdbServer } from '../../../ovsdb-server.ts';

const TABLE = 'Logical_Switch';
const COLUMNS = ['name', 'external_ids'];

/** A copy with what a consumer can know of it: the fold of all changes that it was told of. */
class Copy {
  readonly session: Session;
  readonly replica: Replica;
  /** Remotes that it went to, in their order, and why it left them. */
  readonly tried: string[] = [];
  readonly reasons: string[] = [];
  readonly synced: boolean[] = [];
  /** Calls of `changed` in which rows were deleted, which no one does. */
  losses = 0;
  readonly #name: string;
  readonly #rows = new Map<string, Row>();
  readonly #wrong: string[];
  #waiting: (() => void)[] = [];

  constructor(name: string, options: Pick<SessionOptions, 'remotes' | 'leaderOnly'>, wrong: string[]) {
    this.#name = name;
    this.#wrong = wrong;
    this.session = new Session({
      ...options,
      database: 'OVN_Northbound',
      // A member that is paused is left by a reader at the end of its probe: sooner than after the default.
      probeInterval: options.leaderOnly === true ? 5000 : 1000,
      observe: (state, reason) => {
        if (state === 'connecting') this.tried.push(this.session.remote ?? '');
        if (reason !== undefined) this.reasons.push(reason);
        if (state !== 'ready') return;
        for (const resume of this.#waiting.splice(0)) resume();
      },
    });
    this.replica = this.session.monitor(
      { tables: { [TABLE]: COLUMNS } },
      { changed: (changes) => this.#changed(changes), synced: (continued) => this.synced.push(continued) },
    );
    this.session.start();
  }

  get size(): number {
    return this.#rows.size;
  }

  names(): string[] {
    return [...this.replica.rows(TABLE)].map(([, { name }]) => name as string).sort();
  }

  async ready(): Promise<void> {
    if (this.session.state === 'ready') return;
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  #changed(changes: readonly RowChange[]): void {
    if (changes.some(({ new: row }) => row === undefined)) this.losses += 1;
    for (const { uuid, old, new: row } of changes) {
      this.#expect(this.#rows.get(uuid) === old, `${uuid} changes from what it never was`);
      if (row === undefined) this.#rows.delete(uuid);
      else this.#rows.set(uuid, row);
      this.#expect(this.replica.row(TABLE, uuid) === row, `${uuid} is not in the copy as it was told`);
    }
    this.#expect(
      this.#rows.size === this.replica.size(TABLE),
      `${this.replica.size(TABLE)} rows, not ${this.#rows.size}`,
    );
  }

  /** Compares all of it. */
  verify(): void {
    for (const [uuid, row] of this.replica.rows(TABLE)) this.#expect(this.#rows.get(uuid) === row, `${uuid} differs`);
  }

  #expect(holds: boolean, otherwise: string): void {
    if (!holds) this.#wrong.push(`${this.#name}: ${otherwise}`);
  }
}

export class Load {
  readonly wrong: string[] = [];
  readonly writer: Copy;
  readonly reader: Copy;
  /** Names of the rows whose insertion was acknowledged, and how many of them only when repeated. */
  readonly acknowledged = new Set<string>();
  repeated = 0;
  readonly #lanes: Promise<void>[] = [];
  #count = 0;
  #stopped = false;
  #watchers: ((sentAt: number) => void)[] = [];

  /** `remotes` of the members; `lanes`: transactions that are outstanding at a time. */
  constructor(remotes: readonly string[], lanes = 4) {
    this.writer = new Copy('writer', { remotes, leaderOnly: true }, this.wrong);
    this.reader = new Copy('reader', { remotes }, this.wrong);
    for (let lane = 0; lane < lanes; lane += 1) this.#lanes.push(this.#write());
  }

  /** Waits for a number of further rows. */
  async rows(count: number): Promise<void> {
    const enough = this.acknowledged.size + count;
    await eventually(() => this.acknowledged.size >= enough, { within: 30_000, what: `${count} more rows` });
  }

  /** When a write that was sent after `since` was acknowledged first; milliseconds of performance.now(). */
  async written(since: number): Promise<number> {
    const { promise, resolve } = Promise.withResolvers<number>();
    const watcher = (sentAt: number): void => {
      if (sentAt >= since) resolve(performance.now());
    };
    this.#watchers.push(watcher);
    const at = await promise;
    this.#watchers = this.#watchers.filter((other) => other !== watcher);
    return at;
  }

  /** Ends the writing, every row acknowledged, and waits until both copies are as the server is. */
  async quiesce(server: OvsdbServer): Promise<readonly string[]> {
    this.#stopped = true;
    await Promise.all(this.#lanes);
    const dump = await server.dump(TABLE, ['name']);
    const names = dump.map(({ name }) => String(name)).sort();
    const text = JSON.stringify(names);
    for (const copy of [this.writer, this.reader]) {
      await eventually(() => copy.session.state === 'ready' && JSON.stringify(copy.names()) === text, {
        within: 40_000,
        what: 'a copy to be as the server is',
      });
      copy.verify();
    }
    return names;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all([this.writer.session.stop(), this.reader.session.stop()]);
  }

  async #write(): Promise<void> {
    while (!this.#stopped) {
      this.#count += 1;
      const [name, uuid] = [`row-${this.#count}`, randomUUID()];
      let sentAt = 0;
      let tries = 0;
      do {
        await this.writer.ready();
        sentAt = performance.now();
        tries += 1;
      } while (!(await this.#insert(name, uuid)));
      if (tries > 1) this.repeated += 1;
      this.acknowledged.add(name);
      for (const watcher of this.#watchers) watcher(sentAt);
    }
  }

  /** Whether the row is there. What is acknowledged is in the writer's copy by then. */
  async #insert(name: string, uuid: string): Promise<boolean> {
    try {
      await this.writer.session.transact([{ op: 'insert', table: TABLE, uuid, row: { name } }]);
    } catch (error) {
      if (error instanceof ConnectionLost || error instanceof Canceled) return false;
      if (!(error instanceof DuplicateUuid)) {
        this.wrong.push(`${name}: ${String(error)}`);
        return true;
      }
    }
    if (this.writer.replica.row(TABLE, uuid)?.['name'] !== name) this.wrong.push(`${name} is not in the writer's copy`);
    return true;
  }
}
