// Generated from crds/ovn-snat-rule.yaml by `npm run generate`. Do not edit.
/**
 * What the user wants.
 */
export interface OvnSnatRuleSpec {
/**
 * Name of an IP as the source.
 */
ipName?: string
/**
 * Name of the OvnEip (type nat).
 */
ovnEip?: string
/**
 * Explicit source with vpc.
 */
v4IpCidr?: string
/**
 * Source IPv6 address or CIDR.
 */
v6IpCidr?: string
/**
 * The VPC, when nothing else tells it.
 */
vpc?: string
/**
 * Name of a subnet whose range is the source.
 */
vpcSubnet?: string
}

/**
 * What the operator found and did.
 */
export interface OvnSnatRuleStatus {
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
 * Whether the rows exist in the northbound database.
 */
ready?: boolean
/**
 * External IPv4 in the NB row.
 */
v4Eip?: string
/**
 * Applied IPv4 source.
 */
v4IpCidr?: string
/**
 * External IPv6 in the NB row.
 */
v6Eip?: string
/**
 * Applied IPv6 source.
 */
v6IpCidr?: string
/**
 * Name of the router that has the row.
 */
vpc?: string
}
