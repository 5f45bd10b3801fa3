// Generated from crds/vip.yaml by `npm run generate`. Do not edit.
/**
 * What the user wants.
 */
export interface VipSpec {
/**
 * Legacy field of Kube-OVN.
 */
attachSubnets?: string[]
/**
 * The wanted MAC; by default one is made.
 */
macAddress?: string
/**
 * Namespace whose pods may hold it as allowed-address pair.
 */
namespace?: string
/**
 * Labels as k:v.
 */
selector?: string[]
/**
 * The subnet that the address is taken from.
 */
subnet?: string
/**
 * Empty for an allowed-address pair, switch_lb_vip or kube_host_vm_vip.
 */
type?: string
/**
 * Optional fixed address.
 */
v4ip?: string
/**
 * Optional fixed address, lower case.
 */
v6ip?: string
}

/**
 * What the operator found and did.
 */
export interface VipStatus {
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
 * The MAC; for switch_lb_vip that of the gateway.
 */
mac?: string
/**
 * As in spec.
 */
selector?: string[]
/**
 * As in spec.
 */
type?: string
/**
 * IPv4 in effect.
 */
v4ip?: string
/**
 * IPv6 in effect.
 */
v6ip?: string
}
