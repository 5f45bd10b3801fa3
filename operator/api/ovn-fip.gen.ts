// Generated from crds/ovn-fip.yaml by `npm run generate`. Do not edit.
/**
 * What the user wants.
 */
export interface OvnFipSpec {
/**
 * Name of an IP or Vip inside of the VPC.
 */
ipName?: string
/**
 * Empty for an IP, vip for a Vip.
 */
ipType?: string
/**
 * Name of the OvnEip (type nat).
 */
ovnEip?: string
/**
 * distributed or centralized; by default as the external gateway is.
 */
type?: string
/**
 * Instead of ipName.
 */
v4Ip?: string
/**
 * Internal IPv6 when ipName is not used.
 */
v6Ip?: string
/**
 * Instead of ipName.
 */
vpc?: string
}

/**
 * What the operator found and did.
 */
export interface OvnFipStatus {
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
 * The MAC in the NAT row.
 */
macAddress?: string
/**
 * Whether the rows exist in the northbound database.
 */
ready?: boolean
/**
 * External IPv4 in the NB row.
 */
v4Eip?: string
/**
 * Internal IPv4 in the NB row.
 */
v4Ip?: string
/**
 * External IPv6 in the NB row.
 */
v6Eip?: string
/**
 * Internal IPv6 in the NB row.
 */
v6Ip?: string
/**
 * Name of the router that has the row.
 */
vpc?: string
}
