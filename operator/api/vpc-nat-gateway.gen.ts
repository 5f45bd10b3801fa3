// Generated from crds/vpc-nat-gateway.yaml by `npm run generate`. Do not edit.
/**
 * What the user wants.
 */
export interface VpcNatGatewaySpec {
/**
 * Pod affinity object.
 */
affinity?: {

}
/**
 * Extra pod template annotations.
 */
annotations?: {
[k: string]: string
}
/**
 * BFD to the VPC bfdPort (HA only).
 */
bfd?: {
/**
 * BFD with vpc bfdPort.
 */
enabled?: boolean
/**
 * Receive interval in ms.
 */
minRX?: number
/**
 * Transmit interval in ms.
 */
minTX?: number
/**
 * Detect multiplier.
 */
multiplier?: number
}
/**
 * A BGP speaker beside the gateway.
 */
bgpSpeaker?: {
/**
 * The AS number of the speaker.
 */
asn?: number
/**
 * BGP graceful restart (RFC 4724).
 */
enableGracefulRestart?: boolean
/**
 * Run the sidecar.
 */
enabled?: boolean
/**
 * Additional speaker flags.
 */
extraArgs?: string[]
/**
 * BGP hold time.
 */
holdTime?: string
/**
 * Peer addresses (v4 and v6).
 */
neighbors?: string[]
/**
 * TCP MD5 secret.
 */
password?: string
/**
 * The AS number of the peers.
 */
remoteAsn?: number
/**
 * BGP router id.
 */
routerId?: string
}
/**
 * Names of external subnets (first used).
 */
externalSubnets?: string[]
/**
 * CIDRs auto-routed to the gateway.
 */
internalCIDRs?: string[]
/**
 * Subnets auto-routed to the gateway.
 */
internalSubnets?: string[]
/**
 * Static IP on eth0 (replicas=1).
 */
lanIp?: string
/**
 * Workload namespace, immutable.
 */
namespace?: string
/**
 * No address on net1 when the gateway is made.
 */
noDefaultEIP?: boolean
/**
 * QoSPolicy (bindingType NATGW).
 */
qosPolicy?: string
/**
 * Number of gateway pods. More than one need a Deployment with anti-affinity; a change between one and more is refused.
 */
replicas?: number
/**
 * Extra routes inside the pod; nextHopIP may be the word gateway.
 */
routes?: {
/**
 * Where the route leads.
 */
cidr?: string
/**
 * Next hop IP or "gateway".
 */
nextHopIP?: string
}[]
/**
 * Node labels as k:v.
 */
selector?: string[]
/**
 * Internal subnet.
 */
subnet?: string
/**
 * Pod tolerations.
 */
tolerations?: {
/**
 * NoSchedule, PreferNoSchedule or NoExecute; empty for all.
 */
effect?: string
/**
 * Key of the taint; empty for all, with operator Exists.
 */
key?: string
/**
 * Exists or Equal.
 */
operator?: string
/**
 * How long NoExecute is tolerated, in seconds; by default for ever.
 */
tolerationSeconds?: number
/**
 * Value of the taint, for Equal.
 */
value?: string
}[]
/**
 * The VPC that is served.
 */
vpc?: string
}

/**
 * What the operator found and did.
 */
export interface VpcNatGatewayStatus {
/**
 * As last applied.
 */
affinity?: {

}
/**
 * As last applied.
 */
externalSubnets?: string[]
/**
 * As last applied.
 */
internalCIDRs?: string[]
/**
 * As last applied.
 */
internalSubnets?: string[]
/**
 * Internal address in use.
 */
lanIp?: string
/**
 * Policy applied in the pods.
 */
qosPolicy?: string
/**
 * Whether the workload is ready.
 */
ready?: boolean
/**
 * Last applied replica count.
 */
replicas?: number
/**
 * Last applied node selector.
 */
selector?: string[]
/**
 * As last applied.
 */
tolerations?: {
/**
 * NoSchedule, PreferNoSchedule or NoExecute; empty for all.
 */
effect?: string
/**
 * Key of the taint; empty for all, with operator Exists.
 */
key?: string
/**
 * Exists or Equal.
 */
operator?: string
/**
 * How long NoExecute is tolerated, in seconds; by default for ever.
 */
tolerationSeconds?: number
/**
 * Value of the taint, for Equal.
 */
value?: string
}[]
/**
 * Generated workload.
 */
workload?: {
/**
 * API version of the workload.
 */
apiVersion?: string
/**
 * Deployment (or StatefulSet for a single NAT gateway).
 */
kind?: string
/**
 * Its name.
 */
name?: string
/**
 * Sorted nodes where pods run.
 */
nodes?: string[]
}
}
