// An OvnEip: an address of an external subnet that rules may use (type nat), or that a node has there (type lsp, with a port
// of its own). It is assigned as a pod's is, by an IP object, and stays as long as a RouterLBRule names it. That of a VPC's
// port (type lrp) is told of by the VPC (vpc-external.ts).
import { owner as ownerOf } from '../../lib/delta/ids.ts';
import { canonicalIp, canonicalMac } from '../../lib/net/index.ts';
import { eipFields, eipTypeOf, lrp, lsp, nat } from '../api/eip-row.ts';
import type { Fact } from '../api/fact.ts';
import { textOf } from '../api/json.ts';
import { defaultsManager, manager } from '../api/managers.ts';
import { eipIpName, eipRef } from '../api/refs.ts';
import type { Demand, EipRow, IpRow, Wish } from '../api/tables.ts';
import { subnetLabel } from '../api/vip-row.ts';
import { vifPort } from '../nb/rows/switch.ts';
import { assignment } from './assignment.ts';
import { clusterOf, problem } from './reconciler.ts';
import type { Projection, Reconciler, WorldRead } from './reconciler.ts';
import { freePortName } from './router-port-name.ts';
import { unassigned } from './unassigned.ts';
import { isAddressOf } from './vip-holding.ts';

export const eip: Reconciler<EipRow> = {
  kind: 'OvnEip',
  *desired(row, read) {
    const type = eipTypeOf(row);
    if (type === lrp) return;
    const { name, generation, deleting } = row.meta;
    const about = eipRef(name);
    yield* inUse(row, read);
    const ip = addressOf(row, read);
    const wrong = [...problems(row, ip, read)];
    yield* wrong;
    // While the address is on its way nothing is said: what Kube-OVN gave it is still told.
    const status = { status: about, generation, owner: ownerOf(about) } as const;
    if (ip) yield { ...status, fields: { ...eipFields(ip), type, nat: '' }, confirmed: { ready: true } };
    else if (wrong.length > 0) yield { ...status, fields: { ready: false } };
    if (!ip || deleting) return;
    yield* written(row, ip);
    if (type === lsp) yield* port(name, ip, read);
  },
};

/** The subnet that the address is of. */
export const externalSubnetOf = ({ spec }: EipRow, read: WorldRead): string =>
  textOf(spec['externalSubnet']) || clusterOf(read).externalSubnet;

/** Table `demand`, of OvnEips. */
export const eipDemand: Projection<EipRow, Demand> = function* (row, read) {
  const { name, uid } = row.meta;
  if (!hasAddress(eipTypeOf(row))) return;
  const ip = eipIpName(name);
  const wish = wishOf(row);
  const demand: Demand = {
    ip,
    owner: eipRef(name),
    uid,
    node: '',
    subnets: [externalSubnetOf(row, read)],
    podName: name,
    namespace: '',
    podType: '',
    labels: {},
    ...(wish && { wish }),
  };
  yield [ip, demand];
};

const fields = ['v4Ip', 'v6Ip', 'macAddress'] as const;

/** What its spec asks for, else what it has from Kube-OVN. */
function wishOf(row: EipRow): Wish | undefined {
  const invalid = faultOf(row);
  if (invalid !== undefined) return { invalid };
  const [v4 = '', v6 = '', mac = ''] = fields.map((field) => textOf(row.spec[field]));
  const asked = [v4, v6].flatMap((text) => canonicalIp(text) ?? []);
  const fixed = asked.length > 0 ? asked : row.addresses;
  const wish: Wish = {
    ...(fixed.length > 0 && { fixed: [fixed] }),
    ...(mac !== '' && { mac: canonicalMac(mac) ?? '' }),
  };
  return Object.keys(wish).length > 0 ? wish : undefined;
}

