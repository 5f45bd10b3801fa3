// The wiring: one line per table, per index and per derivation, in the order in which they are computed. Nothing here
// decides anything; what a derivation says is in its file.
//
//   API objects                computed                                     wanted
//   -----------                --------                                     ------
//   subnet -> checked -> candidate -> network -+--------------------> Subnet: switch, router port, policies, plan
//               |  (by its own spec)   ^ (among others)  +----------> Subnet: spec defaults, status, problems, holds
//   node -------|----------------------+  |              |
//     |  \          |                     v  |   +--------------------> Vpc: router, routes, status
//     |   +-> host -|-------------+   binding|   |
//   namespace ------|-------------|----> ^   |   |   +----------------> Namespace: annotations
//   vlan -----------+-------------|------|-----------|----------------> Vlan: status
//   vpc ------------|-------------|------|---+---+   |
//   pod ------------|-------------|------+-> demand  |     +----------> Pod: port, groups, annotations, plan, holds
//     ^             |             |   network -^ |   |     |
//   cluster --------+ settings    +------------|-|---|-----+----------> Node: join port, groups, policies, plan
//                                   node ------|-+-> space (what there is to give) -> [allocator]
//                                              v
//                                         [allocator] --> API: IP objects --> ip ----------> Pod, Node, Subnet
//                                              |
//                                              +--> usage, unassigned --------------------> Subnet, Pod, Node, IP
//   ippool -> pool (in force) -> Namespace, demand, [allocator] --> poolUsage ------------------> IPPool: set, status, problems
//   attachment (NetworkAttachmentDefinitions) -> demand, Pod
//   policyModule (hook ipam), answer -> demand (narrowed, or kept back: undecided -> Pod)
//   keeper (StatefulSets, virtual machines) + ip -> kept -> [allocator]
//   network, node, ip, lost (what agents cannot reach) -> wayOut (gateway nodes) -> Subnet: policies, status, plan
//   serviceCidr ----------------------------------------------------------------------------> Node: policies, plan
//   vpc -> realm (what others go by) -> network, Subnet, Vpc
//   vpc -> uplink -> demand; uplink, ip, eip -----------------------------------------------------------> Vpc: external ports; OvnEip
//   eip -> demand; eip, ip, routerLbRule ----------------------------------------------------------> OvnEip: port, spec, status, holds
//   vip -> holding, demand -> [allocator] --> API: status of the Vip --> vip -------------------> Vip: port, labels, status; Subnet
//   service + endpointSlice, announcement, ip, network, host, facet, matched ------------------> Service: load balancers, annotations; policies of node ports
//   service + attachment, natConfig, pod, ip, network, deployment -----------------------------> Service: Deployment, plan, status
//   switchLbRule, routerLbRule + eip, realm, service ----------------------------------------------> their Service, status, problems
//   later ----------------------------------------------------------------------------------> Later: status, problems
//   central (members of ovn-central) -------------------------------------------------------> Node: plan
import { owner as ownerText, partOf } from '../lib/delta/ids.ts';
import type { Graph } from '../lib/graph/graph.ts';
import type { KeyedSink } from '../lib/graph/operator.ts';
import type { Index, ReadTable, Table } from '../lib/graph/types.ts';
import type { Ref } from './api/fact.ts';
import { addressKeys, furtherKeys, partsOfUplink, rangeKeys, usedKey } from './api/keys.ts';
import { forwardsKey } from './api/gateway-row.ts';
import { labelKeys, requiredLabel } from './api/labels.ts';
import { commaList, textsOf } from './api/json.ts';
import { laterRef } from './api/later.ts';
import {
  adminPolicyRef,
  clusterRef,
  dnsNameResolverRef,
  eipRef,
  externalPart,
  ipPoolRef,
  ipRef,
  isolationRef,
  namedRef,
  namespaceRef,
  networkPolicyRef,
  nodePortPart,
  nodeRef,
  objectKey,
  only,
  podRef,
  policyModuleRef,
  routerLbRuleRef,
  securityGroupRef,
  selectionRef,
  serviceRef,
  subnetRef,
  switchLbRuleRef,
  vipRef,
  vlanRef,
  vpcRef,
} from './api/refs.ts';
import { pairsKey } from './api/project.ts';
import type { Indexes, Tables } from './api/tables.ts';
import { ownVipKey } from './api/vip-row.ts';
import { nodeGroupName, poolSetName, securityGroupName } from './nb/names.ts';
import { adminPolicy } from './reconcilers/admin-policy.ts';
import { binding } from './reconcilers/binding.ts';
import { defaultObjects } from './reconcilers/default-objects.ts';
import { isolation, securityIsolations } from './reconcilers/default-deny.ts';
import { needsAddress, nodeDemand, podDemand } from './reconcilers/demand.ts';
import { machineKey } from './reconcilers/identity.ts';
import { eip, eipDemand } from './reconcilers/eip.ts';
import { wayOut } from './reconcilers/gateway.ts';
import { ippool, pool } from './reconcilers/ippool.ts';
import { kept } from './reconcilers/kept.ts';
import { later } from './reconcilers/later.ts';
import { membership } from './reconcilers/membership.ts';
import { moduleAcl } from './reconcilers/module-acl.ts';
import { moduleOf, peers, selectionOfModule, subjects, theirs } from './reconcilers/module-subject.ts';
import { named, namedKey, nameOfKey } from './reconcilers/named.ts';
import { namespace } from './reconcilers/namespace.ts';
import { networkPolicy, ownGroups } from './reconcilers/network-policy.ts';
import { candidate, checked, network, nodeScope, tableKeys } from './reconcilers/network.ts';
import { hostKeys } from './reconcilers/chassis.ts';
import { host, node } from './reconcilers/node.ts';
import { nodePort } from './reconcilers/node-port.ts';
import { subnetDemand } from './reconcilers/own-address.ts';
import { domainName } from './reconcilers/outside.ts';
import { pod } from './reconcilers/pod.ts';
import { policyModule } from './reconcilers/policy-module.ts';
import {
  everyVpc,
  nameKey,
  nodeLabels,
  namedNumbers,
  places,
  presence,
  scopes,
  translationOf,
  vpcFamilies,
} from './reconcilers/policy-scope.ts';
import type { Reconciler, RowReconciler } from './reconcilers/reconciler.ts';
import { portKeys } from './reconcilers/router-port-name.ts';
import { security, securityGroup } from './reconcilers/security-group.ts';
import { selected } from './reconcilers/selected.ts';
import { routerLbRule } from './reconcilers/router-lb-rule.ts';
import { service } from './reconcilers/service.ts';
import { frontendKeys } from './reconcilers/service-conflict.ts';
import { anyVpc } from './reconcilers/service-vpc.ts';
import { lbService } from './reconcilers/lb-svc.ts';
import { space } from './reconcilers/space.ts';
import { priorityKeys } from './reconcilers/standing.ts';
import { subnet } from './reconcilers/subnet.ts';
import { switchLbRule } from './reconcilers/switch-lb-rule.ts';
import { subnetStatus } from './reconcilers/subnet-status.ts';
import { tagKey, vlan } from './reconcilers/underlay.ts';
import { reservation } from './reconcilers/unassigned.ts';
import { vipKeys } from './reconcilers/virtual-port.ts';
import { vip } from './reconcilers/vip.ts';
import { balancer, holding, holdingKeys, vipDemand } from './reconcilers/vip-holding.ts';
import { uplinkDemand, uplinks, vpcExternal } from './reconcilers/vpc-external.ts';
import { peeringKeys } from './reconcilers/vpc-peering.ts';
import { vpc } from './reconcilers/vpc.ts';
import { realm } from './reconcilers/vpc-routes.ts';
import { Beside, RowsOnly, Split, TableEntries } from './sinks.ts';
import type { Entries, Sinks } from './sinks.ts';
import type { Translate } from './api/translation.ts';

