// One process under test: a graph wired as in the product, fed with objects of the API, its sinks collecting.
import { readFileSync } from 'node:fs';
import { ensureBuilt, wasmPath } from '../../policies/build.ts';
import { translator } from '../../operator/policy/translator.ts';
import { adminKinds, adminPolicyRow } from '../../operator/api/admin-policy-row.ts';
import { domainRow } from '../../operator/api/domain-row.ts';
import { eipRow } from '../../operator/api/eip-row.ts';
import { isLater } from '../../operator/api/later.ts';
import {
  attachmentRow,
  centralRow,
  ipPoolRow,
  ipRow,
  keeperRow,
  laterRow,
  namespaceRow,
  nodeRow,
  podRow,
  serviceCidrRow,
  subnetRow,
  vlanRow,
  vpcRow,
} from '../../operator/api/project.ts';
import { labelledRow, namedPortsRow, networkPolicyRow } from '../../operator/api/policy-row.ts';
import { type Answer, type ModuleReport, type ModuleState, policyModuleRow } from '../../operator/api/policy-module.ts';
import { parseAclAnswer } from '../../operator/policy/acl-answer.ts';
import { parseChoice } from '../../operator/policy/choice.ts';
import { lbRuleRow } from '../../operator/api/lb-rule-row.ts';
import { announcementRow, endpointSliceRow, serviceRow } from '../../operator/api/service-row.ts';
import { securityGroupRow } from '../../operator/api/security-row.ts';
import { deploymentRow, natConfigRow } from '../../operator/api/gateway-row.ts';
import { vipRow } from '../../operator/api/vip-row.ts';
import type { Cluster, Indexes, Tables, Unassigned, Usage } from '../../operator/api/tables.ts';
import type { Fact } from '../../operator/api/fact.ts';
import { Graph } from '../../lib/graph/graph.ts';
import type { Table } from '../../lib/graph/types.ts';
import type { Sinks } from '../../operator/sinks.ts';
import { world } from '../../operator/world.ts';
import type { World } from '../../operator/world.ts';
import { HandClock } from '../lib/graph/clock.ts';
import type { Change } from '../expand.ts';
import { CollectingSink } from '../oracle.ts';
import type { Wired } from '../oracle.ts';

export const defaults: Cluster = {
  salt: 'uid-kube-system',
  defaultVpc: 'ovn-cluster',
  defaultSubnet: 'ovn-default',
  joinSubnet: 'join',
  externalSubnet: 'external',
  serviceCidrs: ['10.96.0.0/12'],
  apiServer: ['10.96.0.1'],
  enableLb: true,
  serviceLbLayout: 'own',
  preferLocal: false,
  enableLbSvc: true,
  enableNp: true,
  npEnforcement: 'standard',
  enableAnp: true,
  enableDnsNameResolver: true,
  keepVmIp: true,
  nonPrimary: false,
  overlayMtu: 1400,
  podNicType: 'veth-pair',
  defaultRange: { cidrBlock: '10.16.0.0/16', gateway: '', excludeIps: '' },
  joinRange: { cidrBlock: '100.64.0.0/16', gateway: '', excludeIps: '' },
  southbound: { scheme: 'tcp', port: 6642 },
};

await ensureBuilt('networkpolicy');
export const translate = translator(readFileSync(wasmPath('networkpolicy')));

export type Shape = keyof Sinks;

export interface Process {
  readonly wired: Wired;
  readonly world: World;
  readonly graph: Graph<Tables, Indexes>;
  readonly sinks: Readonly<Record<Shape, CollectingSink>>;
}

export function start(): Process {
  const graph = new Graph<Tables, Indexes>({ clock: new HandClock(), sliceMs: 1000 });
  const sinks = {
    rows: new CollectingSink(),
    plan: new CollectingSink(),
    objects: new CollectingSink(),
    status: new CollectingSink(),
    problems: new CollectingSink(),
    holds: new CollectingSink(),
  };
  const wiring = world(graph, sinks, { translate });
  const {
    network: _network,
    space: _space,
    wayOut: _wayOut,
    demand: _demand,
    holding: _holding,
    pool: _pool,
    kept: _kept,
    question: _question,
    offer: _offer,
    ipsByFirst: _ipsByFirst,
    ...inputs
  } = wiring;
  const wired: Wired = {
    graph,
    inputs: new Map(Object.entries(inputs) as [string, Table<unknown>][]),
    sinks: new Map(Object.entries(sinks)),
  };
  graph.enter(() => wiring.cluster.set('cluster', defaults));
  graph.settleNow();
  return { wired, world: wiring, graph, sinks };
}

/** Enters the changes as one batch and settles. */
export function feed(process: Process, changes: readonly Change[]): void {
  process.graph.enter(() => {
    for (const change of changes) put(process.world, change);
  });
  process.graph.settleNow();
}

type Put = (tables: World, key: string, object: unknown) => void;

