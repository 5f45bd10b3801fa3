// Generated from crds/provider-network.yaml by `npm run generate`. Do not edit.
/**
 * What the user wants.
 */
export interface ProviderNetworkSpec {
/**
 * Make the VLAN interface when the NIC is named <nic>.<id> and does not exist.
 */
autoCreateVlanSubinterfaces?: boolean
/**
 * Other NIC names on some nodes.
 */
customInterfaces?: {
/**
 * The NIC on those nodes.
 */
interface?: string
/**
 * Names of nodes.
 */
nodes?: string[]
}[]
/**
 * Name of the NIC on the nodes.
 */
defaultInterface: string
/**
 * The bridge takes the name of the NIC, and the NIC that of the bridge.
 */
exchangeLinkName?: boolean
/**
 * Nodes without the bridge (ignored when nodeSelector used).
 */
excludeNodes?: string[]
/**
 * Label selector of member nodes.
 */
nodeSelector?: {
/**
 * Labels that must have exactly these values.
 */
matchLabels?: {
[k: string]: string
}
/**
 * Further requirements; all must hold.
 */
matchExpressions?: {
/**
 * Label key.
 */
key: string
/**
 * In, NotIn, Exists or DoesNotExist.
 */
operator: string
/**
 * Values for In and NotIn.
 */
values?: string[]
}[]
}
/**
 * VLAN interfaces of the NIC become internal ports of the bridge.
 */
preserveVlanInterfaces?: boolean
/**
 * VLAN interfaces to preserve, by name.
 */
vlanInterfaces?: string[]
}

/**
 * What the operator found and did.
 */
export interface ProviderNetworkStatus {
/**
 * Conditions per node.
 */
conditions?: {
/**
 * The node that the condition speaks of.
 */
node: string
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
 * Nodes where the bridge set-up failed.
 */
notReadyNodes?: string[]
/**
 * Whether every node has the bridge.
 */
ready?: boolean
/**
 * Nodes where the bridge works.
 */
readyNodes?: string[]
/**
 * Names of the Vlans on it.
 */
vlans?: string[]
}
