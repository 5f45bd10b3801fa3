// The registry of reasons: every problem that a user can meet has its line here, and its line in docs/reasons.md (a test
// keeps them equal). Spelled as Kube-OVN spells them where it has one, since people and tests read them.
export const reasons = {
  InternalError: 'a reconciler failed; what it wanted before is kept as it is',
  AddressSetNotFound:
    'a match names a set or a group that no IPPool and no SecurityGroup fills; a set is empty then, and a rule with a group is left out by OVN',
  ANPWithDuplicatePriority: 'an older AdminNetworkPolicy has the same priority, and this one is not in force',
  ANPWithUnsupportedPriority: 'the AdminNetworkPolicy has a priority above 99 and is not in force',
  AcquireAddressFailed:
    'the pod, node, Vip or OvnEip has no address yet; the message says why, and it is tried again by itself',
  BANPWithUnsupportedName: 'a BaselineAdminNetworkPolicy is in force under the name default alone',
  BfdPortInvalid: 'the BFD port of the VPC cannot be made',
  CNPWithDuplicatePriority:
    'another ClusterNetworkPolicy of the tier has the same priority; both are in force, and where both meet a connection either may decide',
  CNPWithUnsupportedPriority: 'the ClusterNetworkPolicy has a priority above 399 and is not in force',
  CreateACLFailed: 'a part of the policy cannot be used and is left out, so that less is allowed than it says',
  CreateOVNPortFailed: 'the northbound database refuses the port of the pod; it is tried again with pauses',
  EgressInvalid:
    'a rule or an address for what leaves the subnet, or its way to an external gateway, cannot be used and is left out',
  ExternalNotAttached:
    'the router of the VPC has no port on an external subnet that the VPC names; the message says why',
  FeatureNotAvailable: 'fields of the spec have no effect yet; the message names them, and everything else works',
  Conflict: 'two objects want one row in OVN; the first keeps it',
  DefaultSubnetInvalid: 'the default subnet that the VPC names does not exist, or is in another VPC and not used',
  LoadBalancerConflict:
    'another Service, or another rule, has the address and port in this VPC, and keeps it; the rest is balanced',
  LoadBalancerRuleInvalid: 'the rule cannot be followed and has no Service; the message says why',
  ModuleFailing:
    'the module gives no answer to some questions; what they are about is refused or left alone, as failurePolicy says',
  ModuleInvalid: 'the spec of the PolicyModule cannot be used or its module is not run; the message says why',
  GetNADFailed:
    'the network outside by which the Service is to be reached does not exist; what was made for it before stays',
  KindNotAvailable: 'nothing is done for objects of this kind: yet, or without the setting that the message names',
  NameCollision: 'another object has a name that gives the same name in OVN; this one carries a suffix there',
  NamespaceConflict: 'a namespace is bound to two VPCs; the first in the order of names has it',
  NoActiveGatewayFound:
    'no gateway node of the centralized subnet is ready to be the one that it leaves by, so its traffic does not leave the cluster',
  NoReadyGateway:
    'no gateway node of the centralized subnet with ECMP is ready, so its traffic does not leave the cluster',
  NodeAddressConflictWithSubnet:
    'the InternalIP of the node lies in the range of a subnet, whose pods cannot reach the node',
  NodeNetworkUnavailable: 'the join subnet is missing or invalid, so nodes and pods cannot reach each other',
  NodeNetworksInvalid: 'a part of the annotation node_networks of the node cannot be used and is left out',
  ObjectRefused: 'the API server refuses an object or a field that is written for this one; the message says why',
  OptionInvalid: 'an option of DHCP or of router advertisements cannot be used and is left out',
  OvnEipInvalid: 'the spec of the OvnEip cannot be followed: it gets no address, or keeps the one that it has',
  OvnEipNotReady: 'the OvnEip that the rule names has no address yet, or its VPC none on the same external subnet',
  PeeringInvalid: 'a peering of the VPC cannot be made and is left out',
  ReconcileAddressSetFailed: 'the address set of the IPPool cannot be made; the pool itself works',
  PodNetworkAllocationFailed: 'the API server refuses what is written for the pod; the message says why',
  PodNetworkUpdateFailed: 'a network that the pod names cannot be attached; its other networks work',
  ProviderNetworkNotReady:
    'the provider network of the underlay subnet does not exist or is on no node, so nothing passes to or from it',
  Rejected: 'the northbound database refuses a row; it is tried again with pauses, and nobody else waits for it',
  RouteInvalid: 'a static route or a policy route of the VPC cannot be used and is left out',
  SecurityGroupNotFound: 'a SecurityGroup that is named does not exist; nobody is in it',
  SecurityGroupRuleInvalid:
    'a rule of the SecurityGroup cannot be read: one that allows is left out, any other drops all that it may have meant',
  SetLogicalSwitchAclsFailed:
    'a rule in acls is malformed and left out; what it would keep out may get in, so the subnet is not ready',
  UpdateIPAMFailed: 'the IPPool cannot be used as it is; what was in force before stays',
  ValidateLogicalSwitchFailed: 'the spec of the subnet breaks a rule; nothing is built for it',
  ValidatePodNetworkFailed:
    'an annotation of the pod cannot be understood; what it asks for is not done, and a pod without an address gets none',
  ValidateSvcFailed:
    'the Service cannot be reached from outside as it asks for; the message says why, and what was made for it before stays',
  ValidateSubnetVlanFailed: 'the Vlan of the subnet does not exist or is in conflict',
  VipInvalid: 'the spec of the Vip cannot be followed: it gets no address, or keeps the one that it has',
  VlanConflict: 'another Vlan has the same provider network and id; the older is right',
  VpcNotFound: 'the VPC that is named does not exist; a subnet is not routed, a Service is not balanced',
  Waiting: 'a row waits for another one that it refers to',
} as const;

