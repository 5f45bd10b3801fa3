// Generated from crds/vpc.yaml by `npm run generate`. Do not edit.
/**
 * What the user wants.
 */
export interface VpcSpec {
/**
 * A router port used only for BFD with gateway pods.
 */
bfdPort?: {
/**
 * Whether to make it.
 */
enabled?: boolean
/**
 * One address per family, comma separated.
 */
ip?: string
/**
 * Nodes that may host it; by default three are chosen.
 */
nodeSelector?: {
/**
 * Labels that must have exactly these values.
 */
matchLabels?: {
[k: string]: string
}
/**
 * Further requirements; all must hold.
 */
matchExpressions?: {
/**
 * Label key.
 */
key: string
/**
 * In, NotIn, Exists or DoesNotExist.
 */
operator: string
/**
 * Values for In and NotIn.
 */
values?: string[]
}[]
}
}
/**
 * The subnet for namespaces of this VPC.
 */
defaultSubnet?: string
/**
 * BFD towards external gateways and ECMP next hops.
 */
enableBfd?: boolean
/**
 * Attach the router to the external subnet.
 */
enableExternal?: boolean
/**
 * Further underlay subnets to attach to.
 */
extraExternalSubnets?: string[]
/**
 * Namespaces that are bound to this VPC.
 */
namespaces?: string[]
/**
 * Router policies of the user.
 */
policyRoutes?: {
/**
 * allow, drop or reroute.
 */
action?: string
/**
 * An OVN match expression.
 */
match?: string
/**
 * Next hops, comma separated; only for reroute.
 */
nextHopIP?: string
/**
 * 0 to 32767.
 */
priority?: number
}[]
/**
 * Static routes of the user.
 */
staticRoutes?: {
/**
 * Row of BFD that watches the next hop.
 */
bfdId?: string
/**
 * Prefix or address.
 */
cidr?: string
/**
 * normal, ecmp or ecmp_symmetric_reply.
 */
ecmpMode?: string
/**
 * One address.
 */
nextHopIP?: string
/**
 * policyDst (default) or policySrc.
 */
policy?: string
/**
 * Empty is the main table.
 */
routeTable?: string
}[]
/**
 * Links to other routers.
 */
vpcPeerings?: {
/**
 * Address with prefix of the local end, comma separated by family.
 */
localConnectIP?: string
/**
 * The other VPC.
 */
remoteVpc?: string
}[]
}

/**
 * What the operator found and did.
 */
export interface VpcStatus {
/**
 * The BFD port in effect.
 */
bfdPort?: {
/**
 * Its address.
 */
ip?: string
/**
 * Its name.
 */
name?: string
/**
 * Nodes that may host it.
 */
nodes?: string[]
}
/**
 * Conditions of the VPC.
 */
conditions?: {
/**
 * Ready, Validated, Error or Init.
 */
type: string
/**
 * True, False or Unknown.
 */
status: string
/**
 * One CamelCase word from the registry of reasons.
 */
reason?: string
/**
 * What a person needs to know.
 */
message?: string
/**
 * Generation of the object that the condition speaks of.
 */
observedGeneration?: number
/**
 * When any part of the condition changed.
 */
lastUpdateTime?: string
/**
 * When the status of the condition changed.
 */
lastTransitionTime?: string
}[]
/**
 * Whether this is the default VPC.
 */
default?: boolean
/**
 * The default subnet.
 */
defaultLogicalSwitch?: string
/**
 * BFD as observed.
 */
enableBfd?: boolean
/**
 * External attachment as observed.
 */
enableExternal?: boolean
/**
 * External subnets attached.
 */
extraExternalSubnets?: string[]
/**
 * Name of the logical router.
 */
router?: string
/**
 * Load balancer for SCTP.
 */
sctpLoadBalancer?: string
/**
 * Load balancer for SCTP with session affinity.
 */
sctpSessionLoadBalancer?: string
/**
 * True once the router exists.
 */
standby?: boolean
/**
 * Subnets of the VPC, sorted.
 */
subnets?: string[]
/**
 * Load balancer for TCP.
 */
tcpLoadBalancer?: string
/**
 * Load balancer for TCP with session affinity.
 */
tcpSessionLoadBalancer?: string
/**
 * Load balancer for UDP.
 */
udpLoadBalancer?: string
/**
 * Load balancer for UDP with session affinity.
 */
udpSessionLoadBalancer?: string
/**
 * Peers in effect.
 */
vpcPeerings?: string[]
}
