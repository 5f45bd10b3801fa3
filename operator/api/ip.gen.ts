// Generated from crds/ip.yaml by `npm run generate`. Do not edit.
/**
 * The assignment.
 */
export interface IPSpec {
/**
 * Legacy field of Kube-OVN, kept empty.
 */
attachIps?: string[]
/**
 * Legacy field of Kube-OVN, kept empty.
 */
attachMacs?: string[]
/**
 * Legacy field of Kube-OVN, kept empty.
 */
attachSubnets?: string[]
/**
 * Legacy field of Kube-OVN, kept empty.
 */
containerID?: string
/**
 * The addresses, comma separated, IPv4 first.
 */
ipAddress?: string
/**
 * The MAC of the port, lower case.
 */
macAddress?: string
/**
 * Namespace of the pod; empty for a node.
 */
namespace?: string
/**
 * Node of the port.
 */
nodeName?: string
/**
 * Name of the pod, the virtual machine or the node.
 */
podName?: string
/**
 * Empty, StatefulSet or VirtualMachine.
 */
podType?: string
/**
 * The subnet that the addresses are taken from.
 */
subnet?: string
/**
 * The IPv4 address, or empty.
 */
v4IpAddress?: string
/**
 * The IPv6 address, or empty.
 */
v6IpAddress?: string
}
