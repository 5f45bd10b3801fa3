// Generated from crds/iptables-eip.yaml by `npm run generate`. Do not edit.
/**
 * What the user wants.
 */
export interface IptablesEIPSpec {
/**
 * Name of the external subnet; by default ovn-vpc-external-network.
 */
externalSubnet?: string
/**
 * The MAC of the address.
 */
macAddress?: string
/**
 * Namespace of the gateway; filled in by the operator.
 */
namespace?: string
/**
 * VpcNatGateway name, immutable once set.
 */
natGwDp?: string
/**
 * QoSPolicy (bindingType EIP).
 */
qosPolicy?: string
/**
 * Wanted IPv4 (static) or allocated by the controller and written back.
 */
v4ip?: string
/**
 * Wanted IPv6 (static) or allocated by the controller and written back.
 */
v6ip?: string
}

/**
 * What the operator found and did.
 */
export interface IptablesEIPStatus {
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
 * The IPv4 address.
 */
ip?: string
/**
 * Which of fip, snat and dnat use it.
 */
nat?: string
/**
 * QoSPolicy now applied.
 */
qosPolicy?: string
/**
 * Whether the address is in place in the gateway.
 */
ready?: boolean
/**
 * Creation time of the gateway pod that it was last applied to.
 */
redo?: string
}
