// Open vSwitch's configuration of the node: keys in Open_vSwitch.external_ids that ovn-controller reads, the port ovn0,
// and for the userspace datapath the bridge that carries the tunnels. Maps are written key by key: the rest is others'.
//
// Keys: `external_ids KEY`, `bridge NAME`, `port BRIDGE NAME`; texts of the last two are JSON.
import type { Operation, Row } from '../../lib/ovsdb/types.ts';
import type { Driver, Have, Pending, Want } from './driver.ts';
import type { RowIds, Transactor } from './ovs-port.ts';
import { insertPort, portRows } from './ovs-port.ts';
import type { Found, OvsReplica } from './ovs-replica.ts';
import { mapOf, setOf } from './ovs-replica.ts';

export interface BridgeText {
  readonly datapath: string;
  readonly mtu: number;
  /** MAC address, '' for the database's choice. */
  readonly mac: string;
  readonly ids: Readonly<Record<string, string>>;
}

export interface PortText {
  readonly type: 'internal' | 'system';
  /** '' and 0: not ours to set. */
  readonly mac: string;
  readonly mtu: number;
  readonly ids: Readonly<Record<string, string>>;
}

const sorted = (ids: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(ids).sort(([a], [b]) => (a < b ? -1 : 1)));

export const bridgeText = ({ datapath, mtu, mac, ids }: BridgeText): string =>
  JSON.stringify({ datapath, mtu, mac, ids: sorted(ids) });
export const portText = ({ type, mac, mtu, ids }: PortText): string =>
  JSON.stringify({ type, mac, mtu, ids: sorted(ids) });

/** Those of the wanted keys that a map has. */
function among(map: ReadonlyMap<string, string>, wanted: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.keys(wanted).flatMap((key) => (map.has(key) ? [[key, map.get(key) ?? '']] : [])));
}

/** Sets keys of a map column; an insert of a key that exists changes nothing, hence the delete. */
function setKeys(table: string, uuid: string, column: string, pairs: ReadonlyMap<string, string>): Operation[] {
  if (pairs.size === 0) return [];
  const keys = new Set(pairs.keys());
  const where = [['_uuid', '==', uuid]] as const;
  return [
    {
      op: 'mutate',
      table,
      where,
      mutations: [
        [column, 'delete', keys],
        [column, 'insert', pairs],
      ],
    },
  ];
}

const firstNumber = (row: Row, column: string): number => Number([...setOf(row, column)][0] ?? 0);
const firstText = (row: Row, column: string): string => String([...setOf(row, column)][0] ?? '');

export class OvsDriver implements Driver {
  readonly name = 'ovs';
  readonly #ovs: Transactor;
  readonly #replica: OvsReplica;
  readonly #ids: RowIds;

  constructor(ovs: Transactor, replica: OvsReplica, ids: RowIds) {
    this.#ovs = ovs;
    this.#replica = replica;
    this.#ids = ids;
  }

  /** Looks into the replica; only what is wanted is reported, so nothing is ever removed here. */
  async read(want: Want): Promise<Have> {
    if (!this.#replica.connected) throw new Error("Open vSwitch's database is not connected");
    const have = new Map<string, string>();
    const root = mapOf(this.#replica.root()?.row, 'external_ids');
    for (const [key, { text }] of want) {
      const [kind, first = '', name = ''] = key.split(' ');
      const found =
        kind === 'external_ids'
          ? root.get(first)
          : kind === 'bridge'
            ? this.#bridge(first, JSON.parse(text) as BridgeText)
            : this.#port(first, name, JSON.parse(text) as PortText);
      if (found !== undefined) have.set(key, found);
    }
    return await Promise.resolve(have);
  }

  #bridge(name: string, wanted: BridgeText): string | undefined {
    const row = this.#replica.byName('Bridge', name)?.row;
    const local = this.#replica.byName('Interface', name)?.row;
    if (row === undefined || local === undefined) return undefined;
    return bridgeText({
      datapath: typeof row['datapath_type'] === 'string' ? row['datapath_type'] : '',
      mtu: firstNumber(local, 'mtu_request'),
      mac: mapOf(row, 'other_config').get('hwaddr') ?? '',
      ids: among(mapOf(row, 'external_ids'), wanted.ids),
    });
  }

  #port(bridge: string, name: string, wanted: PortText): string | undefined {
    const row = this.#replica.byName('Interface', name)?.row;
    const port = this.#replica.byName('Port', name);
    const on = this.#replica.byName('Bridge', bridge)?.row;
    if (row === undefined || port === undefined || !setOf(on, 'ports').has(port.uuid)) return undefined;
    return portText({
      type: row['type'] === 'internal' ? 'internal' : 'system',
      mac: wanted.mac === '' ? '' : firstText(row, 'mac'),
      mtu: wanted.mtu === 0 ? 0 : firstNumber(row, 'mtu_request'),
      ids: among(mapOf(row, 'external_ids'), wanted.ids),
    });
  }

