// Generated from crds/vpc-egress-gateway.yaml by `npm run generate`. Do not edit.
/**
 * What the user wants.
 */
export interface VpcEgressGatewaySpec {
/**
 * Limits of each gateway pod.
 */
bandwidth?: {
/**
 * Limit of traffic leaving the VPC (integer Mbit/s or M/Mi/G/Gi text).
 */
egress?: {
[k: string]: unknown
}
/**
 * Limit of traffic entering the VPC.
 */
ingress?: {
[k: string]: unknown
}
}
/**
 * BFD to bfd@<vpc>.
 */
bfd?: {
/**
 * Run bfdd in the pods and BFD rows on the VPC port.
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
 * Name of a BgpConf: the gateways speak BGP.
 */
bgpConf?: string
/**
 * Name of an EvpnConf: the gateways speak EVPN.
 */
evpnConf?: string
/**
 * IPPool for the external NIC.
 */
externalIPPool?: string
/**
 * Static external addresses, at least one per replica.
 */
externalIPs?: string[]
/**
 * Subnet of the external NIC (net1).
 */
externalSubnet: string
/**
 * Pod image; controller image when empty.
 */
image?: string
/**
 * IPPool for the internal NIC.
 */
internalIPPool?: string
/**
 * Static internal addresses.
 */
internalIPs?: string[]
/**
 * Subnet of eth0; VPC default subnet when empty.
 */
internalSubnet?: string
/**
 * Terms (matchLabels, matchExpressions, matchFields) merged into node affinity.
 */
nodeSelector?: {
/**
 * Labels that must have exactly these values.
 */
matchLabels?: {
[k: string]: string
}
/**
 * Further requirements on labels; all must hold.
 */
matchExpressions?: {
/**
 * Key.
 */
key: string
/**
 * In, NotIn, Exists, DoesNotExist, Gt or Lt.
 */
operator: string
/**
 * Values of the operator.
 */
values?: string[]
}[]
/**
 * Requirements on fields of the node; all must hold.
 */
matchFields?: {
/**
 * Key.
 */
key: string
/**
 * In, NotIn, Exists, DoesNotExist, Gt or Lt.
 */
operator: string
/**
 * Values of the operator.
 */
values?: string[]
}[]
}[]
/**
 * Conntrack/interface metrics and JSON flow logs sidecar.
 */
observability?: {
/**
 * Conntrack based data.
 */
conntrack?: {
/**
 * JSON flow log on stdout.
 */
log?: {
/**
 * Whether it is on.
 */
enabled?: boolean
/**
 * Which events: start, end.
 * 
 * @maxItems 2
 */
events?: []|[("start" | "end")]|[("start" | "end"), ("start" | "end")]
/**
 * Include/exclude filters (exclude wins).
 */
filters?: {
/**
 * Drop matching flows.
 * 
 * @maxItems 64
 */
exclude?: {
/**
 * Families matched.
 * 
 * @maxItems 2
 */
addressFamilies?: []|[("ipv4" | "ipv6")]|[("ipv4" | "ipv6"), ("ipv4" | "ipv6")]
/**
 * Kinds of NAT matched.
 * 
 * @maxItems 3
 */
natTypes?: []|[("snat" | "dnat" | "snat_dnat")]|[("snat" | "dnat" | "snat_dnat"), ("snat" | "dnat" | "snat_dnat")]|[("snat" | "dnat" | "snat_dnat"), ("snat" | "dnat" | "snat_dnat"), ("snat" | "dnat" | "snat_dnat")]
/**
 * Match on the pre-NAT tuple.
 */
original?: {
/**
 * Destination prefixes.
 * 
 * @maxItems 64
 */
destinationCIDRs?: string[]
/**
 * Destination port ranges.
 * 
 * @maxItems 64
 */
destinationPorts?: {
/**
 * Last port.
 */
end?: number
/**
 * First port.
 */
start?: number
}[]
/**
 * Source prefixes.
 * 
 * @maxItems 64
 */
sourceCIDRs?: string[]
/**
 * Ranges of source ports.
 * 
 * @maxItems 64
 */
sourcePorts?: {
/**
 * Last port.
 */
end?: number
/**
 * First port.
 */
start?: number
}[]
}
/**
 * Protocols matched.
 * 
 * @maxItems 6
 */
protocols?: []|[("tcp" | "udp" | "sctp" | "icmp" | "icmpv6" | "other")]|[("tcp" | "udp" | "sctp" | "icmp" | "icmpv6" | "other"), ("tcp" | "udp" | "sctp" | "icmp" | "icmpv6" | "other")]|[("tcp" | "udp" | "sctp" | "icmp" | "icmpv6" | "other"), ("tcp" | "udp" | "sctp" | "icmp" | "icmpv6" | "other"), ("tcp" | "udp" | "sctp" | "icmp" | "icmpv6" | "other")]|[("tcp" | "udp" | "sctp" | "icmp" | "icmpv6" | "other"), ("tcp" | "udp" | "sctp" | "icmp" | "icmpv6" | "other"), ("tcp" | "udp" | "sctp" | "icmp" | "icmpv6" | "other"), ("tcp" | "udp" | "sctp" | "icmp" | "icmpv6" | "other")]|[("tcp" | "udp" | "sctp" | "icmp" | "icmpv6" | "other"), ("tcp" | "udp" | "sctp" | "icmp" | "icmpv6" | "other"), ("tcp" | "udp" | "sctp" | "icmp" | "icmpv6" | "other"), ("tcp" | "udp" | "sctp" | "icmp" | "icmpv6" | "other"), ("tcp" | "udp" | "sctp" | "icmp" | "icmpv6" | "other")]|[("tcp" | "udp" | "sctp" | "icmp" | "icmpv6" | "other"), ("tcp" | "udp" | "sctp" | "icmp" | "icmpv6" | "other"), ("tcp" | "udp" | "sctp" | "icmp" | "icmpv6" | "other"), ("tcp" | "udp" | "sctp" | "icmp" | "icmpv6" | "other"), ("tcp" | "udp" | "sctp" | "icmp" | "icmpv6" | "other"), ("tcp" | "udp" | "sctp" | "icmp" | "icmpv6" | "other")]
/**
 * Match on the post-NAT tuple.
 */
translated?: {
/**
 * Destination prefixes.
 * 
 * @maxItems 64
 */
destinationCIDRs?: string[]
/**
 * Destination port ranges.
 * 
 * @maxItems 64
 */
destinationPorts?: {
/**
 * Last port.
 */
end?: number
/**
 * First port.
 */
start?: number
}[]
/**
 * Source prefixes.
 * 
 * @maxItems 64
 */
sourceCIDRs?: string[]
/**
 * Ranges of source ports.
 * 
 * @maxItems 64
 */
sourcePorts?: {
/**
 * Last port.
 */
end?: number
/**
 * First port.
 */
start?: number
}[]
}
}[]
/**
 * Log only matching flows.
 * 
 * @maxItems 64
 */
include?: {
/**
 * Families matched.
 * 
 * @maxItems 2
 */
addressFamilies?: []|[("ipv4" | "ipv6")]|[("ipv4" | "ipv6"), ("ipv4" | "ipv6")]
/**
 * Kinds of NAT matched.
 * 
 * @maxItems 3
 */
natTypes?: []|[("snat" | "dnat" | "snat_dnat")]|[("snat" | "dnat" | "snat_dnat"), ("snat" | "dnat" | "snat_dnat")]|[("snat" | "dnat" | "snat_dnat"), ("snat" | "dnat" | "snat_dnat"), ("snat" | "dnat" | "snat_dnat")]
/**
 * Match on the pre-NAT tuple.
 */
original?: {
/**
 * Destination prefixes.
 * 
 * @maxItems 64
 */
destinationCIDRs?: string[]
/**
 * Destination port ranges.
 * 
 * @maxItems 64
 */
destinationPorts?: {
/**
 * Last port.
 */
end?: number
/**
 * First port.
 */
start?: number
}[]
/**
 * Source prefixes.
 * 
 * @maxItems 64
 */
sourceCIDRs?: string[]
/**
 * Ranges of source ports.
 * 
 * @maxItems 64
 */
sourcePorts?: {
/**
 * Last port.
 */
end?: number
/**
 * First port.
 */
start?: number
}[]
}
/**
 * Protocols matched.
 * 
 * @maxItems 6
 */
protocols?: []|[("tcp" | "udp" | "sctp" | "icmp" | "icmpv6" | "other")]|[("tcp" | "udp" | "sctp" | "icmp" | "icmpv6" | "other"), ("tcp" | "udp" | "sctp" | "icmp" | "icmpv6" | "other")]|[("tcp" | "udp" | "sctp" | "icmp" | "icmpv6" | "other"), ("tcp" | "udp" | "sctp" | "icmp" | "icmpv6" | "other"), ("tcp" | "udp" | "sctp" | "icmp" | "icmpv6" | "other")]|[("tcp" | "udp" | "sctp" | "icmp" | "icmpv6" | "other"), ("tcp" | "udp" | "sctp" | "icmp" | "icmpv6" | "other"), ("tcp" | "udp" | "sctp" | "icmp" | "icmpv6" | "other"), ("tcp" | "udp" | "sctp" | "icmp" | "icmpv6" | "other")]|[("tcp" | "udp" | "sctp" | "icmp" | "icmpv6" | "other"), ("tcp" | "udp" | "sctp" | "icmp" | "icmpv6" | "other"), ("tcp" | "udp" | "sctp" | "icmp" | "icmpv6" | "other"), ("tcp" | "udp" | "sctp" | "icmp" | "icmpv6" | "other"), ("tcp" | "udp" | "sctp" | "icmp" | "icmpv6" | "other")]|[("tcp" | "udp" | "sctp" | "icmp" | "icmpv6" | "other"), ("tcp" | "udp" | "sctp" | "icmp" | "icmpv6" | "other"), ("tcp" | "udp" | "sctp" | "icmp" | "icmpv6" | "other"), ("tcp" | "udp" | "sctp" | "icmp" | "icmpv6" | "other"), ("tcp" | "udp" | "sctp" | "icmp" | "icmpv6" | "other"), ("tcp" | "udp" | "sctp" | "icmp" | "icmpv6" | "other")]
/**
 * Match on the post-NAT tuple.
 */
translated?: {
/**
 * Destination prefixes.
 * 
 * @maxItems 64
 */
destinationCIDRs?: string[]
/**
 * Destination port ranges.
 * 
 * @maxItems 64
 */
destinationPorts?: {
/**
 * Last port.
 */
end?: number
/**
 * First port.
 */
start?: number
}[]
/**
 * Source prefixes.
 * 
 * @maxItems 64
 */
sourceCIDRs?: string[]
/**
 * Ranges of source ports.
 * 
 * @maxItems 64
 */
sourcePorts?: {
/**
 * Last port.
 */
end?: number
/**
 * First port.
 */
start?: number
}[]
}
}[]
}
/**
 * Token bucket for log records.
 */
rateLimit?: {
/**
 * Bucket size.
 */
burst?: number
/**
 * Refill rate.
 */
recordsPerSecond?: number
}
}
/**
 * Conntrack NAT metrics.
 */
metrics?: {
/**
 * Whether it is on.
 */
enabled?: boolean
}
}
/**
 * NIC counters.
 */
interfaceMetrics?: {
/**
 * Whether it is on.
 */
enabled?: boolean
}
/**
 * Container resources of the observer.
 */
resources?: {

}
/**
 * Create a Prometheus ServiceMonitor.
 */
serviceMonitor?: {
/**
 * Annotations on it.
 */
annotations?: {
[k: string]: string
}
/**
 * Labels on it.
 */
labels?: {
[k: string]: string
}
}
}
/**
 * Required or preferred host anti-affinity between replicas.
 */
podAntiAffinity?: ("Required" | "Preferred")
/**
 * Sources by address, and whether they are masqueraded.
 */
policies?: {
/**
 * Source CIDRs.
 */
ipBlocks?: string[]
/**
 * Masquerade these sources at the gateway.
 */
snat?: boolean
/**
 * Source subnets by name.
 */
subnets?: string[]
}[]
/**
 * Workload name prefix, immutable.
 */
prefix?: string
/**
 * Number of gateway pods.
 */
replicas?: number
/**
 * Gateway container resources.
 */
resources?: {

}
/**
 * Sources by pod labels.
 */
selectors?: {
/**
 * Namespaces by label.
 */
namespaceSelector?: {
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
/**
 * Pods by label.
 */
podSelector?: {
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
}[]
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
 * Local only in default VPC: prefer gateway pod of same node.
 */
trafficPolicy?: ("Local" | "Cluster")
/**
 * The VPC; by default ovn-cluster.
 */
vpc?: string
}

/**
 * What the operator found and did.
 */
export interface VpcEgressGatewayStatus {
/**
 * Validated, Ready.
 */
conditions: {
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
 * Addresses on the external NIC of ready pods.
 */
externalIPs?: string[]
/**
 * Addresses on the internal NIC.
 */
internalIPs?: string[]
/**
 * Text selector for the scale subresource.
 */
labelSelector?: string
/**
 * Pending, Processing or Completed.
 */
phase: ("Pending" | "Processing" | "Completed")
/**
 * Whether all replicas are ready with their addresses.
 */
ready?: boolean
/**
 * Observed replicas.
 */
replicas?: number
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
