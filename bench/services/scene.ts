// Services of the bench: as the API gives them, and the rows that they come to, for the side that writes them without
// asking anybody.
import type { RowFact, RowId } from '../../lib/delta/fact.ts';
import { owner as ownerOf, rowId } from '../../lib/delta/ids.ts';
import { serviceRef, vpcRef } from '../../operator/api/refs.ts';
import { endpointSliceRow, serviceRow } from '../../operator/api/service-row.ts';
import { serviceBalancerName } from '../../operator/nb/names.ts';
import { balancer, vpcBalancerId } from '../../operator/nb/rows/load-balancer.ts';
import type { World } from '../../operator/world.ts';
import { defaults } from '../../test/worlds/process.ts';
import { type WireOperation, wireRow } from '../nb/raw.ts';

export const SERVICES = 5000;
export const ENDPOINTS = 10;
export type Layout = 'own' | 'shared';

const namespace = 'bench';
const nameOf = (at: number): string => `service-${at}`;
const ip = (base: number, at: number): string =>
  [base >> 8, base & 255, (at >> 8) & 255, at & 255].map(String).join('.');
const vipOf = (at: number): string => `${ip(10 * 256 + 96, at + 256)}:80`;

/** Backend `nth` of the Service; in its next turn it has another address. */
const backend = (at: number, nth: number, turn: number): string =>
  ip(10 * 256 + 112 + nth, at + (turn > 0 ? 20_000 + turn : 0));

const backends = (at: number, turn: number): string[] =>
  Array.from({ length: ENDPOINTS }, (_, nth) => backend(at, nth, nth === 0 ? turn : 0));

/** Of the backend that changes, as the database has it. */
export const changed = (at: number, turn: number): string => `${backend(at, 0, turn)}:8080`;

export function enterService(world: World, at: number): void {
  const row = serviceRow({
    metadata: { name: nameOf(at), namespace, uid: `service-${at}`, creationTimestamp: '2026-01-01T00:00:00Z' },
    spec: {
      clusterIP: vipOf(at).slice(0, -3),
      clusterIPs: [vipOf(at).slice(0, -3)],
      selector: { app: nameOf(at) },
      ports: [{ port: 80, protocol: 'TCP' }],
    },
  });
  if (row) world.service.set(`${namespace}/${nameOf(at)}`, row);
  enterSlice(world, at, 0);
}

/** The slice of a Service; with each turn one endpoint is another. */
export function enterSlice(world: World, at: number, turn: number): void {
  const row = endpointSliceRow({
    metadata: { name: `${nameOf(at)}-x`, namespace, labels: { 'kubernetes.io/service-name': nameOf(at) } },
    addressType: 'IPv4',
    ports: [{ port: 8080, protocol: 'TCP' }],
    endpoints: backends(at, turn).map((address) => ({
      addresses: [address],
      nodeName: 'node-0',
      conditions: { ready: true },
    })),
  });
  if (row) world.endpointSlice.set(`${namespace}/${nameOf(at)}-x`, row);
}

const group = rowId(ownerOf(vpcRef(defaults.defaultVpc)), 'Load_Balancer_Group', 'services');
const uuid = (id: RowId): readonly [string, string] => ['uuid', id];
const byUuid = (id: RowId): unknown => [['_uuid', '==', uuid(id)]];

const listOf = (at: number, turn: number): string =>
  backends(at, turn)
    .map((address) => `${address}:8080`)
    .sort()
    .join(',');

function rowOf(at: number): RowFact {
  const key = `${namespace}/${nameOf(at)}`;
  const owner = ownerOf(serviceRef(namespace, nameOf(at)));
  const external = { service: key, vpc: defaults.defaultVpc };
  const own = balancer({ owner, key: 'tcp', name: serviceBalancerName(key, 'tcp'), protocol: 'tcp', external });
  return { ...own, columns: { ...own.columns, vips: new Map([[vipOf(at), listOf(at, 0)]]) } };
}

/** One transaction for some Services: a row each, and one mutate of the group. */
export function rawInserts(from: number, count: number): WireOperation[] {
  const rows = Array.from({ length: count }, (_, at) => rowOf(from + at));
  return [
    ...rows.map(({ row, id, columns }) => ({ op: 'insert', table: row, uuid: id, row: wireRow(columns) })),
    {
      op: 'mutate',
      table: 'Load_Balancer_Group',
      where: byUuid(group),
      mutations: [['load_balancer', 'insert', ['set', rows.map(({ id }) => uuid(id))]]],
    },
  ];
}

/** One transaction for one endpoint: the one key, in the row of the Service or in that of all. */
export function rawChange(at: number, turn: number, layout: Layout): WireOperation[] {
  const id = layout === 'own' ? rowOf(at).id : vpcBalancerId(defaults.defaultVpc, 'tcp', false);
  return [
    {
      op: 'mutate',
      table: 'Load_Balancer',
      where: byUuid(id),
      mutations: [
        ['vips', 'delete', ['set', [vipOf(at)]]],
        ['vips', 'insert', ['map', [[vipOf(at), listOf(at, turn)]]]],
      ],
    },
  ];
}
