// The door by which objects of the API enter a world without a watch: for whoever computes what they make and acts on
// nothing, as `kubeloom plan` and the tests do. Kinds that are not here make nothing.
import { adminKinds, adminPolicyRow, type AdminKind } from './api/admin-policy-row.ts';
import { domainRow } from './api/domain-row.ts';
import { eipRow } from './api/eip-row.ts';
import type { Table } from '../lib/graph/types.ts';
import type { Ref } from './api/fact.ts';
import { isLater, laterKinds } from './api/later.ts';
import {
  attachmentRow,
  ipPoolRow,
  ipRow,
  laterRow,
  namespaceRow,
  nodeRow,
  podRow,
  serviceCidrRow,
  subnetRow,
  vlanRow,
  vpcRow,
} from './api/project.ts';
import { policyModuleRow } from './api/policy-module.ts';
import { labelledRow, namedPortsRow, networkPolicyRow } from './api/policy-row.ts';
import { adminPolicyRef, kubeOvn, policyModuleRef } from './api/refs.ts';
import { lbRuleRow } from './api/lb-rule-row.ts';
import { announcementRow, endpointSliceRow, serviceRow } from './api/service-row.ts';
import { securityGroupRow } from './api/security-row.ts';
import { vipRow } from './api/vip-row.ts';
import type { World } from './world.ts';

type Enter = (world: World, key: string, object: unknown) => void;

const entering =
  <V>(table: (world: World) => Table<V>, project: (object: unknown) => V | undefined): Enter =>
  (world, key, object) => {
    const row = object === undefined ? undefined : project(object);
    if (row === undefined) table(world).delete(key);
    else table(world).set(key, row);
  };

const core = 'v1';

/** The kinds share a table. */
const adminDoor = (kind: AdminKind): { readonly apiVersion: string; readonly enter: Enter } => ({
  apiVersion: adminPolicyRef(kind, '').apiVersion,
  enter: (world, key, object) =>
    entering(({ adminPolicy }) => adminPolicy, adminPolicyRow(kind))(world, `${kind}/${key}`, object),
});

const doors: Readonly<Record<string, { readonly apiVersion: string; readonly enter: Enter }>> = {
  Pod: {
    apiVersion: core,
    enter: (world, key, object) => {
      entering(({ pod }) => pod, podRow)(world, key, object);
      entering(({ labelled }) => labelled, labelledRow)(world, key, object);
      entering(({ namedPorts }) => namedPorts, namedPortsRow)(world, key, object);
    },
  },
  NetworkPolicy: {
    apiVersion: 'networking.k8s.io/v1',
    enter: entering((world) => world.networkPolicy, networkPolicyRow),
  },
  Service: { apiVersion: core, enter: entering((world) => world.service, serviceRow) },
  EndpointSlice: {
    apiVersion: 'discovery.k8s.io/v1',
    enter: entering((world) => world.endpointSlice, endpointSliceRow),
  },
  ServiceL2Status: {
    apiVersion: 'metallb.io/v1beta1',
    enter: entering((world) => world.announcement, announcementRow),
  },
  // What a module decides is here when whoever runs it has written its answers into the world.
  PolicyModule: {
    apiVersion: policyModuleRef('').apiVersion,
    enter: entering((world) => world.policyModule, policyModuleRow),
  },
  DNSNameResolver: { apiVersion: kubeOvn, enter: entering((world) => world.domain, domainRow) },
  ...Object.fromEntries(adminKinds.map((kind) => [kind, adminDoor(kind)])),
  ServiceCIDR: {
    apiVersion: 'networking.k8s.io/v1',
    enter: entering((world) => world.serviceCidr, serviceCidrRow),
  },
  Node: { apiVersion: core, enter: entering((world) => world.node, nodeRow) },
  Namespace: { apiVersion: core, enter: entering((world) => world.namespace, namespaceRow) },
  IP: { apiVersion: kubeOvn, enter: entering((world) => world.ip, ipRow) },
  IPPool: { apiVersion: kubeOvn, enter: entering((world) => world.ippool, ipPoolRow) },
  SecurityGroup: { apiVersion: kubeOvn, enter: entering((world) => world.securityGroup, securityGroupRow) },
  Subnet: { apiVersion: kubeOvn, enter: entering((world) => world.subnet, subnetRow) },
  Vip: { apiVersion: kubeOvn, enter: entering((world) => world.vip, vipRow) },
  Vpc: { apiVersion: kubeOvn, enter: entering((world) => world.vpc, vpcRow) },
  OvnEip: { apiVersion: kubeOvn, enter: entering((world) => world.eip, eipRow) },
  SwitchLBRule: { apiVersion: kubeOvn, enter: entering((world) => world.switchLbRule, lbRuleRow) },
  RouterLBRule: { apiVersion: kubeOvn, enter: entering((world) => world.routerLbRule, lbRuleRow) },
  Vlan: { apiVersion: kubeOvn, enter: entering((world) => world.vlan, vlanRow) },
  NetworkAttachmentDefinition: {
    apiVersion: 'k8s.cni.cncf.io/v1',
    enter: entering((world) => world.attachment, attachmentRow),
  },
};

type Door = (typeof doors)[string];

/** All kinds that nothing acts on yet share a table. */
const laterDoor = (kind: string): Door => ({
  apiVersion: kubeOvn,
  enter: (world, key, object) => entering(({ later }) => later, laterRow(kind))(world, `${kind}/${key}`, object),
});

const doorOf = (kind: string): Door | undefined => (isLater(kind) ? laterDoor(kind) : doors[kind]);

/** A kind of an API group; others may have a kind of the same name. */
type Type = Pick<Ref, 'apiVersion' | 'kind'>;

/** All kinds that are taken. */
export const takenTypes: readonly Type[] = [
  ...Object.entries(doors).map(([kind, { apiVersion }]) => ({ apiVersion, kind })),
  ...Object.keys(laterKinds).map((kind) => ({ apiVersion: kubeOvn, kind })),
];

/** Whether objects of this kind make anything, or are told that they do not. */
export const isTaken = ({ apiVersion, kind }: Type): boolean => doorOf(kind)?.apiVersion === apiVersion;

/** Sets or (`object` undefined) removes one object, inside `graph.enter`. `key` is `namespace/name`, or the name alone. */
export function take(world: World, type: Type, { key, object }: { key: string; object: unknown }): void {
  if (isTaken(type)) doorOf(type.kind)?.enter(world, key, object);
}