  async apply({ put }: Pending): Promise<void> {
    const root = this.#replica.root();
    if (root === undefined) throw new Error('Open vSwitch has not initialised its database yet');
    const pairs = new Map<string, string>();
    const operations: Operation[] = [];
    const created = new Map<string, Found>();
    for (const [key, text] of put) {
      const [kind, first = ''] = key.split(' ');
      if (kind === 'external_ids') pairs.set(first, text);
      if (kind === 'bridge') operations.push(...this.#putBridge(root, first, JSON.parse(text) as BridgeText, created));
    }
    const missing = this.#putPorts(put, created, operations);
    operations.push(...setKeys('Open_vSwitch', root.uuid, 'external_ids', pairs));
    if (operations.length > 0) await this.#ovs.transact(operations);
    if (missing.length > 0) throw new Error(`no bridge yet for ${missing.join(', ')}`);
  }

  /** Adds the operations of the ports; those whose bridge somebody else has yet to make. */
  #putPorts(
    put: ReadonlyMap<string, string>,
    created: ReadonlyMap<string, Found>,
    operations: Operation[],
  ): readonly string[] {
    const missing: string[] = [];
    for (const [key, text] of put) {
      const [kind, on = '', name = ''] = key.split(' ');
      if (kind !== 'port') continue;
      const bridge = created.get(on) ?? this.#replica.byName('Bridge', on);
      if (bridge === undefined) missing.push(`${name} (${on})`);
      else operations.push(...this.#putPort(bridge, name, JSON.parse(text) as PortText));
    }
    return missing;
  }

  /** `created`: bridges that this transaction makes, for the ports that go into them with it. */
  #putBridge(root: Found, name: string, text: BridgeText, created: Map<string, Found>): Operation[] {
    const bridge = this.#replica.byName('Bridge', name);
    const ids = new Map(Object.entries({ vendor: 'kube-ovn', ...text.ids }));
    const config = new Map(text.mac === '' ? [] : [['hwaddr', text.mac]]);
    if (bridge !== undefined) {
      const local = this.#replica.byName('Interface', name);
      return [
        ...setKeys('Bridge', bridge.uuid, 'external_ids', new Map(Object.entries(text.ids))),
        ...setKeys('Bridge', bridge.uuid, 'other_config', config),
        ...(local === undefined ? [] : this.#update(local, { type: 'internal', mac: '', mtu: text.mtu, ids: {} })),
      ];
    }
    const rows = portRows(
      { name, type: 'internal', externalIds: new Map(), columns: { mtu_request: new Set([text.mtu]) } },
      name,
      this.#ids,
    );
    const uuid = this.#ids('Bridge', name);
    const row: Row = { name, datapath_type: text.datapath, external_ids: ids, other_config: config };
    created.set(name, { uuid, row });
    return [
      ...rows.operations,
      { op: 'insert', table: 'Bridge', uuid, row: { ...row, ports: new Set(rows.ids.slice(0, 1)) } },
      {
        op: 'mutate',
        table: 'Open_vSwitch',
        where: [['_uuid', '==', root.uuid]],
        mutations: [['bridges', 'insert', new Set([uuid])]],
      },
    ];
  }

  #putPort(bridge: Found, name: string, text: PortText): readonly Operation[] {
    const existing = this.#replica.byName('Interface', name);
    if (existing !== undefined) return this.#update(existing, text);
    const rows = portRows(
      {
        name,
        type: text.type === 'internal' ? 'internal' : '',
        externalIds: new Map(Object.entries({ vendor: 'kube-ovn', ...text.ids })),
        columns: columnsOf(text),
      },
      name,
      this.#ids,
    );
    return insertPort(bridge, rows, []);
  }

  /** Changes columns of an interface in place: its row, and with it the datapath's port, stays. */
  #update({ uuid }: Found, text: PortText): Operation[] {
    const row = columnsOf(text);
    return [
      ...(Object.keys(row).length === 0
        ? []
        : [{ op: 'update', table: 'Interface', where: [['_uuid', '==', uuid]], row } satisfies Operation]),
      ...setKeys('Interface', uuid, 'external_ids', new Map(Object.entries(text.ids))),
    ];
  }
}

function columnsOf({ mac, mtu }: PortText): Row {
  return {
    ...(mac === '' ? {} : { mac: new Set([mac]) }),
    ...(mtu === 0 ? {} : { mtu_request: new Set([mtu]) }),
  };
}