const puts: Readonly<Record<string, Put>> = {
  Pod: (tables, key, object) => {
    write(tables.pod, key, object, podRow);
    write(tables.labelled, key, object, labelledRow);
    write(tables.namedPorts, key, object, namedPortsRow);
  },
  Node: (tables, key, object) => write(tables.node, key, object, nodeRow),
  Namespace: (tables, key, object) => write(tables.namespace, key, object, namespaceRow),
  Subnet: (tables, key, object) => write(tables.subnet, key, object, subnetRow),
  Vip: (tables, key, object) => write(tables.vip, key, object, vipRow),
  OvnEip: (tables, key, object) => write(tables.eip, key, object, eipRow),
  Vpc: (tables, key, object) => write(tables.vpc, key, object, vpcRow),
  IPPool: (tables, key, object) => write(tables.ippool, key, object, ipPoolRow),
  NetworkPolicy: (tables, key, object) => write(tables.networkPolicy, key, object, networkPolicyRow),
  PolicyModule: (tables, key, object) => write(tables.policyModule, key, object, policyModuleRow),
  ModuleState: (tables, key, object) => write(tables.moduleState, key, object, (fields) => fields as ModuleState),
  ModuleReport: (tables, key, object) => write(tables.moduleReport, key, object, (fields) => fields as ModuleReport),
  Answer: (tables, key, object) => write(tables.answer, key, object, answerOf),
  Service: (tables, key, object) => write(tables.service, key, object, serviceRow),
  EndpointSlice: (tables, key, object) => write(tables.endpointSlice, key, object, endpointSliceRow),
  ServiceL2Status: (tables, key, object) => write(tables.announcement, key, object, announcementRow),
  SwitchLBRule: (tables, key, object) => write(tables.switchLbRule, key, object, lbRuleRow),
  RouterLBRule: (tables, key, object) => write(tables.routerLbRule, key, object, lbRuleRow),
  SecurityGroup: (tables, key, object) => write(tables.securityGroup, key, object, securityGroupRow),
  ...Object.fromEntries(
    adminKinds.map((kind): [string, Put] => [
      kind,
      (tables, key, object) => write(tables.adminPolicy, `${kind}/${key}`, object, adminPolicyRow(kind)),
    ]),
  ),
  DNSNameResolver: (tables, key, object) => write(tables.domain, key, object, domainRow),
  NetworkAttachmentDefinition: (tables, key, object) => write(tables.attachment, key, object, attachmentRow),
  Deployment: (tables, key, object) => write(tables.deployment, key, object, deploymentRow),
  ConfigMap: (tables, key, object) => write(tables.natConfig, key, object, natConfigRow),
  StatefulSet: (tables, key, object) => write(tables.keeper, `StatefulSet/${key}`, object, keeperRow),
  VirtualMachine: (tables, key, object) => write(tables.keeper, `VirtualMachine/${key}`, object, keeperRow),
  VirtualMachineInstance: (tables, key, object) =>
    write(tables.keeper, `VirtualMachineInstance/${key}`, object, keeperRow),
  Vlan: (tables, key, object) => write(tables.vlan, key, object, vlanRow),
  IP: (tables, key, object) => write(tables.ip, key, object, ipRow),
  ServiceCIDR: (tables, key, object) => write(tables.serviceCidr, key, object, serviceCidrRow),
  Lost: (tables, key, object) => write(tables.lost, key, object, () => ({ node: key })),
  Central: (tables, key, object) => write(tables.central, key, object, centralRow),
  Usage: (tables, key, object) => write(tables.usage, key, object, (fields) => usage(key, fields as Counts)),
  PoolUsage: (tables, key, object) =>
    write(tables.poolUsage, key, object, (fields) => ({ pool: key, families: usage('', fields as Counts).families })),
  Unassigned: (tables, key, object) =>
    write(tables.unassigned, key, object, (fields) => ({ ...(fields as Unassigned), ip: key })),
  Cluster: (tables, _key, object) =>
    write(tables.cluster, 'cluster', object ?? {}, (fields) => ({ ...defaults, ...(fields as object) })),
};

/** As a module would give it, about a namespace. */
function answerOf(fields: unknown): Answer {
  const { namespace, rules, failure, choice } = fields as Readonly<Record<string, unknown>>;
  if (choice !== undefined) return { choice: parseChoice(choice) };
  return failure === undefined
    ? { namespace: namespace as string, rules: parseAclAnswer({ rules }) }
    : { failure: failure as string };
}

function put(tables: World, { kind, key, object }: Change): void {
  if (isLater(kind)) return write(tables.later, `${kind}/${key}`, object, laterRow(kind));
  const found = puts[kind];
  if (!found) throw new Error(`unknown kind ${kind}`);
  found(tables, key, object);
}

function write<V>(table: Table<V>, key: string, object: unknown, project: (source: unknown) => V | undefined): void {
  const row = object === undefined ? undefined : project(object);
  if (row === undefined) table.delete(key);
  else table.set(key, row);
}

type Counts = Readonly<Record<string, string | number | undefined>>;

/** `using4: 3  available4: 65530  usingRange4: ...`, and the same with 6. */
function usage(subnet: string, fields: Counts): Usage {
  const families = ([4, 6] as const).filter((family) => fields[`using${family}`] !== undefined);
  return {
    subnet,
    families: families.map((family) => ({
      family,
      using: BigInt(fields[`using${family}`] ?? 0),
      available: BigInt(fields[`available${family}`] ?? 0),
      usingRange: String(fields[`usingRange${family}`] ?? ''),
      availableRange: String(fields[`availableRange${family}`] ?? ''),
    })),
  };
}

/** All facts of one shape. */
export const factsOf = (process: Process, shape: Shape): Fact[] =>
  [...process.sinks[shape].sources.values()].flat() as Fact[];
