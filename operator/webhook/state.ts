// What the checks may ask of the cluster: tables that the API's objects are projected into, and what the operator derives
// from them before it decides anything. The same functions as in operator/world.ts, as many as checks ask for; nothing
// is reconciled here, and pods are not known, only the addresses that they have.
//
//   subnet -> checked -> candidate -> network      vpc -> realm      ippool -> pool
//   namespace -> binding                           vip -> holding    ip, node, vlan, attachment, eip, nat as they are
import type { Graph } from '../../lib/graph/graph.ts';
import type { Index, Table } from '../../lib/graph/types.ts';
import type { Cluster } from '../api/tables.ts';
import { addressKeys, rangeKeys, usedKey } from '../api/keys.ts';
import { textOf, textsOf } from '../api/json.ts';
import { requiredLabel } from '../api/labels.ts';
import { only } from '../api/refs.ts';
import { poolSetName } from '../nb/names.ts';
import { binding } from '../reconcilers/binding.ts';
import { pool } from '../reconcilers/ippool.ts';
import { candidate, checked, network, nodeScope, tableKeys } from '../reconcilers/network.ts';
import { tagKey } from '../reconcilers/underlay.ts';
import { holding, holdingKeys } from '../reconcilers/vip-holding.ts';
import { realm } from '../reconcilers/vpc-routes.ts';
import type { NatRow, View, WebhookIndexes, WebhookTables } from './checks/check.ts';
import { eipKey } from './checks/check.ts';

type WebhookGraph = Graph<WebhookTables, WebhookIndexes>;

/** Tables that are filled from the API. */
export const inputs = [
  'attachment',
  'eip',
  'ip',
  'ippool',
  'namespace',
  'nat',
  'node',
  'subnet',
  'vip',
  'vlan',
  'vpc',
] as const;
export type Input = (typeof inputs)[number];

/** Of which input an index is. */
export const inputIndexes = {
  eipsByGateway: 'nat',
  ippoolsBySet: 'ippool',
  ippoolsBySubnet: 'ippool',
  ipsByAddress: 'ip',
  ipsBySubnet: 'ip',
  nodesByBlock: 'node',
  rulesByEip: 'nat',
  vlansByTag: 'vlan',
  vpcsByNamespace: 'vpc',
} as const satisfies Readonly<Record<string, Input>>;

/** From which input the rows of what is computed come, one from one, under its name. */
export const computedFrom = {
  binding: 'namespace',
  candidate: 'subnet',
  checked: 'subnet',
  holding: 'vip',
  network: 'subnet',
  pool: 'ippool',
  realm: 'vpc',
  candidatesByBlock: 'subnet',
  candidatesByTable: 'subnet',
  holdingsByAddress: 'vip',
  holdingsBySubnet: 'vip',
  networksByNamespace: 'subnet',
  networksByProvider: 'subnet',
  networksBySelector: 'subnet',
  networksByVpc: 'subnet',
  poolsByNamespace: 'ippool',
} as const satisfies Readonly<Record<string, Input>>;

export interface State {
  /** To be written inside of `graph.enter`. */
  readonly inputs: { readonly [N in Input]: Table<WebhookTables[N]> };
  readonly view: View;
}

/** Wires an empty graph. */
export function stateOf(graph: WebhookGraph, cluster: Cluster): State {
  const tables = {
    attachment: graph.table('attachment'),
    eip: graph.table('eip'),
    ip: graph.table('ip'),
    ippool: graph.table('ippool'),
    namespace: graph.table('namespace'),
    nat: graph.table('nat'),
    node: graph.table('node'),
    subnet: graph.table('subnet'),
    vip: graph.table('vip'),
    vlan: graph.table('vlan'),
    vpc: graph.table('vpc'),
  };
  const settings = graph.table('cluster');
  graph.enter(() => settings.set(only, cluster));
  const computed = {
    checked: graph.table('checked'),
    candidate: graph.table('candidate'),
    network: graph.table('network'),
    realm: graph.table('realm'),
    pool: graph.table('pool'),
    binding: graph.table('binding'),
    holding: graph.table('holding'),
  };
  // Functions that are shared with the operator ask about pods, too: here there are none.
  const pods = graph.table('pod');
  const indexes = {
    ...ofInputs(graph, tables),
    ...ofComputed(graph, computed),
    podsByVip: graph.index('podsByVip', pods, () => []),
    podsByMachine: graph.index('podsByMachine', pods, () => []),
  };
  graph.derive('realm', tables.vpc, realm, graph.into(computed.realm));
  graph.derive('checked', tables.subnet, checked, graph.into(computed.checked));
  graph.derive('candidate', computed.checked, candidate, graph.into(computed.candidate));
  graph.derive('network', computed.candidate, network, graph.into(computed.network));
  graph.derive('pool', tables.ippool, pool, graph.into(computed.pool));
  graph.derive('binding', tables.namespace, binding, graph.into(computed.binding));
  graph.derive('holding', tables.vip, holding, graph.into(computed.holding));
  return { inputs: tables, view: viewOf({ ...tables, ...computed, cluster: settings }, indexes) };
}

