// The kinds that are watched and the tables they fill. One reflector per kind; what our own writes return enters by the
// same door, so that nobody waits for the watch to tell what is known already.
import { adminKinds, adminPolicyRow, isAdminKind, type AdminKind } from './api/admin-policy-row.ts';
import { domainRow } from './api/domain-row.ts';
import { eipRow } from './api/eip-row.ts';
import type { Ref } from './api/fact.ts';
import { isLater, laterKey, type LaterKind, laterKinds, laterRef } from './api/later.ts';
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
} from './api/project.ts';
import {
  adminPolicyRef,
  eipRef,
  ipPoolRef,
  objectKey,
  policyModuleRef,
  securityGroupRef,
  routerLbRuleRef,
  serviceRef,
  subnetRef,
  switchLbRuleRef,
  vipRef,
  vlanRef,
  vpcRef,
} from './api/refs.ts';
import type { CentralRow, PodRow } from './api/tables.ts';
import { policyModuleRow } from './api/policy-module.ts';
import { labelledRow, namedPortsRow, networkPolicyRow } from './api/policy-row.ts';
import { lbRuleRow } from './api/lb-rule-row.ts';
import { announcementRow, endpointSliceRow, serviceRow } from './api/service-row.ts';
import { securityGroupRow } from './api/security-row.ts';
import { deploymentRow, natConfigName, natConfigRow } from './api/gateway-row.ts';
import { vipRow } from './api/vip-row.ts';
import type { Member } from './kube/leader-labels.ts';
import type { Part } from './kube/operator.ts';
import { managedBy } from './kube/manifest.ts';
import { into, type Projection } from './kube/mirror.ts';
import type { KubeObject } from './kube/object.ts';
import { Partition } from './kube/partition.ts';
import { Reflector, type ReflectorOptions, type RestartReason } from './kube/reflector.ts';
import { laterResource, resources } from './kube/resources.ts';
import type { ObservedStatus, StatusWriter } from './kube/status.ts';
import { Heard, Notes } from './taps.ts';
import type { World } from './world.ts';

export interface WatchesOptions extends Pick<ReflectorOptions, 'client' | 'clock' | 'log' | 'enter'> {
  readonly world: World;
  /** Where ovn-central and the other workloads of ours run. */
  readonly namespace: string;
  readonly status: () => StatusWriter;
  readonly onMembers: () => void;
  /** A pod that is known has changed; called before its row is entered. */
  readonly onPod: (before: PodRow, now: PodRow) => void;
  readonly onRestart: (kind: string, reason: RestartReason) => void;
}

const own = [
  'Pod',
  'Node',
  'Namespace',
  'IP',
  'IPPool',
  'OvnEip',
  'SecurityGroup',
  'Subnet',
  'Vip',
  'Vlan',
  'Vpc',
  'NetworkAttachmentDefinition',
  'NetworkPolicy',
  'Service',
  'EndpointSlice',
  'ServiceL2Status',
  'Deployment',
  'ConfigMap',
  'SwitchLBRule',
  'RouterLBRule',
  'PolicyModule',
  'DNSNameResolver',
  'ServiceCIDR',
  ...adminKinds,
] as const;
/** Workloads whose pods come back under their names. KubeVirt's are there only where it is installed. */
const keepers = ['StatefulSet', 'VirtualMachine', 'VirtualMachineInstance'] as const;
type Keeper = (typeof keepers)[number];

const optional: ReadonlySet<string> = new Set([
  'OvnEip',
  'SwitchLBRule',
  'RouterLBRule',
  'SecurityGroup',
  'Vip',
  'NetworkAttachmentDefinition',
  'PolicyModule',
  'DNSNameResolver',
  'ServiceL2Status',
  // Since Kubernetes 1.33.
  'ServiceCIDR',
]);

const isOptional = (kind: Kind): boolean =>
  isLater(kind) || isAdminKind(kind) || optional.has(kind) || kind.startsWith('VirtualMachine');

type Kind = (typeof own)[number] | Keeper | LaterKind;

const kinds: readonly Kind[] = [...own, ...keepers, ...Object.keys(laterKinds).filter(isLater)];

const shown = ({ metadata: { resourceVersion }, status: now }: KubeObject): ObservedStatus => ({
  resourceVersion,
  status: now ?? {},
});

