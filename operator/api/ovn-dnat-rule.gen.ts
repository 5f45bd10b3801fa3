// Generated from crds/ovn-dnat-rule.yaml by `npm run generate`. Do not edit.
/**
 * What the user wants.
 */
export interface OvnDnatRuleSpec {
/**
 * Port on the EIP.
 */
externalPort?: string
/**
 * Target port.
 */
internalPort?: string
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
 * tcp, udp or sctp.
 */
protocol?: string
/**
 * Internal IPv4 when ipName is not used.
 */
v4Ip?: string
/**
 * Internal IPv6 when ipName is not used.
 */
v6Ip?: string
/**
 * The VPC, when nothing else tells it.
 */
vpc?: string
}

/**
 * What the operator found and did.
 */
export interface OvnDnatRuleStatus {
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
 * Applied backend port.
 */
internalPort?: string
/**
 * Name of the IP or Vip behind it.
 */
ipName?: string
/**
 * Applied protocol.
 */
protocol?: string
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
