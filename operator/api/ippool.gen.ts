// Generated from crds/ippool.yaml by `npm run generate`. Do not edit.
/**
 * What the user wants.
 */
export interface IPPoolSpec {
/**
 * Keep an OVN Address_Set named like the pool (dash becomes dot).
 */
enableAddressSet?: boolean
/**
 * Addresses, CIDRs or ranges as a..b.
 */
ips: string[]
/**
 * Pods of these namespaces take IPs only from bound pools.
 */
namespaces?: string[]
/**
 * The subnet that the pool is a part of.
 */
subnet: string
}

/**
 * What the operator found and did.
 */
export interface IPPoolStatus {
/**
 * Ready and Error.
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
 * Free IPv4 ranges of the pool as text.
 */
v4AvailableIPRange?: string
/**
 * Number of free IPv4 addresses.
 */
v4AvailableIPs?: number
/**
 * Used IPv4 ranges.
 */
v4UsingIPRange?: string
/**
 * Number of used IPv4 addresses.
 */
v4UsingIPs?: number
/**
 * Free IPv6 ranges of the pool as text.
 */
v6AvailableIPRange?: string
/**
 * Number of free IPv6 addresses.
 */
v6AvailableIPs?: number
/**
 * Used IPv6 ranges.
 */
v6UsingIPRange?: string
/**
 * Number of used IPv6 addresses.
 */
v6UsingIPs?: number
}