/** Kinds with a status of ours to compare with. */
const told = {
  Subnet: subnetRef,
  Vpc: vpcRef,
  IPPool: ipPoolRef,
  Vlan: vlanRef,
  Vip: vipRef,
  OvnEip: eipRef,
  SwitchLBRule: switchLbRuleRef,
  RouterLBRule: routerLbRuleRef,
  Service: (key: string) => serviceRef(...partsOf(key)),
  PolicyModule: policyModuleRef,
  SecurityGroup: securityGroupRef,
  AdminNetworkPolicy: (name: string) => adminPolicyRef('AdminNetworkPolicy', name),
  BaselineAdminNetworkPolicy: (name: string) => adminPolicyRef('BaselineAdminNetworkPolicy', name),
  ClusterNetworkPolicy: (name: string) => adminPolicyRef('ClusterNetworkPolicy', name),
} as const;

/** Policies of the administrator: their kinds share a table. */
const admin = (world: World, kind: AdminKind): Projection =>
  into(new Partition(world.adminPolicy, `${kind}/`), adminPolicyRow(kind));

/** Pods of ovn-central among all. */
function centrals(namespace: string): {
  readonly central: (object: KubeObject) => CentralRow | undefined;
  readonly member: (object: KubeObject) => Member | undefined;
} {
  const isCentral = ({ metadata }: KubeObject): boolean =>
    metadata.namespace === namespace && metadata.labels?.['app'] === 'ovn-central';
  const central = (object: KubeObject): CentralRow | undefined => (isCentral(object) ? centralRow(object) : undefined);
  const member = (object: KubeObject): Member | undefined => {
    const row = central(object);
    const { labels = {}, uid } = object.metadata;
    return row && { namespace, pod: row.pod, uid, ready: row.ready, labels };
  };
  return { central, member };
}

/** Namespace and name of a key. */
function partsOf(key: string): [string, string] {
  const slash = key.indexOf('/');
  return [key.slice(0, slash), key.slice(slash + 1)];
}

/** Kinds of which most objects are none of our business. */
const selections = (namespace: string): Partial<Record<Kind, ReflectorOptions['select']>> => ({
  Deployment: { labelSelector: Object.entries(managedBy).map((pair) => pair.join('='))[0] ?? '' },
  ConfigMap: { namespace, fieldSelector: `metadata.name=${natConfigName}` },
});

function reflector(kind: Kind, projections: readonly Projection[], options: WatchesOptions): Reflector {
  const { client, clock, log, enter, onRestart, namespace } = options;
  const select = selections(namespace)[kind];
  return new Reflector({
    client,
    clock,
    log,
    enter,
    resource: isLater(kind) ? laterResource(kind) : resources[kind],
    projections,
    // A cluster with Kube-OVN's CRDs of another release has not all of them.
    optional: isOptional(kind),
    ...(select && { select }),
    onRestart: (reason) => onRestart(kind, reason),
  });
}

export class Watches implements Part {
  readonly name = 'watches';
  /** The pods of ovn-central, with the labels that say who leads. */
  readonly members: Notes<Member>;
  /** Statuses as the API shows them, by name; of kinds that nothing acts on yet by the keys of table `later`. */
  readonly #status = new Map<string, Notes<ObservedStatus>>();
  readonly #laterStatus: Notes<ObservedStatus>;
  readonly #reflectors: ReadonlyMap<Kind, Reflector>;
  #synced = false;

