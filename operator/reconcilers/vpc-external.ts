// A VPC's way to physical networks: a port of its router on the switch of each external subnet that it names, hosted by
// one of the external gateway nodes. The address is assigned like that of a pod, and an OvnEip shows it, as Kube-OVN's does.
// What keeps one port from being made keeps nothing else of the VPC.
import type { Owner } from '../../lib/delta/fact.ts';
import { owner as ownerOf, partOf, rankOf } from '../../lib/delta/ids.ts';
import { canonicalIp, canonicalMac } from '../../lib/net/index.ts';
import type { Fact, JsonObject } from '../api/fact.ts';
import { textOf, textsOf } from '../api/json.ts';
import { eipFields, lrp } from '../api/eip-row.ts';
import { uplinkKey } from '../api/keys.ts';
import { labelKey } from '../api/labels.ts';
import { manager, ownerAnnotation } from '../api/managers.ts';
import { eipRef, externalIpName, externalPart, vpcRef } from '../api/refs.ts';
import type { Cluster, Demand, EipRow, IpRow, Network, Uplink, VpcRow, Wish } from '../api/tables.ts';
import type { VpcSpec } from '../api/vpc.gen.ts';
import { Withheld } from '../api/withheld.ts';
import { routerPortName, switchPortName } from '../nb/names.ts';
import { bfdSession } from '../nb/rows/bfd.ts';
import { externalPort, gatewayChassis } from '../nb/rows/router.ts';
import { externalRouterTypePort } from '../nb/rows/switch.ts';
import { assignment } from './assignment.ts';
import { clusterOf, problem, withLength } from './reconciler.ts';
import type { Projection, Reconciler, WorldRead } from './reconciler.ts';
import { isVif } from './router-port-name.ts';
import { unassigned } from './unassigned.ts';

/** Of a node by which VPCs may leave. */
const gatewayLabel = labelKey('ovn.kubernetes.io/external-gw', 'true');

export const vpcExternal: Reconciler<Uplink> = {
  kind: 'Vpc',
  *desired(uplink, read) {
    const { vpc, subnet } = uplink;
    const about = vpcRef(vpc);
    const network = read.get('network', subnet);
    if (!network && read.get('checked', subnet))
      throw new Withheld(`external subnet ${subnet} of VPC ${vpc} cannot be used now`);
    const hosts = chassisOf(vpc, read);
    const wrong = fault(uplink, { network, hosts }, read);
    if (wrong !== undefined) yield problem(about, 'ExternalNotAttached', `external subnet ${subnet}: ${wrong}`);
    if (network === undefined || wrong !== undefined) return;
    const ip = addressOf(uplink, read);
    if (ip) yield* attached(uplink, { network, ip, hosts }, read);
    else yield* unassigned(externalIpName(vpc, subnet), about, read);
  },
};

/** Table `uplink`: the external subnets that a VPC names. */
export const uplinks: Projection<VpcRow, Uplink> = function* (row, read) {
  for (const uplink of asked(row, clusterOf(read))) yield [uplinkKey(uplink.vpc, uplink.subnet), uplink];
};

/** The default one first. */
function asked({ meta: { name, uid }, spec }: VpcRow, { externalSubnet }: Cluster): Uplink[] {
  const { enableExternal, enableBfd }: VpcSpec = spec;
  const extra = textsOf(spec['extraExternalSubnets']);
  const subnets = new Set([...(enableExternal === true ? [externalSubnet] : []), ...extra]);
  return [...subnets].map((subnet) => ({
    vpc: name,
    uid,
    subnet,
    watched: enableBfd === true && subnet === externalSubnet,
  }));
}

/** Table `demand`, of uplinks. While their subnet cannot be used they want their address still: nobody else may have it. */
export const uplinkDemand: Projection<Uplink, Demand> = function* ({ vpc, uid, subnet }, read) {
  const network = read.get('network', subnet);
  if (network && !isExternal(network, vpc)) return;
  const ip = externalIpName(vpc, subnet);
  const port = routerPortName(vpc, subnet);
  const wish = wishOf(read.get('eip', port));
  const demand: Demand = {
    ip,
    owner: vpcRef(vpc),
    uid,
    node: '',
    subnets: [subnet],
    podName: port,
    namespace: '',
    podType: '',
    labels: {},
    moves: true,
    ...(wish && { wish }),
  };
  yield [ip, demand];
};

/** One of another VPC will do without a Vlan: whoever has an address there is outside, too. */
const isExternal = ({ switched, cidrs, vlan, vpc }: Network, of: string): boolean =>
  switched && cidrs.length > 0 && (vlan !== '' || vpc !== of);

/** What somebody made in advance says of the address; what was made here only shows it. */
function wishOf(eip: EipRow | undefined): Wish | undefined {
  if (!eip || isOurs(eip)) return undefined;
  const given = ['v4Ip', 'v6Ip'].map((field) => textOf(eip.spec[field])).filter((text) => text !== '');
  const addresses = given.flatMap((text) => canonicalIp(text) ?? []);
  const mac = canonicalMac(textOf(eip.spec['macAddress']));
  const invalid =
    addresses.length < given.length ? `${given.join(',')} of OvnEip ${eip.meta.name} are no addresses` : '';
  const wish: Wish = {
    ...(addresses.length > 0 && { fixed: [addresses] }),
    ...(mac !== undefined && { mac }),
    ...(invalid !== '' && { invalid }),
  };
  return Object.keys(wish).length > 0 ? wish : undefined;
}

