// A Service: the addresses by which pods reach it, balanced on the switches of its VPC. Nodes and what comes from outside
// the cluster are kube-proxy's.
import { owner as ownerOf } from '../../lib/delta/ids.ts';
import type { Owner, RowId } from '../../lib/delta/fact.ts';
import type { Fact } from '../api/fact.ts';
import { manager } from '../api/managers.ts';
import { serviceRef } from '../api/refs.ts';
import type { EndpointSliceRow, ServicePort, ServiceRow } from '../api/service-row.ts';
import type { Cluster } from '../api/tables.ts';
import { protocols, serviceBalancerName, variableName } from '../nb/names.ts';
import type { Protocol } from '../nb/names.ts';
import {
  affinityOf,
  announced,
  balancer,
  balancerId,
  inGroup,
  variable,
  vip,
  vpcBalancerId,
  withPort,
} from '../nb/rows/load-balancer.ts';
import { backendsOf } from './backend.ts';
import type { Backends } from './backend.ts';
import { chassisHosts } from './chassis.ts';
import { clusterOf, problem } from './reconciler.ts';
import type { Reconciler, WorldRead } from './reconciler.ts';
import { conflicts, holderOf } from './service-conflict.ts';
import { healthChecks } from './service-health.ts';
import { clusterIpsInSets } from './service-membership.ts';
import { announcingPort, fromSubnetKey, subnetOfIngress } from './service-outside.ts';
import { slicesOf } from './service-slices.ts';
import { checkKey, placeOf, ruleVips, vpcKey } from './service-vpc.ts';

export const service: Reconciler<ServiceRow> = {
  kind: 'Service',
  *desired(row, read, key) {
    const cluster = clusterOf(read);
    const rule = ruleVips(row);
    if (!cluster.enableLb || row.clusterIps.length + rule.length === 0) return;
    const slices = slicesOf(row, read);
    const { vpc, subnet } = placeOf(row, slices, read);
    const about = serviceRef(row.meta.namespace, row.meta.name);
    // Whoever has one made says all that is to be said of it.
    const isGenerated = row.spec !== undefined;
    if (!isGenerated) yield annotated(row, { [vpcKey]: vpc, ...fromSubnet(row, read) });
    if (!read.get('realm', vpc)) {
      yield problem(about, 'VpcNotFound', `VPC ${vpc} does not exist`);
      return;
    }
    if (!isGenerated) yield* conflicts(about, key, read);
    const place = { key, vpc, subnet, owner: ownerOf(about), cluster };
    yield* clusterIpsInSets(row, { ...place, slices }, read);
    const all = frontends(row, { slices, rule, place }, read);
    for (const protocol of protocols) {
      const own = all.filter(({ port }) => port.protocol === protocol);
      if (own.length > 0) yield* balanced(row, { ...place, protocol, frontends: own }, read);
    }
  },
};

/** An address and port of a Service, and what is behind it. */
interface Frontend {
  readonly address: string;
  readonly port: ServicePort;
  readonly backends: Backends;
  /** Clients reach the backends of their own node: no others, or as long as there are any; or those that hints name. */
  readonly local: 'no' | 'strict' | 'preferred' | 'hinted';
}

interface Place {
  /** Of the Service. */
  readonly key: string;
  readonly vpc: string;
  /** Of its backends. */
  readonly subnet: string;
  readonly owner: Owner;
  readonly cluster: Cluster;
}

interface Group extends Place {
  readonly protocol: Protocol;
  readonly frontends: readonly Frontend[];
}

/** As Kube-OVN says it. What an earlier process, or a Kube-OVN before us, has said of a subnet goes when it is not so. */
function annotated({ meta }: ServiceRow, annotations: Readonly<Record<string, string>>): Fact {
  const { namespace, name, uid } = meta;
  const isOutdated = meta.annotations[fromSubnetKey] !== undefined && annotations[fromSubnetKey] === undefined;
  return {
    object: serviceRef(namespace, name),
    uid,
    owner: ownerOf(serviceRef(namespace, name)),
    manager,
    generated: false,
    manifest: { metadata: { annotations } },
    ...(isOutdated && { without: [fromSubnetKey] }),
  };
}

function fromSubnet(row: ServiceRow, read: WorldRead): Readonly<Record<string, string>> {
  const subnet = subnetOfIngress(row, read);
  return subnet === undefined ? {} : { [fromSubnetKey]: subnet };
}

const familyOf = (address: string): 4 | 6 => (address.includes(':') ? 6 : 4);

interface Sources {
  readonly slices: readonly EndpointSliceRow[];
  /** Addresses of the rule that the Service stands for; empty for one that stands for itself. */
  readonly rule: readonly string[];
  readonly place: Place;
}

function frontends(row: ServiceRow, { slices, rule, place }: Sources, read: WorldRead): Frontend[] {
  const ofFamily = { 4: slices.filter(({ family }) => family === 4), 6: slices.filter(({ family }) => family === 6) };
  const addresses = rule.length > 0 ? rule : [...row.clusterIps, ...row.externalIps];
  return row.ports.flatMap((port) => {
    const backends = { 4: backendsOf(row, port, ofFamily[4]), 6: backendsOf(row, port, ofFamily[6]) };
    const free = addresses.filter((address) => holderOf(row, { ...port, address, vpc: place.vpc }, read) === undefined);
    return free.map((address) => {
      const own = backends[familyOf(address)];
      // Who has no backend anywhere refuses; who has none here alone says nothing.
      const local = rule.length > 0 || own.all === '' ? 'no' : locality(row, address, place.cluster);
      return { address, port, backends: own, local: local === 'no' && own.hinted ? 'hinted' : local };
    });
  });
}