/** What is wrong with the spec, undefined when nothing is. */
function faultOf(row: EipRow): string | undefined {
  const [v4 = '', v6 = '', mac = ''] = fields.map((field) => textOf(row.spec[field]));
  const type = eipTypeOf(row);
  const faults = [
    !isAddressOf(4, v4) && `v4Ip ${v4} is not an IPv4 address`,
    !isAddressOf(6, v6) && `v6Ip ${v6} is not an IPv6 address`,
    mac !== '' && canonicalMac(mac) === undefined && `macAddress ${mac} is not a MAC`,
    !hasAddress(type) && `type ${type} is none of nat, lrp, lsp`,
  ];
  return faults.find((fault) => fault !== false);
}

const hasAddress = (type: string): boolean => type === nat || type === lsp;

/** One that is to go is none: what was built with it goes first. */
function addressOf({ meta: { name, uid } }: EipRow, read: WorldRead): IpRow | undefined {
  const ip = assignment({ ip: eipIpName(name), ref: eipRef(name), uid }, read)?.ip;
  return ip?.meta.deleting === false ? ip : undefined;
}

/** A rule's clients know the address: nobody else may have it while the rule is there. */
function* inUse({ meta: { name } }: EipRow, read: WorldRead): Generator<Fact> {
  const rules = read.at('lbRulesByEip', name).map(({ meta }) => meta.name);
  if (rules.length === 0) return;
  const about = eipRef(name);
  yield { hold: about, reason: `RouterLBRule ${rules.sort().join(', ')} uses it`, owner: ownerOf(about) };
}

function* problems(row: EipRow, ip: IpRow | undefined, read: WorldRead): Generator<Fact> {
  const about = eipRef(row.meta.name);
  const fault = faultOf(row);
  if (fault !== undefined) yield problem(about, 'OvnEipInvalid', fault);
  else if (!ip) yield* unassigned(eipIpName(row.meta.name), about, read);
  else {
    const changed = changes(row, ip, read).join(', ');
    if (changed !== '')
      yield problem(about, 'OvnEipInvalid', `${changed}: an OvnEip that has its address cannot be given another`);
  }
}

/** Fields of the spec that want something else than what the OvnEip has; an empty one wants nothing. */
function changes(row: EipRow, { addresses, mac, subnet }: IpRow, read: WorldRead): string[] {
  const [v4 = '', v6 = '', wantedMac = ''] = fields.map((field) => textOf(row.spec[field]));
  const asks = {
    v4Ip: v4 !== '' && !addresses.includes(canonicalIp(v4) ?? ''),
    v6Ip: v6 !== '' && !addresses.includes(canonicalIp(v6) ?? ''),
    macAddress: wantedMac !== '' && canonicalMac(wantedMac) !== mac,
    externalSubnet: externalSubnetOf(row, read) !== subnet,
  };
  return Object.entries(asks).flatMap(([field, differs]) => (differs ? [field] : []));
}

/** Kube-OVN's labels, and what the spec leaves open. */
function* written(row: EipRow, ip: IpRow): Generator<Fact> {
  const { name, uid } = row.meta;
  const about = eipRef(name);
  const type = eipTypeOf(row);
  const common = { object: about, uid, owner: ownerOf(about), generated: false } as const;
  yield {
    ...common,
    manager,
    manifest: { metadata: { labels: { [subnetLabel]: ip.subnet, 'ovn.kubernetes.io/ovn_eip_type': type } } },
  };
  yield {
    ...common,
    manager: defaultsManager,
    yields: true,
    manifest: { spec: { externalSubnet: ip.subnet, type, ...eipFields(ip) } },
  };
}

/** It is bound by whoever has an interface with this name on its node. */
function* port(name: string, ip: IpRow, read: WorldRead): Generator<Fact> {
  const about = eipRef(name);
  if (read.get('network', ip.subnet)?.switched !== true) return;
  const { port: free, taken } = freePortName(about, name, read);
  yield vifPort({
    owner: ownerOf(about),
    name: free,
    subnet: ip.subnet,
    mac: ip.mac,
    addresses: ip.addresses,
    chassis: '',
  });
  yield* taken;
}
