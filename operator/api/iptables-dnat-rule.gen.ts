// Generated from crds/iptables-dnat-rule.yaml by `npm run generate`. Do not edit.
/**
 * What the user wants.
 */
export interface IptablesDnatRuleSpec {
/**
 * Name of the IptablesEIP whose address is used.
 */
eip?: string
/**
 * Port on the EIP.
 */
externalPort?: string
/**
 * Backend address inside the VPC.
 */
internalIp?: string
/**
 * Backend port.
 */
internalPort?: string
/**
 * tcp or udp.
 */
protocol?: string
/**
 * exclusive: one rule per address, port and protocol. share: several rules, balanced. Immutable.
 */
type?: ("exclusive" | "share")
}

/**
 * What the operator found and did.
 */
export interface IptablesDnatRuleStatus {
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
 * Applied external port.
 */
externalPort?: string
/**
 * Applied backend address.
 */
internalIp?: string
/**
 * Applied backend port.
 */
internalPort?: string
/**
 * The gateway that has the rule.
 */
natGwDp?: string
/**
 * Applied protocol.
 */
protocol?: string
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
