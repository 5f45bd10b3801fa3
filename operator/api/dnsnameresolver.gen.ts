// Generated from crds/dnsnameresolver.yaml by `npm run generate`. Do not edit.
/**
 * What the user wants.
 */
export interface DNSNameResolverSpec {
/**
 * Domain name with its final dot; may start with "*.".
 */
name: string
}

/**
 * What the operator found and did.
 */
export interface DNSNameResolverStatus {
/**
 * One entry per concrete name that matched (one, or several for a wildcard).
 */
resolvedNames?: {
/**
 * Per name resolution state, e.g. Degraded.
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
 * Concrete FQDN with final dot.
 */
dnsName: string
/**
 * Consecutive failed look-ups.
 */
resolutionFailures?: number
/**
 * Addresses with TTL and time of look-up.
 */
resolvedAddresses: {
/**
 * Resolved address, merged into the ANP/CNP address set.
 */
ip: string
/**
 * Time of the last successful look-up.
 */
lastLookupTime: string
/**
 * Remaining validity given by DNS.
 */
ttlSeconds: number
}[]
}[]
}