/** The tables that are written from outside, each by its one producer, inside `graph.enter`. */
export interface World {
  readonly cluster: Table<Tables['cluster']>;
  readonly central: Table<Tables['central']>;
  readonly pod: Table<Tables['pod']>;
  readonly node: Table<Tables['node']>;
  readonly namespace: Table<Tables['namespace']>;
  readonly ip: Table<Tables['ip']>;
  readonly subnet: Table<Tables['subnet']>;
  readonly vpc: Table<Tables['vpc']>;
  readonly vip: Table<Tables['vip']>;
  readonly eip: Table<Tables['eip']>;
  readonly ippool: Table<Tables['ippool']>;
  readonly keeper: Table<Tables['keeper']>;
  readonly vlan: Table<Tables['vlan']>;
  readonly attachment: Table<Tables['attachment']>;
  readonly deployment: Table<Tables['deployment']>;
  readonly natConfig: Table<Tables['natConfig']>;
  readonly serviceCidr: Table<Tables['serviceCidr']>;
  /** Written by whoever hears the agents. */
  readonly lost: Table<Tables['lost']>;
  readonly labelled: Table<Tables['labelled']>;
  readonly namedPorts: Table<Tables['namedPorts']>;
  readonly networkPolicy: Table<Tables['networkPolicy']>;
  readonly policyModule: Table<Tables['policyModule']>;
  /** Written by whoever runs the modules: how far each has come, what is counted of it, what it answers. */
  readonly moduleState: Table<Tables['moduleState']>;
  readonly moduleReport: Table<Tables['moduleReport']>;
  readonly answer: Table<Tables['answer']>;
  readonly securityGroup: Table<Tables['securityGroup']>;
  readonly service: Table<Tables['service']>;
  readonly endpointSlice: Table<Tables['endpointSlice']>;
  readonly announcement: Table<Tables['announcement']>;
  readonly switchLbRule: Table<Tables['switchLbRule']>;
  readonly routerLbRule: Table<Tables['routerLbRule']>;
  /** Of all kinds of them. */
  readonly adminPolicy: Table<Tables['adminPolicy']>;
  readonly domain: Table<Tables['domain']>;
  /** Objects of all kinds that nothing acts on yet. */
  readonly later: Table<Tables['later']>;
  /** Written by the allocator, by IP object. */
  readonly unassigned: Table<Tables['unassigned']>;
  /** Written by the allocator, by subnet. */
  readonly usage: Table<Tables['usage']>;
  /** Written by the allocator, by IPPool. */
  readonly poolUsage: Table<Tables['poolUsage']>;
  /** Computed: what the allocator works from. */
  readonly network: ReadTable<Tables['network']>;
  readonly space: ReadTable<Tables['space']>;
  readonly wayOut: ReadTable<Tables['wayOut']>;
  readonly demand: ReadTable<Tables['demand']>;
  readonly holding: ReadTable<Tables['holding']>;
  readonly pool: ReadTable<Tables['pool']>;
  readonly kept: ReadTable<Tables['kept']>;
  /** Computed: what the modules are asked. */
  readonly question: ReadTable<Tables['question']>;
  readonly offer: ReadTable<Tables['offer']>;
  /** IP objects of further interfaces of a pod, by the name that its first one's has. */
  readonly ipsByFirst: Index<Tables['ip']>;
}

