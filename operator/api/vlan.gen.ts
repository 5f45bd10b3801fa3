// Generated from crds/vlan.yaml by `npm run generate`. Do not edit.
/**
 * What the user wants.
 */
export interface VlanSpec {
/**
 * The VLAN id; 0 is untagged.
 */
id?: number
/**
 * ProviderNetwork name.
 */
provider: string
/**
 * Deprecated in Kube-OVN; has no effect.
 */
providerInterfaceName?: string
/**
 * Deprecated in Kube-OVN; has no effect.
 */
vlanId?: number
}

/**
 * What the operator found and did.
 */
export interface VlanStatus {
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
 * Whether another Vlan has the same provider and id.
 */
conflict?: boolean
/**
 * The subnets that use it.
 */
subnets?: string[]
}