function ofInputs(graph: WebhookGraph, tables: State['inputs']): Readonly<Record<string, Index<unknown>>> {
  return {
    vpcsByNamespace: graph.index('vpcsByNamespace', tables.vpc, (row) => textsOf(row.spec['namespaces'])),
    vlansByTag: graph.index('vlansByTag', tables.vlan, (row) => [tagKey(row)]),
    nodesByBlock: graph.index('nodesByBlock', tables.node, (row) => addressKeys(nodeScope, row.internalIps)),
    ipsByAddress: graph.index('ipsByAddress', tables.ip, (row) =>
      row.addresses.map((address) => usedKey(row.subnet, address)),
    ),
    ipsBySubnet: graph.index('ipsBySubnet', tables.ip, (row) => [row.subnet]),
    ippoolsBySubnet: graph.index('ippoolsBySubnet', tables.ippool, (row) => (row.meta.deleting ? [] : [row.subnet])),
    ippoolsBySet: graph.index('ippoolsBySet', tables.ippool, (row) =>
      row.addressSet && !row.meta.deleting ? [poolSetName(row.meta.name)] : [],
    ),
    rulesByEip: graph.index('rulesByEip', tables.nat, eipKeysOf),
    eipsByGateway: graph.index('eipsByGateway', tables.nat, ({ kind, spec }) =>
      kind === 'IptablesEIP' ? [textOf(spec['natGwDp'])] : [],
    ),
  };
}

function ofComputed(
  graph: WebhookGraph,
  tables: { readonly [N in 'candidate' | 'network' | 'pool' | 'holding']: Table<WebhookTables[N]> },
): Readonly<Record<string, Index<unknown>>> {
  const { candidate: candidates, network: networks } = tables;
  return {
    candidatesByBlock: graph.index('candidatesByBlock', candidates, (row) =>
      rangeKeys(row.network.vpc, row.network.cidrs),
    ),
    candidatesByTable: graph.index('candidatesByTable', candidates, tableKeys),
    networksByVpc: graph.index('networksByVpc', networks, (row) => [row.vpc]),
    networksByProvider: graph.index('networksByProvider', networks, (row) => [row.provider]),
    networksByNamespace: graph.index('networksByNamespace', networks, (row) => row.namespaces),
    networksBySelector: graph.index('networksBySelector', networks, (row) => row.namespaceSelectors.map(requiredLabel)),
    poolsByNamespace: graph.index('poolsByNamespace', tables.pool, (row) => row.namespaces),
    holdingsByAddress: graph.index('holdingsByAddress', tables.holding, holdingKeys),
    holdingsBySubnet: graph.index('holdingsBySubnet', tables.holding, (row) =>
      row.addresses.length > 0 ? [row.subnet] : [],
    ),
  };
}

/** The EIP that a rule is on; none for what is no rule. */
function eipKeysOf({ kind, spec }: NatRow): string[] {
  if (kind === 'IptablesEIP' || kind === 'VpcNatGateway') return [];
  return kind.startsWith('Ovn')
    ? [eipKey('OvnEip', textOf(spec['ovnEip']))]
    : [eipKey('IptablesEIP', textOf(spec['eip']))];
}

/** Reads without a record: nothing runs again because of them. */
function viewOf(
  tables: Readonly<Record<string, Pick<Table<unknown>, 'get'>>>,
  indexes: Readonly<Record<string, Index<unknown>>>,
): View {
  const known = <V>(record: Readonly<Record<string, V>>, name: string): V => {
    const found = record[name];
    if (found === undefined) throw new Error(`${name} is not known to the webhook`);
    return found;
  };
  return {
    get: <N extends keyof WebhookTables>(name: N, key: string) =>
      known(tables, name).get(key) as WebhookTables[N] | undefined,
    at: <N extends keyof WebhookIndexes>(name: N, key: string) =>
      known(indexes, name).at(key) as readonly WebhookIndexes[N][],
  };
}