/** What modules decide. They are pure, and what they keep shows in no answer. */
export interface Modules {
  readonly translate: Translate;
}

/** Wires an empty graph. Keys of API tables are `namespace/name`, or the name alone; see operator/api/refs.ts. */
export function world(graph: Graph<Tables, Indexes>, sinks: Sinks, modules: Modules): World {
  const tables = inputs(graph);
  const { checked: checkedTable, network: networkTable, ...computed } = computedTables(graph);

  graph.index('vpcsByNamespace', tables.vpc, (row) => textsOf(row.spec['namespaces']));
  graph.index('vlansByTag', tables.vlan, (row) => [tagKey(row)]);
  graph.index('podsByVipAddress', tables.pod, vipKeys);
  graph.index('vpcsByPeering', tables.vpc, peeringKeys);
  graph.index('nodesByLabel', tables.node, (row) => labelKeys(row.meta.labels));
  graph.index('nodesByBlock', tables.node, (row) => addressKeys(nodeScope, row.internalIps));
  graph.index('ipsByAddress', tables.ip, (row) => row.addresses.map((address) => usedKey(row.subnet, address)));
  graph.index('ipsBySubnet', tables.ip, (row) => [row.subnet]);
  const ipsByFirst = graph.index('ipsByFirst', tables.ip, furtherKeys);
  graph.index('holdingsByAddress', computed.holding, holdingKeys);
  graph.index('holdingsBySubnet', computed.holding, (row) => (row.addresses.length > 0 ? [row.subnet] : []));
  graph.index('proxiesBySubnet', tables.vip, (row) =>
    row.type === balancer && row.addresses.length > 0 && !row.meta.deleting ? [row.heldIn] : [],
  );
  graph.index('podsByVip', tables.pod, (row) =>
    needsAddress(row) ? commaList(row.meta.annotations[ownVipKey] ?? '') : [],
  );
  graph.index('podsByPair', tables.pod, (row) =>
    needsAddress(row) ? [...new Set(commaList(row.meta.annotations[pairsKey] ?? ''))] : [],
  );
  graph.index('podsByMachine', tables.pod, (row) =>
    row.podType === 'VirtualMachine' && needsAddress(row) ? [machineKey(row.meta.namespace, row.controller.name)] : [],
  );
  graph.index('podsByService', tables.pod, (row) => {
    const service = needsAddress(row) ? row.meta.annotations[forwardsKey] : undefined;
    return service === undefined ? [] : [objectKey(row.meta.namespace, service)];
  });
  graph.index('natConfigs', tables.natConfig, () => [only]);
  graph.index('ippoolsBySubnet', tables.ippool, (row) => (row.meta.deleting ? [] : [row.subnet]));
  graph.index('ippoolsBySet', tables.ippool, (row) =>
    row.addressSet && !row.meta.deleting ? [poolSetName(row.meta.name)] : [],
  );
  graph.index('poolsByNamespace', computed.pool, (row) => row.namespaces);
  graph.index('poolsBySubnet', computed.pool, (row) => [row.subnet]);
  graph.index('centrals', tables.central, () => [only]);
  graph.index('serviceCidrs', tables.serviceCidr, () => [only]);
  graph.index('candidatesByBlock', computed.candidate, (row) => rangeKeys(row.network.vpc, row.network.cidrs));
  graph.index('candidatesByTable', computed.candidate, tableKeys);
  graph.index('networksByVpc', networkTable, (row) => [row.vpc]);
  graph.index('networksByProvider', networkTable, (row) => [row.provider]);
  graph.index('networksByNamespace', networkTable, (row) => row.namespaces);
  graph.index('networksBySelector', networkTable, (row) => row.namespaceSelectors.map(requiredLabel));
  graph.index('networksByPort', networkTable, portKeys);
  graph.index('networksByVlan', networkTable, (row) => (row.vlan === '' ? [] : [row.vlan]));
  graph.index('interconnections', networkTable, (row) => (row.link === 'interconnection' ? [only] : []));
  graph.index('slicesByService', tables.endpointSlice, (row) => [row.service]);
  graph.index('announcementsByService', tables.announcement, (row) => [row.service]);
  graph.index('servicesByFrontend', tables.service, frontendKeys);
  graph.index('lbRulesByEip', tables.routerLbRule, (row) => [row.eip]);
  graph.index('networksByBlock', networkTable, (row) => rangeKeys(anyVpc, row.cidrs));
  graph.index('hosts', computed.host, hostKeys);
  graph.index('hostsByGroup', computed.host, (row) => [nodeGroupName(row.name)]);

  graph.derive('realm', tables.vpc, realm, graph.into(computed.realm));
  graph.derive('host', tables.node, host, graph.into(computed.host));
  graph.derive('checked', tables.subnet, checked, graph.into(checkedTable));
  graph.derive('candidate', checkedTable, candidate, graph.into(computed.candidate));
  graph.derive('network', computed.candidate, network, graph.into(networkTable));
  graph.derive('space', networkTable, space, graph.into(computed.space));
  graph.derive('pool', tables.ippool, pool, graph.into(computed.pool));
  graph.derive('binding', tables.namespace, binding, graph.into(computed.binding));
  graph.derive('holding', tables.vip, holding, graph.into(computed.holding));
  graph.derive('uplink', tables.vpc, uplinks, graph.into(computed.uplink));
  const demands = graph.into(computed.demand);
  const { offer, decisions } = addressModules(graph, tables, demands);
  graph.derive('demand/pod', tables.pod, podDemand, decisions);
  graph.derive('demand/node', tables.node, nodeDemand, demands);
  graph.derive('demand/vip', tables.vip, vipDemand, demands);
  graph.derive('demand/uplink', computed.uplink, uplinkDemand, demands);
  graph.derive('demand/eip', tables.eip, eipDemand, demands);
  graph.derive('kept', tables.ip, kept, graph.into(computed.kept));
  graph.derive('demand/subnet', networkTable, subnetDemand, demands);
  graph.derive('wayOut', networkTable, wayOut, graph.into(computed.wayOut));

  const port = graph.table('port');
  const matched = policySelections(graph, tables, modules);
  const question = questions(graph, matched);
  const { namedTable, poolSet, ...entries } = namedRows(graph, tables);

  reconcile(graph, sinks, { reconciler: defaultObjects, input: tables.cluster, about: () => subnetRef('') });
  reconcile(graph, sinks, {
    reconciler: ippool,
    input: tables.ippool,
    about: ipPoolRef,
    entries: { ...entries, poolSet },
  });
  reconcile(graph, sinks, { reconciler: vpc, input: tables.vpc, about: vpcRef, entries });
  reconcile(graph, sinks, { reconciler: vpcExternal, name: external, input: computed.uplink, about: uplinkOf });
  reconcile(graph, sinks, { reconciler: eip, input: tables.eip, about: eipRef });
  reconcile(graph, sinks, { reconciler: vlan, input: tables.vlan, about: vlanRef });
  reconcile(graph, sinks, { reconciler: subnet, input: tables.subnet, about: subnetRef, entries });
  reconcile(graph, sinks, { reconciler: subnetStatus, name: 'SubnetStatus', input: tables.subnet, about: subnetRef });
  reconcile(graph, sinks, { reconciler: namespace, input: tables.namespace, about: namespaceRef });
  reconcile(graph, sinks, { reconciler: pod, input: tables.pod, about: podOf, entries: { port: graph.into(port) } });
  policies(graph, sinks, { tables, port, matched, question, network: networkTable });
  reconcile(graph, sinks, { reconciler: policyModule, input: tables.policyModule, about: policyModuleRef });
  reconcile(graph, sinks, { reconciler: securityGroup, input: tables.securityGroup, about: securityGroupRef, entries });
  reconcile(graph, sinks, { reconciler: named, input: namedTable, about: namedOf });
  reconcile(graph, sinks, { reconciler: node, input: tables.node, about: nodeRef });
  reconcile(graph, sinks, { reconciler: reservation, input: tables.unassigned, about: ipRef });
  reconcile(graph, sinks, { reconciler: switchLbRule, input: tables.switchLbRule, about: switchLbRuleRef });
  reconcile(graph, sinks, { reconciler: routerLbRule, input: tables.routerLbRule, about: routerLbRuleRef });
  reconcile(graph, sinks, { reconciler: service, input: tables.service, about: serviceOf });
  reconcile(graph, sinks, { reconciler: nodePort, name: nodePorts, input: tables.service, about: serviceOf });
  reconcile(graph, sinks, { reconciler: lbService, input: tables.service, about: serviceOf });
  reconcile(graph, sinks, { reconciler: vip, input: tables.vip, about: vipRef });
  reconcile(graph, sinks, { reconciler: later, input: tables.later, about: laterRef });
  const { demand, holding: held, pool: pools, kept: keeps, space: spaces, wayOut: ways } = computed;
  return {
    ...tables,
    network: networkTable,
    space: spaces,
    wayOut: ways,
    demand,
    holding: held,
    pool: pools,
    kept: keeps,
    question,
    offer,
    ipsByFirst,
  };
}

