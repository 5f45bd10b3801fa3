// The node's Open_vSwitch database as the agent sees it: the four tables that it works with, kept by a monitor, with the
// look-ups that ADD, DEL and the drivers need. It never runs ahead of the server: only `changed` alters it.
import type { Atom, Row, RowChange } from '../../lib/ovsdb/types.ts';
import { Bell } from '../bell.ts';

/** What is monitored. Statistics and status columns change all the time and are left out. */
export const MONITORED = {
  Open_vSwitch: ['bridges', 'external_ids'],
  Bridge: ['name', 'ports', 'datapath_type', 'external_ids', 'other_config'],
  Port: ['name', 'interfaces', 'external_ids'],
  Interface: ['name', 'type', 'external_ids', 'mac', 'mtu_request', 'ofport', 'error'],
} as const;

export type OvsTable = keyof typeof MONITORED;

/** Our keys in `Interface.external_ids`, besides those that Kube-OVN puts there. */
export const CONTAINER = 'kubeloom-container';
export const IFNAME = 'kubeloom-ifname';
export const NETWORK = 'kubeloom-network';

/** A row with its uuid. */
export interface Found {
  readonly uuid: string;
  readonly row: Row;
}

const NO_MAP: ReadonlyMap<string, string> = new Map();

/** A map column of strings; empty when the row or the column is missing. */
export function mapOf(row: Row | undefined, column: string): ReadonlyMap<string, string> {
  const value = row?.[column];
  return value instanceof Map ? (value as ReadonlyMap<string, string>) : NO_MAP;
}

const NO_SET: ReadonlySet<Atom> = new Set();

/** A set column, optional columns among them; empty when the row or the column is missing. */
export function setOf(row: Row | undefined, column: string): ReadonlySet<Atom> {
  const value = row?.[column];
  return value instanceof Set ? (value as ReadonlySet<Atom>) : NO_SET;
}

/** Index of uuids by a text; entries with '' are not kept. */
class Multi {
  readonly #sets = new Map<string, Set<string>>();

  at(key: string): ReadonlySet<string> {
    return this.#sets.get(key) ?? new Set();
  }

  move(uuid: string, before: string, after: string): void {
    if (before === after) return;
    const old = this.#sets.get(before);
    old?.delete(uuid);
    if (old?.size === 0) this.#sets.delete(before);
    if (after === '') return;
    const now = this.#sets.get(after) ?? new Set();
    this.#sets.set(after, now.add(uuid));
  }
}

/** Consumer of the monitor (`ReplicaConsumer` of lib/ovsdb). */
export class OvsReplica {
  readonly #tables: Readonly<Record<OvsTable, Map<string, Row>>> = {
    Open_vSwitch: new Map(),
    Bridge: new Map(),
    Port: new Map(),
    Interface: new Map(),
  };
  readonly #names = {
    Bridge: new Map<string, string>(),
    Port: new Map<string, string>(),
    Interface: new Map<string, string>(),
  };
  readonly #containers = new Multi();
  readonly #ifaceIds = new Multi();
  readonly #bell = new Bell();
  readonly #listeners: ((changes: readonly RowChange[]) => void)[] = [];
  #connected = false;

  /** Whether the content is the server's of this moment, and transactions are taken. Between connections it is kept. */
  get connected(): boolean {
    return this.#connected;
  }

  changed(changes: readonly RowChange[]): void {
    for (const change of changes) this.#change(change);
    for (const { table, uuid } of changes) if (table === 'Interface') this.#bell.ring(uuid);
    for (const listener of this.#listeners) listener(changes);
  }

  synced(): void {
    this.#connected = true;
    this.#bell.ring('');
    for (const listener of this.#listeners) listener([]);
  }

  lost(): void {
    this.#connected = false;
    for (const listener of this.#listeners) listener([]);
  }

  /** Called after each batch of changes, and, with none, when the connection comes or goes. */
  onChange(listener: (changes: readonly RowChange[]) => void): void {
    this.#listeners.push(listener);
  }

  get(table: OvsTable, uuid: string): Row | undefined {
    return this.#tables[table].get(uuid);
  }

  byName(table: 'Bridge' | 'Port' | 'Interface', name: string): Found | undefined {
    const uuid = this.#names[table].get(name);
    const row = uuid === undefined ? undefined : this.#tables[table].get(uuid);
    return uuid === undefined || row === undefined ? undefined : { uuid, row };
  }

  /** The one row of Open_vSwitch. */
  root(): Found | undefined {
    for (const [uuid, row] of this.#tables.Open_vSwitch) return { uuid, row };
    return undefined;
  }

  /** Interfaces that a container's ADD has made. */
  ofContainer(containerId: string): Found[] {
    return this.#found(this.#containers.at(containerId));
  }

  ofIfaceId(ifaceId: string): Found[] {
    return this.#found(this.#ifaceIds.at(ifaceId));
  }

  interfaces(): IterableIterator<[string, Row]> {
    return this.#tables.Interface.entries();
  }

  bridges(): IterableIterator<[string, Row]> {
    return this.#tables.Bridge.entries();
  }

  /** Resolves when there is a connection and the content is the server's. */
  async ready(signal: AbortSignal): Promise<void> {
    await this.#bell.until('', signal, () => this.#connected || undefined);
  }

  /** Resolves when ovn-controller has installed the flows of an interface; rejects when the interface is gone. */
  async installed(uuid: string, signal: AbortSignal): Promise<void> {
    await this.#bell.until(uuid, signal, () => {
      const row = this.#tables.Interface.get(uuid);
      if (row === undefined) throw new Error('the interface was removed from Open vSwitch meanwhile');
      return mapOf(row, 'external_ids').get('ovn-installed') === 'true' || undefined;
    });
  }

  #found(uuids: ReadonlySet<string>): Found[] {
    return [...uuids].flatMap((uuid) => {
      const row = this.#tables.Interface.get(uuid);
      return row === undefined ? [] : [{ uuid, row }];
    });
  }

  #change({ table, uuid, old, new: now }: RowChange): void {
    const rows = (this.#tables as Record<string, Map<string, Row>>)[table];
    if (rows === undefined) return;
    if (now === undefined) rows.delete(uuid);
    else rows.set(uuid, now);
    if (table !== 'Open_vSwitch') this.#rename(table as 'Bridge', uuid, old?.['name'], now?.['name']);
    if (table === 'Interface') this.#index(uuid, old, now);
  }

  /** A name may pass to a new row in the batch in which the old row goes, in either order. */
  #rename(table: 'Bridge' | 'Port' | 'Interface', uuid: string, before: unknown, after: unknown): void {
    const names = this.#names[table];
    if (before !== after && typeof before === 'string' && names.get(before) === uuid) names.delete(before);
    if (typeof after === 'string') names.set(after, uuid);
  }

  #index(uuid: string, old: Row | undefined, now: Row | undefined): void {
    const before = mapOf(old, 'external_ids');
    const after = mapOf(now, 'external_ids');
    this.#containers.move(uuid, before.get(CONTAINER) ?? '', after.get(CONTAINER) ?? '');
    this.#ifaceIds.move(uuid, before.get('iface-id') ?? '', after.get('iface-id') ?? '');
  }
}
