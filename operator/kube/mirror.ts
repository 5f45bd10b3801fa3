// What a reflector knows of one kind, without I/O: projected rows in their tables, and per object the resourceVersion
// that decides which of two reports is newer. Reports come from lists, from the watch, and from our own writes, in
// any order; older ones must never win.
import type { Table } from '../../lib/graph/types.ts';
import { compareVersions, type KubeObject } from './object.ts';
import { keyOf } from './resources.ts';

/** One table that is filled from a kind. Build it with `into`. */
export interface Projection {
  readonly table: Table<unknown>;
  /** The row, or undefined when this object has none in the table. Pure; what it throws keeps the row as it is. */
  project(object: KubeObject): unknown;
}

/** The mirror of a kind is the one writer of `table`. */
export function into<V>(table: Table<V>, project: (object: KubeObject) => V | undefined): Projection {
  return { table, project };
}

/** An object reduced to what is kept of it. `rows` has one entry per projection. */
export interface Seen {
  readonly key: string;
  readonly version: string;
  readonly rows: readonly unknown[];
}

export interface Listed {
  readonly items: readonly Seen[];
  readonly version: string;
}

/** In place of a row: the projection failed, so what is in the table stays. */
const unchanged = Symbol('unchanged');

export class Mirror {
  readonly #projections: readonly Projection[];
  readonly #failed: (key: string, error: unknown) => void;
  readonly #versions = new Map<string, string>();
  #position = '';

  /** `failed` is told of every object that a projection threw for. */
  constructor(projections: readonly Projection[], failed: (key: string, error: unknown) => void) {
    this.#projections = projections;
    this.#failed = failed;
  }

  /** Everything up to this resourceVersion has been seen; '' before the first list. */
  get position(): string {
    return this.#position;
  }

  /** Number of objects known, rows or not. */
  get size(): number {
    return this.#versions.size;
  }

  /** Projects at once, so that the object itself can be forgotten. */
  seen(object: KubeObject): Seen {
    const key = keyOf(object.metadata);
    return {
      key,
      version: object.metadata.resourceVersion,
      rows: this.#projections.map((p) => this.#row(p, object, key)),
    };
  }

  /** Keys that we know and a list does not have, apart from those that are younger than the list. */
  absent(list: Listed): string[] {
    const reset = this.#goesBack(list.version);
    const listed = new Set(list.items.map(({ key }) => key));
    const older = (version: string): boolean => reset || compareVersions(version, list.version) <= 0;
    return [...this.#versions].filter(([key, version]) => !listed.has(key) && older(version)).map(([key]) => key);
  }

  /** Makes the tables what the list says, as one difference. Objects in `kept` stay although the list lacks them. */
  relist(list: Listed, kept: ReadonlySet<string> = new Set()): void {
    const reset = this.#goesBack(list.version);
    const gone = new Set(this.absent(list).filter((key) => !kept.has(key)));
    const listed = list.items.filter((seen) => reset || !this.#outdated(seen.key, seen.version));
    const renewed = new Set(listed.map(({ key }) => key));
    const surviving = [...this.#versions.keys()].filter((key) => !gone.has(key) && !renewed.has(key));
    for (const [index, { table }] of this.#projections.entries()) {
      const entries: [string, unknown][] = [];
      for (const { key, rows } of listed)
        pushRow(entries, key, rows[index] === unchanged ? table.get(key) : rows[index]);
      for (const key of surviving) pushRow(entries, key, table.get(key));
      table.replace(entries);
    }
    for (const key of gone) this.#versions.delete(key);
    if (reset) for (const key of surviving) this.#versions.set(key, list.version);
    for (const { key, version } of listed) this.#versions.set(key, version);
    this.#position = list.version;
  }

  /**
   * An event of the watch, in the watch's order. One that is not after our position is a repetition, or from a stream
   * that was opened before a newer list was read: the object may have been deleted since.
   */
  event(type: 'applied' | 'deleted', seen: Seen): void {
    if (compareVersions(seen.version, this.#position) <= 0) return;
    this.#position = seen.version;
    if (this.#outdated(seen.key, seen.version)) return;
    if (type === 'applied') this.#apply(seen);
    else this.#remove(seen.key);
  }

  /** The watch has come this far without an event for us. */
  bookmark(version: string): void {
    if (compareVersions(version, this.#position) > 0) this.#position = version;
  }

  /**
   * The answer to a write of ours, which usually comes before the watch tells of it. Nothing happens when the watch is
   * already past it: the object may have been changed or deleted since.
   */
  ingest(seen: Seen): boolean {
    if (this.#position === '' || compareVersions(seen.version, this.#position) <= 0) return false;
    if (this.#outdated(seen.key, seen.version)) return false;
    this.#apply(seen);
    return true;
  }

  // A consistent list older than what the watch has shown: etcd was restored from a backup, versions start over.
  #goesBack(version: string): boolean {
    return compareVersions(version, this.#position) < 0;
  }

  #outdated(key: string, version: string): boolean {
    const known = this.#versions.get(key);
    return known !== undefined && compareVersions(version, known) < 0;
  }

  #apply({ key, version, rows }: Seen): void {
    this.#versions.set(key, version);
    for (const [index, { table }] of this.#projections.entries()) {
      const row = rows[index];
      if (row === undefined) table.delete(key);
      else if (row !== unchanged) table.set(key, row);
    }
  }

  #remove(key: string): void {
    this.#versions.delete(key);
    for (const { table } of this.#projections) table.delete(key);
  }

  #row(projection: Projection, object: KubeObject, key: string): unknown {
    try {
      return projection.project(object);
    } catch (error) {
      this.#failed(key, error);
      return unchanged;
    }
  }
}

function pushRow(entries: [string, unknown][], key: string, row: unknown): void {
  if (row !== undefined) entries.push([key, row]);
}