/** Owner of what a source yields, for one that failed before it yielded anything: its rows must stay too. */
export function ownerOf(source: string): string | undefined {
  const slash = source.indexOf('/');
  const [kind, key] = [source.slice(0, slash), source.slice(slash + 1)];
  if (kind === external) return partOf(ownerText(uplinkOf(key)), externalPart(partsOfUplink(key)[1]));
  if (kind === nodePorts) return partOf(ownerText(serviceOf(key)), nodePortPart);
  const about = abouts[kind];
  return about && ownerText(about(key));
}

/** Name of the derivation of uplinks, whose rows are parts of their VPCs. */
const external = 'VpcExternal';
/** And of what Services ask of routers for their node ports. */
const nodePorts = 'NodePort';

/** Objects with a namespace, by the keys of their tables. */
const podOf = (key: string): Ref => namespaced(podRef)(key);
/** The module that a question is for. */
const aclModule = (question: string): Ref => policyModuleRef(moduleOf(question));
const adminPolicyOf = (key: string): Ref => {
  const [kind = '', name = ''] = key.split('/');
  return adminPolicyRef(kind, name);
};
const serviceOf = (key: string): Ref => namespaced(serviceRef)(key);
const networkPolicyOf = (key: string): Ref => namespaced(networkPolicyRef)(key);

