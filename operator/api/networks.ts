// The networks that a pod asks for beside or in place of the default one: annotations of the Network Plumbing Working
// Group's standard (k8snetworkplumbingwg/multi-net-spec, section 4.1), which Multus reads as well.
import { isObject, listOf, textOf, textsOf } from './json.ts';
import type { JsonObject } from './fact.ts';

/** One network: a NetworkAttachmentDefinition, and what is asked of it. */
export interface NetworkSelection {
  readonly namespace: string;
  readonly name: string;
  /** Without a prefix length. */
  readonly ips: readonly string[];
  readonly mac: string;
  /** What the interface is to be called in the pod; '' leaves it to whoever attaches it. */
  readonly ifname: string;
}

/** A NetworkAttachmentDefinition. */
export interface AttachmentRow {
  /** Its interfaces are made by us; otherwise another plugin makes them, and has addresses of us at most. */
  readonly isOvn: boolean;
  /** Of a device that a container must ask for (`resourceName`); '' without one. */
  readonly resource: string;
}

export const networksAnnotation = 'k8s.v1.cni.cncf.io/networks';
export const defaultNetworkAnnotation = 'v1.multus-cni.io/default-network';

/** A JSON list, or `[namespace/]name[@interface]` with commas between. Undefined when it is neither. */
export function networkSelections(text: string, namespace: string): NetworkSelection[] | undefined {
  const trimmed = text.trim();
  if (trimmed === '') return [];
  const found = /^[[{]/.test(trimmed)
    ? ofJson(trimmed, namespace)
    : trimmed.split(',').map((part) => short(part, namespace));
  return found?.includes(undefined) === false ? found.filter((one) => one !== undefined) : undefined;
}

const label = '[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?';
const shortForm = new RegExp(`^(?:(${label})/)?(${label})(?:@([^/@,\\s]+))?$`);

/** Whether the name of an interface can be a part of the name of an object, and of the prefix of annotations. */
export const isInterfaceLabel = (name: string): boolean =>
  name.split('.').every((part) => /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?$/.test(part));

function short(text: string, namespace: string): NetworkSelection | undefined {
  const [, own, name, ifname = ''] = shortForm.exec(text.trim()) ?? [];
  return name === undefined ? undefined : { namespace: own ?? namespace, name, ips: [], mac: '', ifname };
}

function ofJson(text: string, namespace: string): (NetworkSelection | undefined)[] | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value)
      ? listOf(value).map((one) => (isObject(one) ? selection(one, namespace) : undefined))
      : undefined;
  } catch {
    return undefined;
  }
}

function selection(value: JsonObject, namespace: string): NetworkSelection | undefined {
  const name = textOf(value['name']);
  if (name === '') return undefined;
  return {
    namespace: textOf(value['namespace']) || namespace,
    name,
    ips: textsOf(value['ips']).map((text) => text.split('/')[0] ?? ''),
    mac: textOf(value['mac']),
    ifname: textOf(value['interface']),
  };
}

/** Whether Kube-OVN makes the interfaces of a NetworkAttachmentDefinition, and does not only give them addresses. */
export function isOvnConfig(config: string): boolean {
  try {
    const value: unknown = JSON.parse(config);
    if (!isObject(value)) return false;
    return [value, ...listOf(value['plugins']).filter(isObject)].some((one) => one['type'] === 'kube-ovn');
  } catch {
    return false;
  }
}
