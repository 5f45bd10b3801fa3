// Generated from crds/security-group.yaml by `npm run generate`. Do not edit.
/**
 * What the user wants.
 */
export interface SecurityGroupSpec {
/**
 * Allow members to reach each other.
 */
allowSameGroupTraffic?: boolean
/**
 * Rules for traffic out of member ports.
 */
egressRules?: {
/**
 * ipv4 or ipv6.
 */
ipVersion?: string
/**
 * Extra match on own address; source-port match only active when set.
 */
localAddress?: string
/**
 * allow, drop or pass.
 */
policy?: string
/**
 * Last destination port (tcp/udp).
 */
portRangeMax?: number
/**
 * First destination port (tcp/udp).
 */
portRangeMin?: number
/**
 * 1 to 16384; 1 is the strongest.
 */
priority?: number
/**
 * all, icmp, tcp or udp.
 */
protocol?: string
/**
 * IP or CIDR of the other side (remoteType address).
 */
remoteAddress?: string
/**
 * Name of the other group (remoteType securityGroup).
 */
remoteSecurityGroup?: string
/**
 * address or securityGroup.
 */
remoteType?: string
/**
 * Last source port.
 */
sourcePortRangeMax?: number
/**
 * First source port.
 */
sourcePortRangeMin?: number
}[]
/**
 * Rules for traffic into member ports.
 */
ingressRules?: {
/**
 * ipv4 or ipv6.
 */
ipVersion?: string
/**
 * Extra match on own address; source-port match only active when set.
 */
localAddress?: string
/**
 * allow, drop or pass.
 */
policy?: string
/**
 * Last destination port (tcp/udp).
 */
portRangeMax?: number
/**
 * First destination port (tcp/udp).
 */
portRangeMin?: number
/**
 * 1 to 16384; 1 is the strongest.
 */
priority?: number
/**
 * all, icmp, tcp or udp.
 */
protocol?: string
/**
 * IP or CIDR of the other side (remoteType address).
 */
remoteAddress?: string
/**
 * Name of the other group (remoteType securityGroup).
 */
remoteSecurityGroup?: string
/**
 * address or securityGroup.
 */
remoteType?: string
/**
 * Last source port.
 */
sourcePortRangeMax?: number
/**
 * First source port.
 */
sourcePortRangeMin?: number
}[]
/**
 * 0 or 1: OVN tier 2 or 3.
 */
tier?: number
}

/**
 * What the operator found and did.
 */
export interface SecurityGroupStatus {
/**
 * As last applied.
 */
allowSameGroupTraffic?: boolean
/**
 * Last egress sync worked.
 */
egressLastSyncSuccess?: boolean
/**
 * Digest of the rules, to notice changes.
 */
egressMd5?: string
/**
 * Last ingress sync worked.
 */
ingressLastSyncSuccess?: boolean
/**
 * Digest of the rules, to notice changes.
 */
ingressMd5?: string
/**
 * Name of the port group, ovn.sg.<name>.
 */
portGroup?: string
}