/** Owner of a row that is known by its name. */
const namedOf = (key: string): Ref => namedRef(nameOfKey(key));

/** The VPC of an uplink. */
const uplinkOf = (key: string): Ref => vpcRef(partsOfUplink(key)[0]);

const abouts: Readonly<Record<string, (key: string) => Ref>> = {
  Cluster: () => clusterRef,
  Vpc: vpcRef,
  Subnet: subnetRef,
  Node: nodeRef,
  Pod: podOf,
  IPPool: ipPoolRef,
  Vip: vipRef,
  OvnEip: eipRef,
  NetworkPolicy: networkPolicyOf,
  Service: serviceOf,
  SwitchLBRule: switchLbRuleRef,
  RouterLBRule: routerLbRuleRef,
  AdminPolicy: adminPolicyOf,
  DNSNameResolver: dnsNameResolverRef,
  Selection: selectionRef,
  Isolation: isolationRef,
  PolicyModule: policyModuleRef,
  ModuleAcl: aclModule,
  SecurityGroup: securityGroupRef,
  Named: namedOf,
};

type Inputs = Omit<
  World,
  'network' | 'space' | 'wayOut' | 'demand' | 'holding' | 'pool' | 'kept' | 'question' | 'offer' | 'ipsByFirst'
>;

function inputs(graph: Graph<Tables, Indexes>): Inputs {
  return {
    cluster: graph.table('cluster'),
    central: graph.table('central'),
    pod: graph.table('pod'),
    node: graph.table('node'),
    namespace: graph.table('namespace'),
    ip: graph.table('ip'),
    subnet: graph.table('subnet'),
    vpc: graph.table('vpc'),
    vip: graph.table('vip'),
    eip: graph.table('eip'),
    ippool: graph.table('ippool'),
    keeper: graph.table('keeper'),
    vlan: graph.table('vlan'),
    attachment: graph.table('attachment'),
    deployment: graph.table('deployment'),
    natConfig: graph.table('natConfig'),
    serviceCidr: graph.table('serviceCidr'),
    lost: graph.table('lost'),
    labelled: graph.table('labelled'),
    namedPorts: graph.table('namedPorts'),
    networkPolicy: graph.table('networkPolicy'),
    policyModule: graph.table('policyModule'),
    moduleState: graph.table('moduleState'),
    moduleReport: graph.table('moduleReport'),
    answer: graph.table('answer'),
    securityGroup: graph.table('securityGroup'),
    service: graph.table('service'),
    endpointSlice: graph.table('endpointSlice'),
    announcement: graph.table('announcement'),
    switchLbRule: graph.table('switchLbRule'),
    routerLbRule: graph.table('routerLbRule'),
    adminPolicy: graph.table('adminPolicy'),
    domain: graph.table('domain'),
    later: graph.table('later'),
    unassigned: graph.table('unassigned'),
    usage: graph.table('usage'),
    poolUsage: graph.table('poolUsage'),
  };
}