  constructor(options: WatchesOptions) {
    const { world, namespace, status } = options;
    this.#laterStatus = new Notes('later status', (key) => status().check(laterRef(key)));
    this.members = new Notes('members', () => options.onMembers());
    const { central, member } = centrals(namespace);
    const later = (kind: LaterKind): readonly Projection[] => [
      into(new Partition(world.later, `${kind}/`), laterRow(kind)),
      into(new Partition(this.#laterStatus, `${kind}/`), shown),
    ];
    const statusOf = (kind: keyof typeof told): Projection => {
      const notes = new Notes<ObservedStatus>(`status ${kind}`, (name) => status().check(told[kind](name)));
      this.#status.set(kind, notes);
      return into(notes, shown);
    };
    const keeper = (kind: Keeper): readonly Projection[] => [into(new Partition(world.keeper, `${kind}/`), keeperRow)];
    const acted: Readonly<Record<Exclude<Kind, LaterKind>, readonly Projection[]>> = {
      Pod: [
        into(new Heard(world.pod, options.onPod), podRow),
        into(world.labelled, labelledRow),
        into(world.namedPorts, namedPortsRow),
        into(world.central, central),
        into(this.members, member),
      ],
      Node: [into(world.node, nodeRow)],
      Namespace: [into(world.namespace, namespaceRow)],
      IP: [into(world.ip, ipRow)],
      IPPool: [into(world.ippool, ipPoolRow), statusOf('IPPool')],
      NetworkAttachmentDefinition: [into(world.attachment, attachmentRow)],
      NetworkPolicy: [into(world.networkPolicy, networkPolicyRow)],
      Service: [into(world.service, serviceRow), statusOf('Service')],
      EndpointSlice: [into(world.endpointSlice, endpointSliceRow)],
      ServiceL2Status: [into(world.announcement, announcementRow)],
      PolicyModule: [into(world.policyModule, policyModuleRow), statusOf('PolicyModule')],
      DNSNameResolver: [into(world.domain, domainRow)],
      ServiceCIDR: [into(world.serviceCidr, serviceCidrRow)],
      AdminNetworkPolicy: [admin(world, 'AdminNetworkPolicy'), statusOf('AdminNetworkPolicy')],
      BaselineAdminNetworkPolicy: [admin(world, 'BaselineAdminNetworkPolicy'), statusOf('BaselineAdminNetworkPolicy')],
      ClusterNetworkPolicy: [admin(world, 'ClusterNetworkPolicy'), statusOf('ClusterNetworkPolicy')],
      StatefulSet: keeper('StatefulSet'),
      VirtualMachine: keeper('VirtualMachine'),
      VirtualMachineInstance: keeper('VirtualMachineInstance'),
      Subnet: [into(world.subnet, subnetRow), statusOf('Subnet')],
      Vip: [into(world.vip, vipRow), statusOf('Vip')],
      Deployment: [into(world.deployment, deploymentRow)],
      ConfigMap: [into(world.natConfig, natConfigRow)],
      SwitchLBRule: [into(world.switchLbRule, lbRuleRow), statusOf('SwitchLBRule')],
      RouterLBRule: [into(world.routerLbRule, lbRuleRow), statusOf('RouterLBRule')],
      SecurityGroup: [into(world.securityGroup, securityGroupRow), statusOf('SecurityGroup')],
      OvnEip: [into(world.eip, eipRow), statusOf('OvnEip')],
      Vpc: [into(world.vpc, vpcRow), statusOf('Vpc')],
      Vlan: [into(world.vlan, vlanRow), statusOf('Vlan')],
    };
    const projections = (kind: Kind): readonly Projection[] => (isLater(kind) ? later(kind) : acted[kind]);
    this.#reflectors = new Map(kinds.map((kind) => [kind, reflector(kind, projections(kind), options)]));
  }

  /** The status of an object as the API shows it; undefined when there is no such object. */
  observedStatus(ref: Ref): ObservedStatus | undefined {
    if (isLater(ref.kind)) return this.#laterStatus.get(laterKey(ref));
    return this.#status.get(ref.kind)?.get(objectKey(ref.namespace, ref.name));
  }

  /** Every kind has been listed once. */
  get synced(): boolean {
    return this.#synced;
  }

  /** Resolves when every kind has been listed once. */
  async whenSynced(): Promise<void> {
    await Promise.all([...this.#reflectors.values()].map(({ synced }) => synced));
    this.#synced = true;
  }

  /** Kinds that cannot be read at the moment, and why. */
  get troubles(): Readonly<Record<string, { readonly reason: RestartReason; readonly error: string }>> {
    const waiting = [...this.#reflectors].flatMap(([kind, { state }]) =>
      state.at === 'waiting' && !(state.reason === 'absent' && isOptional(kind))
        ? [[kind, { reason: state.reason, error: state.error }] as const]
        : [],
    );
    return Object.fromEntries(waiting);
  }

  /** Objects known, by kind. */
  get sizes(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#reflectors].map(([kind, { size }]) => [kind, size]));
  }

  /** An object that a write returned. Kinds that are not watched are none of our business. */
  readonly ingest = (object: KubeObject): void => {
    const kind = [...this.#reflectors.keys()].find((known) => known === object.kind);
    if (kind !== undefined) this.#reflectors.get(kind)?.ingest(object);
  };

  start(): void {
    for (const reflector of this.#reflectors.values()) reflector.start();
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#reflectors.values()].map((reflector) => reflector.stop()));
  }
}