/** For a client in the cluster an address of the outside is one as good as the other: so kube-proxy has it, too. */
function locality(row: ServiceRow, address: string, { preferLocal }: Cluster): Frontend['local'] {
  if (row.clusterIps.includes(address)) return row.internalLocal ? 'strict' : 'no';
  return row.externalLocal && preferLocal ? 'preferred' : 'no';
}

function* balanced(row: ServiceRow, group: Group, read: WorldRead): Generator<Fact> {
  const plain = group.frontends.filter(({ local }) => local === 'no');
  if (plain.length > 0) yield* balancedForAll(row, { ...group, frontends: plain }, read);
  for (const family of [4, 6] as const) {
    const local = group.frontends.filter((one) => one.local !== 'no' && familyOf(one.address) === family);
    if (local.length > 0) yield* balancedByNode(row, { ...group, frontends: local }, { family, read });
  }
}

function* balancedForAll(row: ServiceRow, group: Group, read: WorldRead): Generator<Fact> {
  const { key, owner, vpc, subnet, protocol, cluster } = group;
  const isRule = ruleVips(row).length > 0;
  const isShared = isRule || cluster.serviceLbLayout === 'shared';
  const id = isShared ? vpcBalancerId(vpc, protocol, row.affinity > 0) : balancerId(owner, protocol);
  if (!isShared) yield* ownBalancer(row, group, { key: protocol, name: serviceBalancerName(key, protocol) });
  const vips = group.frontends.map(({ address, port, backends }) => ({
    balancer: id,
    vip: withPort(address, port.port),
    backends: backends.all,
  }));
  for (const one of vips) yield vip(id, one.vip, one.backends, owner);
  yield* announcements(row, { ...group, balancer: id }, read);
  if (!isRule || row.meta.annotations[checkKey] === 'false') return;
  // Kube-OVN asks for IPv4 alone.
  yield* healthChecks({ owner, subnet, vips: vips.filter((one) => !one.vip.startsWith('[')) }, read);
}

interface RowName {
  readonly key: string;
  readonly name: string;
  readonly template?: 4 | 6;
}

const byAddress = { byAddress: true } as const;

function* ownBalancer(row: ServiceRow, { owner, vpc, protocol, key }: Group, name: RowName): Generator<Fact> {
  // The backend that a client had cannot be remembered where a variable says which there are.
  const affinity = name.template ? byAddress : affinityOf(row.affinity);
  const own = balancer({
    ...name,
    owner,
    protocol,
    ...(row.affinity > 0 && { affinity }),
    external: { service: key, vpc },
  });
  yield own;
  yield inGroup(vpc, own.id, owner);
}

/**
 * A switch spans nodes, so what a flow says of it is the same on all; but a variable has a value of its own on each
 * chassis. OVN takes an IPv6 address only by such a variable, too.
 */
function* balancedByNode(
  row: ServiceRow,
  group: Group,
  { family, read }: { readonly family: 4 | 6; readonly read: WorldRead },
): Generator<Fact> {
  const { owner, protocol, key } = group;
  const name = { key: `${protocol} local ${family}`, name: serviceBalancerName(key, protocol, `local/${family}`) };
  yield* ownBalancer(row, group, { ...name, template: family });
  yield* announcements(row, { ...group, balancer: balancerId(owner, name.key) }, read);
  const hosts = chassisHosts(read);
  for (const { address, port, backends, local } of group.frontends) {
    const at = `${protocol} ${withPort(address, port.port)}`;
    const [front, behind] = [variableName(owner, address), variableName(owner, at)];
    const shown = family === 4 ? address : `^${front}`;
    yield vip(balancerId(owner, name.key), `${shown}:${port.port}`, `^${behind}`, owner);
    for (const { name: node, zone } of hosts) {
      const own = local === 'hinted' ? backends.near(node, zone) : backends.on(node);
      yield variable(node, behind, own || (local === 'preferred' ? backends.all : nowhere[family]), owner);
      if (family === 6) yield variable(node, front, address, owner);
    }
  }
}

/** By which node those outside reach the addresses of these that a load balancer has. */
function* announcements(
  row: ServiceRow,
  { owner, frontends: own, balancer: id }: Group & { readonly balancer: RowId },
  read: WorldRead,
): Generator<Fact> {
  const node = announcingPort(row, read);
  if (node === undefined) return;
  for (const { address, port } of own.filter((one) => row.outside?.ingress.includes(one.address)))
    yield announced(id, withPort(address, port.port), node, owner);
}

/**
 * What every router drops. A list without a backend would do nothing with the packet, which would go on to a node that
 * is not the client's own, and a UDP client would stay with that.
 */
const nowhere = { 4: '127.0.0.1:1', 6: '[ff0e::1]:1' } as const;