function computedTables(graph: Graph<Tables, Indexes>): {
  [
    N in
      | 'checked'
      | 'candidate'
      | 'network'
      | 'space'
      | 'wayOut'
      | 'realm'
      | 'host'
      | 'pool'
      | 'binding'
      | 'holding'
      | 'uplink'
      | 'demand'
      | 'kept'
  ]: Table<Tables[N]>;
} {
  return {
    checked: graph.table('checked'),
    candidate: graph.table('candidate'),
    network: graph.table('network'),
    space: graph.table('space'),
    wayOut: graph.table('wayOut'),
    realm: graph.table('realm'),
    host: graph.table('host'),
    pool: graph.table('pool'),
    binding: graph.table('binding'),
    holding: graph.table('holding'),
    uplink: graph.table('uplink'),
    demand: graph.table('demand'),
    kept: graph.table('kept'),
  };
}

/**
 * Who is selected by whom. Policies are translated, pods are matched, and names of ports get their numbers:
 *
 *   networkPolicy, adminPolicy -> translation -> selection --join--> matched -> namedNumber
 *   policyModule, answer ----------------|----------^                              ^
 *                                        |-----> askedName ------------------------'
 *                                        `-----> nodeSelection --join--> matchedNode
 */
export function policySelections(
  graph: Graph<Tables, Indexes>,
  tables: PolicyInputs,
  { translate }: Modules,
): ReadTable<Tables['matched']> {
  const translation = graph.table('translation');
  const selection = graph.table('selection');
  const nodeSelection = graph.table('nodeSelection');
  const askedName = graph.table('askedName');
  const labels = graph.table('nodeLabels');
  const matchedNode = graph.table('matchedNode');
  const scope = graph.table('scope');
  const matched = graph.table('matched');
  const namedNumber = graph.table('namedNumber');
  graph.index('namesBySelection', askedName, (row) => [row.selection]);
  graph.index('numbersByName', namedNumber, (row) => [nameKey(row)]);
  graph.index('policiesByGroup', tables.networkPolicy, ownGroups);
  graph.index('modulesBySelection', tables.policyModule, selectionOfModule);
  graph.index('aclModules', tables.policyModule, (row) => selectionOfModule(row).map(() => only));
  graph.index('adminsByPriority', tables.adminPolicy, priorityKeys);

  const translated = new TableEntries({
    translation: graph.into(translation),
    selection: graph.share(selection),
    nodeSelection: graph.share(nodeSelection),
    askedName: graph.share(askedName),
  });
  graph.derive('translation', tables.networkPolicy, translationOf(translate), translated);
  graph.derive('moduleSelection', tables.policyModule, theirs, graph.share(selection));
  graph.derive('modulePeer', tables.answer, peers, graph.share(selection));
  graph.derive('translation/admin', tables.adminPolicy, translationOf(translate), translated);
  graph.derive('nodeLabels', tables.node, nodeLabels, graph.into(labels));
  graph.derive('scope', tables.namespace, scopes, graph.into(scope));
  graph.join('matched', { selections: selection, entities: tables.labelled, scopes: scope }, graph.into(matched));
  graph.join('matchedNode', { selections: nodeSelection, entities: labels, scopes: scope }, graph.into(matchedNode));
  graph.derive('namedNumber', tables.namedPorts, namedNumbers, graph.share(namedNumber));
  return matched;
}

