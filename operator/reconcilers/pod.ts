// A pod on the default network: its port, its place in the groups of its node, its annotations, and the item by which
// its node's agent makes the interface. It stands on an assignment; asking for one is demand.ts.
import type { Owner, RowFact } from '../../lib/delta/fact.ts';
import type { Fact } from '../api/fact.ts';
import { manager } from '../api/managers.ts';
import { ipRef, podRef } from '../api/refs.ts';
import type { PodRow } from '../api/tables.ts';
import type { PortItem } from '../plan/item.ts';
import { groupMember } from '../nb/rows/group.ts';
import { vifPort } from '../nb/rows/switch.ts';
import { assignment } from './assignment.ts';
import type { Assignment } from './assignment.ts';
import { needsAddress, podWish } from './demand.ts';
import { identityOf } from './identity.ts';
import type { Identity } from './identity.ts';
import { clusterOf, ofFamily, problem, withLength } from './reconciler.ts';
import type { Reconciler, WorldRead } from './reconciler.ts';
import { unassigned } from './unassigned.ts';

export const pod: Reconciler<PodRow> = {
  kind: 'Pod',
  *desired(row, read) {
    if (!needsAddress(row)) return;
    const { namespace, name, uid } = row.meta;
    const ref = podRef(namespace, name);
    const self = identityOf(row, read);
    const { ip, owner } = self;
    const invalid = podWish(row)?.invalid;
    if (invalid !== undefined)
      yield problem(ref, 'ValidatePodNetworkFailed', `stage=ValidatePodNetwork error=${invalid}`);
    const assigned = assignment({ ip, ref: podRef(namespace, self.name), uid: self.uid }, read);
    if (!assigned) {
      yield* unassigned(ip, ref, read);
      return;
    }
    yield { hold: ipRef(ip), reason: `pod ${namespace}/${name} uses it`, owner };
    if (self.pods[0]?.meta.uid === uid) {
      const lsp = port(row, assigned, self, read);
      yield lsp;
      yield* memberships(row, assigned, lsp, read);
    }
    const nicType = clusterOf(read).podNicType;
    const values = annotations(assigned, self, nicType);
    yield annotated(row, values, owner);
    yield {
      plan: `port/${namespace}/${name}/ovn`,
      span: new Set([row.node]),
      owner,
      item: item(row, assigned, { ifaceId: ip, nicType, values }),
    };
  },
};

function port(row: PodRow, { ip, network }: Assignment, self: Identity, read: WorldRead): RowFact {
  // ovn-controller compares with the name and with the hostname of its chassis, and the agent sets the latter.
  const chassis = self.pods.map(({ node }) => read.get('host', node)?.chassis || node);
  return vifPort({
    owner: self.owner,
    name: self.ip,
    subnet: network.name,
    mac: ip.mac,
    addresses: ip.addresses,
    chassis: [...new Set(chassis)].join(','),
    external: { pod: `${row.meta.namespace}/${self.name}` },
  });
}

/** Pods of other VPCs are in no group of a node: their addresses may be those of others. */
function* memberships(row: PodRow, { network }: Assignment, lsp: RowFact, read: WorldRead): Generator<Fact> {
  const host = read.get('host', row.node);
  if (network.vpc !== clusterOf(read).defaultVpc || !host) return;
  yield groupMember(host.groups.all, lsp.id, lsp.owner);
  if (network.gatewayType === 'distributed') yield groupMember(host.groups.distributed, lsp.id, lsp.owner);
}

type NicType = PortItem['nicType'];
type Annotations = Readonly<Record<string, string>>;

/** `allocated` and `routed` come together: the port, its groups and its address are one transaction. */
function annotations({ ip, network }: Assignment, { name, pods }: Identity, nicType: NicType): Annotations {
  return {
    'ovn.kubernetes.io/allocated': 'true',
    'ovn.kubernetes.io/routed': 'true',
    'ovn.kubernetes.io/ip_address': ip.addresses.join(','),
    'ovn.kubernetes.io/mac_address': ip.mac,
    'ovn.kubernetes.io/cidr': network.cidrs.join(','),
    'ovn.kubernetes.io/gateway': network.gateways.join(','),
    'ovn.kubernetes.io/logical_switch': network.name,
    ...(network.overlay && { 'ovn.kubernetes.io/logical_router': network.vpc }),
    'ovn.kubernetes.io/pod_nic_type': nicType,
    ...(pods.some((pod) => pod.meta.name !== name) && { 'ovn.kubernetes.io/virtualmachine': name }),
  };
}

const annotated = (row: PodRow, values: Annotations, owner: Owner): Fact => ({
  object: podRef(row.meta.namespace, row.meta.name),
  uid: row.meta.uid,
  owner,
  manager,
  after: 'applied',
  generated: false,
  manifest: { metadata: { annotations: values } },
});

interface Interface {
  readonly ifaceId: string;
  readonly nicType: NicType;
  readonly values: Annotations;
}

function item(row: PodRow, { ip, network }: Assignment, { ifaceId, nicType, values }: Interface): PortItem {
  const { namespace, name, uid } = row.meta;
  const seen = row.meta.annotations;
  return {
    kind: 'port',
    pod: { namespace, name, uid },
    provider: 'ovn',
    ifaceId,
    subnet: network.name,
    mac: ip.mac,
    addresses: withLength(ip.addresses, network),
    gateways: ip.addresses.map((address) => ofFamily(network.gateways, address) ?? ''),
    routes: [],
    defaultRoute: true,
    mtu: network.mtu,
    nicType,
    announced: Object.entries(values).every(([key, value]) => seen[key] === value),
  };
}
