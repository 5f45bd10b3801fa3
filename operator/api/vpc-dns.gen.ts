// Generated from crds/vpc-dns.yaml by `npm run generate`. Do not edit.
/**
 * What the user wants.
 */
export interface VpcDnsSpec {
/**
 * Name of the ConfigMap with the Corefile.
 */
corefile?: string
/**
 * Number of DNS pods, 1 to 3.
 */
replicas?: number
/**
 * Subnet of the DNS pods.
 */
subnet?: string
/**
 * The VPC that is served.
 */
vpc?: string
}

/**
 * What the operator found and did.
 */
export interface VpcDnsStatus {
/**
 * Whether this one serves; one per VPC does.
 */
active?: boolean
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
}