/**
 * Modules that choose addresses, between pods and the allocator:
 *
 *   pod, policyModule, answer -+-> offer -> [modules] -> answer
 *                              +-> demand
 *                              `-> undecided -> Pod
 */
function addressModules(
  graph: Graph<Tables, Indexes>,
  { policyModule: modules }: Inputs,
  demand: KeyedSink<readonly [string, Tables['demand']]>,
): { readonly offer: ReadTable<Tables['offer']>; readonly decisions: Beside<Tables['demand']> } {
  const offer = graph.table('offer');
  const undecided = graph.into(graph.table('undecided'));
  graph.index('ipamModules', modules, ({ hook, meta }) => (hook === 'ipam' && !meta.deleting ? [only] : []));
  return { offer, decisions: new Beside(demand, { offer: graph.into(offer), undecided }) };
}

/**
 * Groups and sets that users know by their names, whoever fills them:
 *
 *   securityGroup -> security (the names of its rows) -> Pod, SecurityGroup
 *   ippool -> poolSet -> Subnet, Vpc (whether what their matches name is filled)
 *   SecurityGroup, IPPool, Subnet, Vpc -> named --> Named: groups and sets
 */
function namedRows(
  graph: Graph<Tables, Indexes>,
  { securityGroup: input }: Inputs,
): { readonly namedTable: ReadTable<Tables['named']> } & Required<Pick<Entries, 'named' | 'poolSet'>> {
  const rows = graph.table('security');
  const poolSet = graph.table('poolSet');
  const namedTable = graph.table('named');
  graph.index('securityGroupsByName', input, ({ meta: { name } }) => [securityGroupName(name)]);
  graph.index('securitiesByRow', rows, ({ group, sets }) => [group, sets[4], sets[6]].map(namedKey));
  graph.derive('security', input, security, graph.into(rows));
  return { namedTable, named: graph.share(namedTable), poolSet: graph.into(poolSet) };
}

/** What modules are asked of the pods that they select: matched -> question, classed. */
export function questions(
  graph: Graph<Tables, Indexes>,
  matched: ReadTable<Tables['matched']>,
): ReadTable<Tables['question']> {
  const question = graph.table('question');
  const classed = graph.table('classed');
  const asked = new TableEntries({ classed: graph.into(classed), question: graph.share(question) });
  graph.derive('subject', matched, subjects, asked);
  return question;
}

/** What policies are and whom they select. */
export type PolicyInputs = Pick<
  Inputs,
  | 'namespace'
  | 'node'
  | 'labelled'
  | 'namedPorts'
  | 'networkPolicy'
  | 'adminPolicy'
  | 'domain'
  | 'policyModule'
  | 'answer'
  | 'securityGroup'