export type Reason = keyof typeof reasons;

/** Reasons of what lies with the cluster and not with what somebody wrote: it comes right without another spec. */
export const passing: ReadonlySet<Reason> = new Set<Reason>([
  'AcquireAddressFailed',
  'KindNotAvailable',
  'NodeNetworkUnavailable',
  'NoActiveGatewayFound',
  'NoReadyGateway',
  'OvnEipNotReady',
  'ProviderNetworkNotReady',
  'Waiting',
]);

/** Reasons of what does not keep an object from being used: it is ready all the same. */
export const advisory: ReadonlySet<Reason> = new Set<Reason>([
  'CNPWithDuplicatePriority',
  'FeatureNotAvailable',
  'OptionInvalid',
]);

/** Whether the status of a kind has conditions; what is wrong with others is told by events and fields. */
export const hasConditions = (kind: string): boolean => kind !== 'SecurityGroup' && kind !== 'Service';

/** Reasons in the conditions of a kind. */
export interface ConditionWords {
  /** Of Ready=True. */
  readonly ready: string;
  /** Of Validated=True. */
  readonly valid: string;
  /** The problem that makes Validated False: what the spec says cannot be followed. */
  readonly invalid: Reason;
  /** Its conditions are of the API's own type (metav1.Condition), which has no time of the last update. */
  readonly plain?: true;
}

const usual: ConditionWords = {
  ready: 'ResetLogicalSwitchAclSuccess',
  valid: 'ValidateLogicalSwitchSuccess',
  invalid: 'ValidateLogicalSwitchFailed',
};

const adminWords = (invalid: Reason): ConditionWords => ({
  ready: 'SetupSucceeded',
  valid: 'SetupSucceeded',
  invalid,
  plain: true,
});

const ruleWords: ConditionWords = {
  ready: 'ServiceReady',
  valid: 'ValidateRuleSuccess',
  invalid: 'LoadBalancerRuleInvalid',
};

/** Kube-OVN's where it has some; it gives a Vip no conditions. */
const words: Readonly<Record<string, ConditionWords>> = {
  IPPool: { ready: 'UpdateIPAMSucceeded', valid: 'UpdateIPAMSucceeded', invalid: 'UpdateIPAMFailed' },
  PolicyModule: { ready: 'ModuleInForce', valid: 'ModuleLoaded', invalid: 'ModuleInvalid' },
  AdminNetworkPolicy: adminWords('ANPWithUnsupportedPriority'),
  BaselineAdminNetworkPolicy: adminWords('BANPWithUnsupportedName'),
  ClusterNetworkPolicy: adminWords('CNPWithUnsupportedPriority'),
  SwitchLBRule: ruleWords,
  RouterLBRule: ruleWords,
  OvnEip: { ready: 'AcquireAddressSucceeded', valid: 'ValidateOvnEipSuccess', invalid: 'OvnEipInvalid' },
  Vip: { ready: 'AcquireAddressSucceeded', valid: 'ValidateVipSuccess', invalid: 'VipInvalid' },
};

export const wordsOf = (kind: string): ConditionWords => words[kind] ?? usual;