/** Generated here, and not made by a person. */
const isOurs = ({ meta }: EipRow): boolean => meta.annotations[ownerAnnotation] !== undefined;

interface Place {
  readonly network: Network | undefined;
  readonly hosts: readonly string[];
}

function fault({ vpc, subnet }: Uplink, { network, hosts }: Place, read: WorldRead): string | undefined {
  if (!network) return 'it does not exist';
  if (!isExternal(network, vpc)) return 'it has no Vlan and is in this VPC, or it has no addresses';
  const [onRouter, onSwitch] = [routerPortName(vpc, subnet), switchPortName(subnet, vpc)];
  if (read.at('networksByPort', `lrp ${onRouter}`).length > 0) return `a subnet has the port ${onRouter}`;
  if (read.at('vpcsByPeering', onRouter).length > 0) return `a peering has the port ${onRouter}`;
  if (read.at('networksByPort', `lsp ${onSwitch}`).length > 0 || isVif(onSwitch, read))
    return `another port has the name ${onSwitch}`;
  return hosts.length > 0 ? undefined : `no node with the label ${gatewayLabel} has told its chassis yet`;
}

/** One that is to go is none: what was built with it goes first. */
function addressOf({ vpc, uid, subnet }: Uplink, read: WorldRead): IpRow | undefined {
  const ip = assignment({ ip: externalIpName(vpc, subnet), ref: vpcRef(vpc), uid }, read)?.ip;
  return ip?.meta.deleting === false ? ip : undefined;
}

/** The preferred one first: another for each VPC, so that the work is shared out. */
function chassisOf(vpc: string, read: WorldRead): string[] {
  const rank = (chassis: string): string => rankOf(`${vpc}${chassis}`);
  const chassis = read
    .at('nodesByLabel', gatewayLabel)
    .filter(({ meta }) => !meta.deleting)
    .map(({ meta }) => meta.annotations['ovn.kubernetes.io/chassis'] ?? '')
    .filter((name) => name !== '');
  return [...new Set(chassis)].sort((a, b) => (rank(a) < rank(b) ? -1 : 1));
}

interface Attached {
  readonly network: Network;
  readonly ip: IpRow;
  readonly hosts: readonly string[];
}

function* attached({ vpc, subnet, watched }: Uplink, at: Attached, read: WorldRead): Generator<Fact> {
  const { network, ip, hosts } = at;
  const owner = partOf(ownerOf(vpcRef(vpc)), externalPart(subnet));
  const name = routerPortName(vpc, subnet);
  yield externalPort({ owner, vpc, name, mac: ip.mac, networks: withLength(ip.addresses, network) });
  yield* gatewayChassis({ owner, port: name, chassis: hosts });
  yield externalRouterTypePort({ owner, subnet, name: switchPortName(subnet, vpc), routerPort: name });
  const gateway = network.gateways.find((text) => !text.includes(':'));
  if (watched && gateway !== undefined) yield bfdSession({ owner, port: name, peer: gateway });
  yield* shown(owner, name, at, read);
}

/** The OvnEip, which has the name of the router's port: made here unless somebody made it in advance, who keeps it then. */
function* shown(owner: Owner, name: string, { network, ip }: Attached, read: WorldRead): Generator<Fact> {
  const about = eipRef(name);
  const there = read.get('eip', name);
  yield {
    object: about,
    owner,
    manager,
    generated: !there || isOurs(there),
    manifest: {
      metadata: { labels: { 'ovn.kubernetes.io/subnet': network.name, 'ovn.kubernetes.io/ovn_eip_type': lrp } },
      spec: { externalSubnet: network.name, type: lrp, ...eipFields(ip) },
    },
  };
  const fields = { ...eipFields(ip), type: lrp, nat: '' };
  yield { status: about, generation: there?.meta.generation ?? 1, owner, fields, confirmed: { ready: true } };
}

/** What of the VPC's status tells of its uplinks. */
export function externalFields(row: VpcRow, read: WorldRead): JsonObject {
  const hosts = chassisOf(row.meta.name, read);
  const there = asked(row, clusterOf(read)).filter((uplink) => {
    const network = read.get('network', uplink.subnet);
    return fault(uplink, { network, hosts }, read) === undefined && addressOf(uplink, read) !== undefined;
  });
  const subnets = there.map(({ subnet }) => subnet);
  return {
    enableExternal: row.spec['enableExternal'] === true && subnets.includes(clusterOf(read).externalSubnet),
    enableBfd: there.some(({ watched }) => watched),
    extraExternalSubnets: textsOf(row.spec['extraExternalSubnets']).filter((subnet) => subnets.includes(subnet)),
  };
}