>;

export interface PolicyTables {
  readonly tables: PolicyInputs;
  readonly port: ReadTable<Tables['port']>;
  readonly matched: ReadTable<Tables['matched']>;
  readonly question: ReadTable<Tables['question']>;
  readonly network: ReadTable<Tables['network']>;
}

/**
 * What follows from it in OVN:
 *
 *   namespace + binding, network -> vpcFamily, port -> presence --> places
 *   networkPolicy + translation, namedNumber, places --+----------> NetworkPolicy, AdminPolicy: ACLs
 *                                                      +-> facet -> Selection: groups and sets
 *                                                      `-> isolation -> groups that drop, nodes' rules
 *   question + answer, places --+---------------------------------> ModuleAcl: ACLs
 *                               `-> facet
 *   port + matched, classed + facet ------------------------------> Membership: who is in them
 *   domain + facet -----------------------------------------------> DNSNameResolver: addresses; those of nodes likewise
 */
export function policies(
  graph: Graph<Tables, Indexes>,
  sinks: Sinks,
  { tables, port, question, network }: PolicyTables,
): void {
  const facet = graph.table('facet');
  const isolated = graph.table('isolation');
  const presenceTable = graph.table('presence');
  const family = graph.table('vpcFamily');
  const placesTable = graph.table('places');
  graph.index('facetsBySelection', facet, (row) => [row.selection]);
  graph.index('facetsOfServices', facet, (row) => (row.kind === 'set' && row.services ? [row.vpc] : []));
  graph.index('presencesByNamespace', presenceTable, (row) => [row.namespace]);
  graph.index('familiesByVpc', family, (row) => [row.vpc, everyVpc]);

  graph.derive('vpcFamily', network, vpcFamilies, graph.share(family));
  graph.derive('presence', port, presence, graph.share(presenceTable));
  graph.derive('places', tables.namespace, places, graph.into(placesTable));
  const entries = { facet: graph.share(facet), isolation: graph.share(isolated) };
  reconcile(graph, sinks, { reconciler: networkPolicy, input: tables.networkPolicy, about: networkPolicyOf, entries });
  reconcile(graph, sinks, { reconciler: moduleAcl, input: question, about: aclModule, entries });
  graph.derive('isolation/security', tables.securityGroup, securityIsolations, graph.share(isolated));
  reconcile(graph, sinks, { reconciler: adminPolicy, input: tables.adminPolicy, about: adminPolicyOf, entries });
  rowsOf(graph, sinks, { reconciler: selected, input: facet, about: selectionRef });
  reconcile(graph, sinks, { reconciler: isolation, input: isolated, about: isolationRef });
  reconcile(graph, sinks, { reconciler: domainName, input: tables.domain, about: dnsNameResolverRef });
  rowsOf(graph, sinks, { reconciler: membership, input: port, about: ipRef });
}

interface Wiring<Row> {
  readonly reconciler: Reconciler<Row>;
  readonly input: ReadTable<Row>;
  /** The object that a key of the input names. */
  readonly about: (key: string) => Ref;
  /** Name of the derivation; the kind, unless a kind has two. */
  readonly name?: string;
  /** Computed tables that it writes beside its facts. */
  readonly entries?: Entries;
}

/** As `reconcile`, for one that yields nothing but rows. */
function rowsOf<Row>(
  graph: Graph<Tables, Indexes>,
  sinks: Sinks,
  { reconciler, input, about }: Wiring<Row> & { readonly reconciler: RowReconciler<Row> },
): void {
  const { kind } = reconciler;
  const sink = new RowsOnly(sinks, (source) => about(source.slice(kind.length + 1)));
  graph.derive(kind, input, (row, read, key) => reconciler.desired(row, read, key), sink);
}

function reconcile<Row>(
  graph: Graph<Tables, Indexes>,
  sinks: Sinks,
  { reconciler, input, about, name, entries }: Wiring<Row>,
): void {
  const derivation = name ?? reconciler.kind;
  const split = new Split(sinks, (source) => about(source.slice(derivation.length + 1)), entries);
  graph.derive(derivation, input, (row, read, key) => reconciler.desired(row, read, key), split);
}

const namespaced =
  (refOf: (namespace: string, name: string) => Ref) =>
  (key: string): Ref => {
    const slash = key.indexOf('/');
    return refOf(key.slice(0, slash), key.slice(slash + 1));
  };
