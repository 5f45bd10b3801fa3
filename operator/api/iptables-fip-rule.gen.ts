// Generated from crds/iptables-fip-rule.yaml by `npm run generate`. Do not edit.
/**
 * What the user wants.
 */
export interface IptablesFIPRuleSpec {
/**
 * Name of the IptablesEIP whose address is used.
 */
eip?: string
/**
 * Address mapped 1:1 to the EIP.
 */
internalIp?: string
}

/**
 * What the operator found and did.
 */
export interface IptablesFIPRuleStatus {
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
 * Applied internal address.
 */
internalIp?: string
/**
 * The gateway that has the rule.
 */
natGwDp?: string
/**
 * Whether the rule is in place in the gateway pods.
 */
ready?: boolean
/**
 * Creation time of the gateway pod that the rule was last applied to; the rule is applied anew to another.
 */
redo?: string
/**
 * EIP IPv4 address in effect.
 */
v4ip?: string
/**
 * EIP IPv6 address in effect.
 */
v6ip?: string
}
