// Generated from crds/subnet.yaml by `npm run generate`. Do not edit.
/**
 * What the user wants.
 */
export interface SubnetSpec {
/**
 * Rules of the user, put on the logical switch as they are.
 */
acls?: {
/**
 * Verdict: allow, allow-related, allow-stateless, drop, reject or pass.
 */
action?: string
/**
 * to-lport or from-lport.
 */
direction?: string
/**
 * An OVN match expression.
 */
match?: string
/**
 * 0 to 32767, used as it is.
 */
priority?: number
}[]
/**
 * With acls set: traffic inside the subnet stays allowed.
 */
allowEWTraffic?: boolean
/**
 * CIDRs that may talk to a private subnet.
 */
allowSubnets?: string[]
/**
 * IPv4, IPv6, or both separated by a comma. Empty only for an underlay subnet without addresses.
 */
cidrBlock?: string
/**
 * Whether namespaces without a subnet of their own use this one; one per VPC.
 */
default?: boolean
/**
 * DHCPv4 options as comma separated k=v.
 */
dhcpV4Options?: string
/**
 * DHCPv6 options as comma separated k=v.
 */
dhcpV6Options?: string
/**
 * A pod may start although the gateway is silent.
 */
disableGatewayCheck?: boolean
/**
 * Keeps the range out of the routes that are advertised to other zones.
 */
disableInterConnection?: boolean
/**
 * Answer DHCP on the ports of the subnet.
 */
enableDHCP?: boolean
/**
 * A centralized gateway uses all ready gateway nodes at once.
 */
enableEcmp?: boolean
/**
 * Service addresses of type LoadBalancer inside this underlay subnet are served by the nodes.
 */
enableExternalLBAddress?: boolean
/**
 * Send IPv6 router advertisements.
 */
enableIPv6RA?: boolean
/**
 * Service load balancing on the switch; by default the setting enable-lb.
 */
enableLb?: boolean
/**
 * Multicast snooping with a querier on the switch.
 */
enableMulticastSnoop?: boolean
/**
 * Addresses that are never given out: single ones or ranges as a..b. The gateway is added.
 */
excludeIps?: string[]
/**
 * Next hops outside of the cluster for egress; excludes natOutgoing.
 */
externalEgressGateway?: string
/**
 * Gateway per family, comma separated; by default the first usable address.
 */
gateway?: string
/**
 * Nodes of a centralized gateway, comma separated; an entry may be node:egressIP.
 */
gatewayNode?: string
/**
 * Nodes of a centralized gateway by label, instead of gatewayNode.
 */
gatewayNodeSelectors?: {
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
}[]
/**
 * distributed (default): traffic leaves on the node of the pod. centralized: it leaves on the gateway nodes.
 */
gatewayType?: string
/**
 * Router advertisement settings as comma separated k=v.
 */
ipv6RAConfigs?: string
/**
 * An underlay subnet uses the logical router as its gateway.
 */
logicalGateway?: boolean
/**
 * MTU of the pods; 0 or absent is the default of the network.
 */
mtu?: number
/**
 * Namespaces that use this subnet, by label.
 */
namespaceSelectors?: {
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
}[]
/**
 * Namespaces that use this subnet, by name.
 */
namespaces?: string[]
/**
 * Masquerade what leaves the cluster.
 */
natOutgoing?: boolean
/**
 * Exceptions from natOutgoing, in order.
 */
natOutgoingPolicyRules?: {
/**
 * nat or forward.
 */
action?: string
/**
 * The packets that the rule is for.
 */
match?: {
/**
 * Addresses or CIDRs of one family, comma separated.
 */
dstIPs?: string
/**
 * Addresses or CIDRs of one family, comma separated.
 */
srcIPs?: string
}
}[]
/**
 * Key in the annotation node_networks of a node: the tunnel address to use.
 */
nodeNetwork?: string
/**
 * Priority of the ip rule for the external egress gateway.
 */
policyRoutingPriority?: number
/**
 * Routing table for the external egress gateway; unique among subnets.
 */
policyRoutingTableID?: number
/**
 * Other subnets may not talk to this one, but for allowSubnets.
 */
private?: boolean
/**
 * IPv4, IPv6, Dual or Mac; computed from the range.
 */
protocol?: string
/**
 * ovn, <nad>.<namespace>.ovn, or <nad>.<namespace> for addresses only.
 */
provider?: string
/**
 * OVN route table of the router port.
 */
routeTable?: string
/**
 * Further switches of u2oInterconnection.
 */
u2oFeatures?: {
/**
 * Only traffic to overlay ranges passes the logical router.
 */
overlayOnlyRouting?: boolean
}
/**
 * Connect an underlay subnet with the overlay by a router port of its own.
 */
u2oInterconnection?: boolean
/**
 * Address of that router port.
 */
u2oInterconnectionIP?: string
/**
 * Virtual addresses for which ports of type virtual are made.
 */
vips?: string[]
/**
 * Name of a Vlan: the subnet is an underlay.
 */
vlan?: string
/**
 * The VPC; by default ovn-cluster. It cannot be moved to another.
 */
vpc?: string
}

/**
 * What the operator found and did.
 */
export interface SubnetStatus {
/**
 * The node that is the centralized gateway now.
 */
activateGateway?: string
/**
 * Ready, Validated and Error.
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
 * Row of DHCP_Options for IPv4.
 */
dhcpV4OptionsUUID?: string
/**
 * Row of DHCP_Options for IPv6.
 */
dhcpV6OptionsUUID?: string
/**
 * Address of the multicast querier.
 */
mcastQuerierIP?: string
/**
 * MAC of the multicast querier.
 */
mcastQuerierMAC?: string
/**
 * The rules in effect.
 */
natOutgoingPolicyRules?: {
/**
 * nat or forward.
 */
action?: string
/**
 * The packets that the rule is for.
 */
match?: {
/**
 * Addresses or CIDRs, comma separated.
 */
dstIPs?: string
/**
 * Addresses or CIDRs, comma separated.
 */
srcIPs?: string
}
/**
 * Twelve hexadecimal digits that name the sets of the rule on the nodes.
 */
ruleID?: string
}[]
/**
 * Address of the u2o router port.
 */
u2oInterconnectionIP?: string
/**
 * MAC of the u2o router port.
 */
u2oInterconnectionMAC?: string
/**
 * Router that the u2o port is on.
 */
u2oInterconnectionVPC?: string
/**
 * Free IPv4 addresses as a-b,c.
 */
v4availableIPrange?: string
/**
 * How many IPv4 addresses are free.
 */
v4availableIPs?: number
/**
 * Used IPv4 addresses as a-b,c.
 */
v4usingIPrange?: string
/**
 * How many IPv4 addresses are used, excluded ones not counted.
 */
v4usingIPs?: number
/**
 * Free IPv6 addresses as a-b,c.
 */
v6availableIPrange?: string
/**
 * How many IPv6 addresses are free.
 */
v6availableIPs?: number
/**
 * Used IPv6 addresses as a-b,c.
 */
v6usingIPrange?: string
/**
 * How many IPv6 addresses are used, excluded ones not counted.
 */
v6usingIPs?: number
}
