// Generated from crds/qos-policy.yaml by `npm run generate`. Do not edit.
/**
 * What the user wants.
 */
export interface QoSPolicySpec {
/**
 * The limits.
 */
bandwidthLimitRules?: {
/**
 * Largest burst in MB.
 */
burstMax?: string
/**
 * ingress or egress.
 */
direction?: string
/**
 * NIC in the gateway pod.
 */
interface?: string
/**
 * ip is the only one.
 */
matchType?: string
/**
 * src <cidr> or dst <cidr>.
 */
matchValue?: string
/**
 * Unique name in the policy.
 */
name: string
/**
 * Priority of the tc filter.
 */
priority?: number
/**
 * Mbit/s, decimals allowed.
 */
rateMax?: string
}[]
/**
 * EIP or NATGW: what may carry the policy.
 */
bindingType?: string
/**
 * Whether several may carry it.
 */
shared?: boolean
}

/**
 * What the operator found and did.
 */
export interface QoSPolicyStatus {
/**
 * Rules in effect (mirrors spec).
 */
bandwidthLimitRules?: {
/**
 * As in spec.
 */
burstMax?: string
/**
 * As in spec.
 */
direction?: string
/**
 * As in spec.
 */
interface?: string
/**
 * As in spec.
 */
matchType?: string
/**
 * As in spec.
 */
matchValue?: string
/**
 * As in spec.
 */
name: string
/**
 * As in spec.
 */
priority?: number
/**
 * As in spec.
 */
rateMax?: string
}[]
/**
 * As in spec.
 */
bindingType?: string
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
 * As in spec.
 */
shared?: boolean
}
