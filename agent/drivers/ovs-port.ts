// Ports on the integration bridge as operations: a port with its interface goes in and comes out in one transaction.
import type { Mutation, Operation, Row } from '../../lib/ovsdb/types.ts';
import type { Found, OvsReplica } from './ovs-replica.ts';
import { setOf } from './ovs-replica.ts';

export const INTEGRATION_BRIDGE = 'br-int';

/** The writing half of an OVSDB session. */
export interface Transactor {
  transact(operations: readonly Operation[]): Promise<readonly unknown[]>;
}

/** Ids of new rows, derived from what the row is for: a repeated insert is refused instead of doubled. */
export type RowIds = (table: string, name: string) => string;

export interface PortSpecRow {
  readonly name: string;
  /** '' for a device of the system, `internal` for one that Open vSwitch makes. */
  readonly type: string;
  readonly externalIds: ReadonlyMap<string, string>;
  /** Further columns of Interface. */
  readonly columns?: Row;
}

const VENDOR: ReadonlyMap<string, string> = new Map([['vendor', 'kube-ovn']]);

const byUuid = (uuid: string): readonly [readonly [string, '==', string]] => [['_uuid', '==', uuid]];

/** One mutate of a bridge's ports. The server's schema makes these elements uuids. */
function mutatePorts(bridge: string, mutator: 'insert' | 'delete', ports: readonly string[]): Operation {
  const mutation: Mutation = ['ports', mutator, new Set(ports)];
  return { op: 'mutate', table: 'Bridge', where: byUuid(bridge), mutations: [mutation] };
}

/** The rows of one port; `localName` is what its ids are derived from. */
export function portRows(
  port: PortSpecRow,
  localName: string,
  ids: RowIds,
): { ids: string[]; operations: Operation[] } {
  const [portId, interfaceId] = [ids('Port', localName), ids('Interface', localName)];
  const row: Row = { name: port.name, type: port.type, external_ids: port.externalIds, ...port.columns };
  return {
    ids: [portId, interfaceId],
    operations: [
      { op: 'insert', table: 'Interface', uuid: interfaceId, row },
      {
        op: 'insert',
        table: 'Port',
        uuid: portId,
        row: { name: port.name, interfaces: new Set([interfaceId]), external_ids: VENDOR },
      },
    ],
  };
}

/** Inserts a port into a bridge, and takes out those that it replaces. */
export function insertPort(
  bridge: Found,
  port: ReturnType<typeof portRows>,
  replaced: readonly string[],
): readonly Operation[] {
  const [portId] = port.ids;
  const removal = replaced.length === 0 ? [] : [mutatePorts(bridge.uuid, 'delete', replaced)];
  return [...removal, ...port.operations, mutatePorts(bridge.uuid, 'insert', portId === undefined ? [] : [portId])];
}

/** The ports, on whichever bridge, that hold one of these interfaces: bridge to ports. */
function portsByBridge(replica: OvsReplica, interfaces: ReadonlySet<string>): Map<string, string[]> {
  const result = new Map<string, string[]>();
  for (const [uuid, bridge] of replica.bridges()) {
    const ports = [...setOf(bridge, 'ports')].map(String).filter((port) => {
      const members = [...setOf(replica.get('Port', port), 'interfaces')];
      return members.length > 0 && members.every((member) => interfaces.has(String(member)));
    });
    if (ports.length > 0) result.set(uuid, ports);
  }
  return result;
}

/** Port ids on one bridge that hold these interfaces. */
export function portsHolding(replica: OvsReplica, bridge: Found, interfaces: readonly Found[]): string[] {
  return portsByBridge(replica, new Set(interfaces.map(({ uuid }) => uuid))).get(bridge.uuid) ?? [];
}

/** Takes interfaces out, with their ports: both are children, so leaving the bridge is what deletes them. */
export function removeInterfaces(replica: OvsReplica, interfaces: readonly Found[]): Operation[] {
  const wanted = new Set(interfaces.map(({ uuid }) => uuid));
  return [...portsByBridge(replica, wanted)].map(([bridge, ports]) => mutatePorts(bridge, 'delete', ports));
}
