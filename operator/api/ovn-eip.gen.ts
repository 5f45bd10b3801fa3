// Generated from crds/ovn-eip.yaml by `npm run generate`. Do not edit.
/**
 * What the user wants.
 */
export interface OvnEipSpec {
/**
 * Name of the external subnet; by default the setting external-gateway-switch.
 */
externalSubnet?: string
/**
 * Wanted or allocated MAC.
 */
macAddress?: string
/**
 * nat (default), lrp or lsp.
 */
type?: string
/**
 * Wanted or allocated IPv4.
 */
v4Ip?: string
/**
 * Wanted or allocated IPv6.
 */
v6Ip?: string
}

/**
 * What the operator found and did.
 */
export interface OvnEipStatus {
/**
 * Conditions of the object.
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
 * MAC in effect.
 */
macAddress?: string
/**
 * Which of dnat, fip and snat use it, comma separated.
 */
nat?: string
/**
 * Whether the address is allocated and its port exists.
 */
ready?: boolean
/**
 * nat, lrp or lsp.
 */
type?: string
/**
 * IPv4 in effect.
 */
v4Ip?: string
/**
 * IPv6 in effect.
 */
v6Ip?: string
}
