// The two databases as the bench needs them: operations, OVN's barrier, and waiting for what a monitor tells.
import { Session } from '../../lib/ovsdb/index.ts';
import type { Atom, Row, RowChange } from '../../lib/ovsdb/index.ts';

/** A session with a copy of some tables; `until` waits for a change of the copy. */
export class Database {
  readonly session: Session;
  readonly rows = new Map<string, ReadonlyMap<string, Row>>();
  readonly #tables = new Map<string, Map<string, Row>>();
  readonly #waiting = new Set<() => void>();
  readonly #ready = Promise.withResolvers<void>();

  constructor(remote: string, database: string, tables: Readonly<Record<string, readonly string[]>>) {
    this.session = new Session({ remotes: [remote], database });
    for (const table of Object.keys(tables)) {
      const rows = new Map<string, Row>();
      this.#tables.set(table, rows);
      this.rows.set(table, rows);
    }
    this.session.monitor(
      { tables },
      { changed: (changes) => this.#changed(changes), synced: () => this.#ready.resolve() },
    );
    this.session.start();
  }

  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  get(table: string, uuid: string): Row | undefined {
    return this.rows.get(table)?.get(uuid);
  }

  /** The row of this name. */
  named(table: string, name: string): { uuid: string; row: Row } {
    for (const [uuid, row] of this.rows.get(table) ?? []) if (row['name'] === name) return { uuid, row };
    throw new Error(`no ${table} ${name}`);
  }

  /** The only row of a table. */
  only(table: string): { uuid: string; row: Row } {
    for (const [uuid, row] of this.rows.get(table) ?? []) return { uuid, row };
    throw new Error(`${table} is empty`);
  }

  /** Resolves when `holds` does; looked at after every change. */
  until(holds: () => boolean): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const look = (): void => {
      if (!holds()) return;
      this.#waiting.delete(look);
      resolve();
    };
    this.#waiting.add(look);
    look();
    return promise;
  }

  #changed(changes: readonly RowChange[]): void {
    for (const { table, uuid, new: row } of changes) {
      if (row === undefined) this.#tables.get(table)?.delete(uuid);
      else this.#tables.get(table)?.set(uuid, row);
    }
    for (const look of this.#waiting) look();
  }
}

export const mapOf = (row: Row | undefined, column: string): ReadonlyMap<Atom, Atom> =>
  row?.[column] instanceof Map ? row[column] : new Map();

/** OVN's own barrier: returns when every chassis has taken what was written before. Never inside a measured time. */
export async function settled(nb: Database): Promise<void> {
  const bump = { op: 'mutate', table: 'NB_Global', where: [], mutations: [['nb_cfg', '+=', 1]] } as const;
  await nb.session.transact([bump]);
  const wanted = nb.only('NB_Global').row['nb_cfg'] as number;
  await nb.until(() => (nb.only('NB_Global').row['hv_cfg'] as number) >= wanted);
}
