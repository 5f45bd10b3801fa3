// Generated from crds/policymodule.yaml by `npm run generate`. Do not edit.
/**
 * What the user wants.
 */
export interface PolicyModuleSpec {
/**
 * Where the bytes of the module are.
 */
module: {
/**
 * The ConfigMap that holds them in binaryData.
 */
configMap: {
/**
 * Its namespace. The operator may read ConfigMaps of kube-system; for another one it needs a Role there.
 */
namespace?: string
/**
 * Its name.
 */
name: string
/**
 * The key of binaryData.
 */
key?: string
}
/**
 * SHA-256 of the bytes; other bytes are not run.
 */
digest: string
}
/**
 * What the module decides: rules of workloads (acl), whether objects of our kinds may be stored (admission), or where pods get their addresses (ipam).
 */
hook: ("acl" | "admission" | "ipam")
/**
 * Handed to the module with every evaluation, and checked by it first.
 */
settings?: {

}
/**
 * Whom the module decides for; an absent part selects everything.
 */
selector?: {
/**
 * Namespaces of the workloads (acl, ipam).
 */
namespaceSelector?: {
/**
 * Labels with exactly these values.
 */
matchLabels?: {
[k: string]: string
}
/**
 * Conditions that all hold.
 */
matchExpressions?: {
/**
 * Label.
 */
key: string
/**
 * In, NotIn, Exists or DoesNotExist.
 */
operator: string
/**
 * Of In and NotIn.
 */
values?: string[]
}[]
}
/**
 * Pods (acl, ipam).
 */
podSelector?: {
/**
 * Labels with exactly these values.
 */
matchLabels?: {
[k: string]: string
}
/**
 * Conditions that all hold.
 */
matchExpressions?: {
/**
 * Label.
 */
key: string
/**
 * In, NotIn, Exists or DoesNotExist.
 */
operator: string
/**
 * Of In and NotIn.
 */
values?: string[]
}[]
}
/**
 * Kinds of kubeovn.io whose objects it judges (admission), e.g. Subnet.
 */
kinds?: string[]
}
/**
 * When the module gives no answer: Fail refuses (no connections, no object, no address), Ignore does as without the module.
 */
failurePolicy?: ("Fail" | "Ignore")
/**
 * enforce does what the module says; shadow only counts what would change.
 */
mode?: ("enforce" | "shadow")
/**
 * For one evaluation; the module is cut off after it.
 */
deadlineMilliseconds?: number
/**
 * What the module may declare as the maximum of its memory, at most 256Mi.
 */
memoryLimit?: string
}

/**
 * What the operator found and did.
 */
export interface PolicyModuleStatus {
/**
 * Of the module that is in force.
 */
digest?: string
/**
 * What the module declares to read.
 */
inputs?: string[]
/**
 * Answers of the module: since the operator in charge has started (acl, ipam), or in all (admission).
 */
evaluations?: number
/**
 * Objects and addresses that it refused (admission, ipam), and workloads for which it has rules that refuse (acl).
 */
refusals?: number
/**
 * Questions to which it has no answer at present.
 */
failing?: number
/**
 * With mode shadow: answers that would change something.
 */
wouldChange?: number
/**
 * Why an evaluation gave no answer, the last time.
 */
lastError?: string
/**
 * Ready, Validated and Error.
 */
conditions?: {
/**
 * Ready, Validated or Error.
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
