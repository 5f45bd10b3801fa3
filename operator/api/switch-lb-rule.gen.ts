// Generated from crds/switch-lb-rule.yaml by `npm run generate`. Do not edit.
/**
 * What the user wants.
 */
export interface SwitchLBRuleSpec {
/**
 * Static backend IPs (selector ignored then).
 */
endpoints?: string[]
/**
 * Namespace of the generated Service slr-<name>.
 */
namespace?: string
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
 * TCP, UDP or SCTP.
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
 * ClientIP or empty.
 */
sessionAffinity?: string
/**
 * One address or more, comma separated.
 */
vip?: string
}

/**
 * What the operator found and did.
 */
export interface SwitchLBRuleStatus {
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
