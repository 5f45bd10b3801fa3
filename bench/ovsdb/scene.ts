// What every case works on: Kube-OVN-like ports on switches, as columns in memory for the product and as JSON for raw.
import { randomUUID } from 'node:crypto';
import type { OvsdbServer } from '../../test/ovsdb-server.ts';
import { RawClient } from '../nb/raw.ts';
import type { WireOperation } from '../nb/raw.ts';

export const DATABASE = 'OVN_Northbound';

/** Copied by both sides; columns that every schema since OVN 22 has. */
export const TABLES = {
  Logical_Switch: ['name', 'ports', 'external_ids', 'other_config'],
  Logical_Switch_Port: [
    'name',
    'addresses',
    'port_security',
    'external_ids',
    'options',
    'type',
    'up',
    'tag',
    'enabled',
    'dhcpv4_options',
  ],
} as const;

export const ZERO = '00000000-0000-0000-0000-000000000000';

/** The request of a copy, as the product makes it. */
export const monitorParams = (since = ZERO): readonly unknown[] => [
  DATABASE,
  'raw',
  Object.fromEntries(Object.entries(TABLES).map(([table, columns]) => [table, [{ columns }]])),
  since,
];

/** The texts that a port consists of. */
export interface Port {
  readonly uuid: string;
  readonly name: string;
  readonly address: string;
  readonly pairs: readonly (readonly [string, string])[];
}

let made = 0;

/** `count` new ports, all different from those made before. */
export function newPorts(count: number): Port[] {
  return Array.from({ length: count }, () => {
    const at = made++;
    const octets = [at >> 16, (at >> 8) & 255, at & 255];
    const mac = ['0a:00', ...[0, ...octets].map((octet) => octet.toString(16).padStart(2, '0'))].join(':');
    return {
      uuid: randomUUID(),
      // The writer is another process: its ports are others.
      name: `pod-${process.pid}-${at}.namespace-${at % 50}`,
      address: `${mac} 10.${octets.join('.')}`,
      pairs: [
        ['vendor', 'kube-ovn'],
        ['pod', `namespace-${at % 50}/pod-${at}`],
        ['ls', `switch-${at % 100}`],
        ['owner', `Pod/namespace-${at % 50}/pod-${at}`],
      ],
    };
  });
}

const uuid = (text: string): readonly [string, string] => ['uuid', text];

export const wireInsert = ({ uuid: id, name, address, pairs }: Port): WireOperation => ({
  op: 'insert',
  table: 'Logical_Switch_Port',
  uuid: id,
  row: { name, addresses: address, port_security: address, external_ids: ['map', pairs] },
});

export const wireMutate = (parent: string, mutator: string, ports: readonly Port[]): WireOperation => ({
  op: 'mutate',
  table: 'Logical_Switch',
  where: [['_uuid', '==', uuid(parent)]],
  mutations: [['ports', mutator, ['set', ports.map((port) => uuid(port.uuid))]]],
});

/** Fills the database: uuids of the switches, each with `each` ports. */
export async function fill(server: OvsdbServer, switches: number, each: number): Promise<string[]> {
  const client = await RawClient.open(server.remote);
  const parents = Array.from({ length: switches }, () => randomUUID());
  const rows = parents.map((id, at) => ({
    op: 'insert',
    table: 'Logical_Switch',
    uuid: id,
    row: { name: `switch-${at}` },
  }));
  await client.transact(rows);
  for (const parent of parents) {
    for (let left = each; left > 0; left -= 1000) {
      const ports = newPorts(Math.min(left, 1000));
      await client.transact([...ports.map(wireInsert), wireMutate(parent, 'insert', ports)]);
    }
  }
  client.close();
  return parents;
}

/** Takes all ports away: the rows go with their references. */
export async function empty(server: OvsdbServer): Promise<void> {
  const client = await RawClient.open(server.remote);
  await client.transact([{ op: 'update', table: 'Logical_Switch', where: [], row: { ports: ['set', []] } }]);
  client.close();
}
