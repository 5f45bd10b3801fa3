// Generated from crds/router-lb-rule.yaml by `npm run generate`. Do not edit.
/**
 * What the user wants.
 */
export interface RouterLBRuleSpec {
/**
 * Static backends.
 */
endpoints?: string[]
/**
 * Namespace of the generated Service rlr-<name>; by default "default".
 */
namespace?: string
/**
 * Name of the OvnEip (type nat or lrp) with the address.
 */
ovnEip?: string
/**
 * The ports.
 */
ports?: {
/**
 * Port name.
 */
name?: string
/**
 * Port on the VIP.
 */
port?: number
/**
 * TCP (default), UDP or SCTP.
 */
protocol?: string
/**
 * Backend port.
 */
targetPort?: number
}[]
/**
 * Labels as k:v.
 */
selector?: string[]
/**
 * None or ClientIP.
 */
sessionAffinity?: string
/**
 * Router receiving the LB.
 */
vpc?: string
}

/**
 * What the operator found and did.
 */
export interface RouterLBRuleStatus {
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
 * The ports as text, comma separated.
 */
ports?: string
/**
 * The generated Service as namespace/name.
 */
service?: string
}
