// From the API's objects to rows: only the fields that something reads, so that all other changes stop here. Total:
// what is missing or of the wrong type becomes '' or an empty list, and never an exception.
import { canonicalCidr, canonicalMac, formatIp, parseIp } from '../../lib/net/index.ts';
import { defaultsManager, manager } from './managers.ts';
import { createdOf, metaOf } from './meta.ts';
import type { Labels } from './meta.ts';
import { isOvnConfig } from './networks.ts';
import { probedPorts } from './probed-ports.ts';
import { kubeOvn } from './refs.ts';
import { flagOf, integerOf, isObject, listOf, objectOf, textOf, textsOf } from './json.ts';
import type { JsonObject } from './fact.ts';
import type {
  AttachmentRow,
  CentralRow,
  IpPoolRow,
  IpRow,
  KeeperRow,
  LaterRow,
  NamespaceRow,
  NodeRow,
  PodRow,
  ServiceCidrRow,
  SubnetRow,
  VlanRow,
  VpcRow,
} from './tables.ts';

const noneOfThem = (): boolean => false;

/** For kinds that nothing acts on yet. */
export const laterRow =
  (kind: string) =>
  (source: unknown): LaterRow => {
    const meta = metaOf(objectOf(source));
    return { meta, about: { apiVersion: kubeOvn, kind, namespace: meta.namespace, name: meta.name } };
  };

/** The Vips that a pod may hold beside its own address. */
export const pairsKey = 'ovn.kubernetes.io/aaps';

export function podRow(source: unknown): PodRow {
  const object = objectOf(source);
  const spec = objectOf(object['spec']);
  // A Vip selects by any label; nobody else does, and labels change often.
  const pairs = pairsKey in objectOf(objectOf(object['metadata'])['annotations']);
  const meta = metaOf(object, pairs ? { labels: () => true } : {});
  return {
    meta,
    node: textOf(spec['nodeName']),
    hostNetwork: flagOf(spec['hostNetwork']),
    completed: completed(meta.deleting, objectOf(object['status'])),
    ...controllerOf(objectOf(object['metadata'])),
    created: createdOf(object),
    announced: announced(meta.annotations, objectOf(object['metadata'])),
    probes: probedPorts(spec),
  };
}

/** What was asked for and what was given stand under one key; its writers tell them apart. */
function announced(annotations: Labels, meta: JsonObject): string[] {
  const keys = Object.keys(annotations).filter((key) => /\/(?:ip|mac)_address$/.test(key));
  if (keys.length === 0) return keys;
  const entries = listOf(meta['managedFields']).map(objectOf);
  const writers = (key: string): unknown[] =>
    entries
      .filter(({ fieldsV1 }) => `f:${key}` in objectOf(objectOf(objectOf(fieldsV1)['f:metadata'])['f:annotations']))
      .map((entry) => entry['manager']);
  return keys.filter((key) => {
    const found = writers(key);
    return found.length > 0 && found.every((name) => name === manager);
  });
}

/**
 * Succeeded and Failed are final: a kubelet reports them only when no container runs or will run again. A pod that is
 * being deleted has them too in the end, but its last container is seen to stop earlier.
 */
function completed(deleting: boolean, status: JsonObject): boolean {
  const phase = textOf(status['phase']);
  if (phase === 'Succeeded' || phase === 'Failed') return true;
  return deleting && containersGone(status);
}

const containerLists = ['containerStatuses', 'initContainerStatuses', 'ephemeralContainerStatuses'];

/** True when there are containers and each has ended; one that waits to start counts as alive. */
function containersGone(status: JsonObject): boolean {
  if (listOf(status['containerStatuses']).length === 0) return false;
  const all = containerLists.flatMap((list) => listOf(status[list]));
  return all.every((entry) => isObject(objectOf(objectOf(entry)['state'])['terminated']));
}

const retained: Readonly<Record<string, string>> = {
  StatefulSet: 'StatefulSet',
  VirtualMachineInstance: 'VirtualMachine',
};

const nobody = { podType: '', controller: { name: '', uid: '' } };

/** The owner whose pods keep their addresses, by the controlling owner reference. */
function controllerOf(meta: JsonObject): Pick<PodRow, 'podType' | 'controller'> {
  const controller = listOf(meta['ownerReferences'])
    .map(objectOf)
    .find((reference) => flagOf(reference['controller']));
  const kept = retained[textOf(controller?.['kind'])];
  if (kept === undefined) return nobody;
  return { podType: kept, controller: { name: textOf(controller?.['name']), uid: textOf(controller?.['uid']) } };
}

export function nodeRow(source: unknown): NodeRow {
  const object = objectOf(source);
  const status = objectOf(object['status']);
  const ofType = (type: string): string[] =>
    listOf(status['addresses'])
      .map(objectOf)
      .filter((entry) => entry['type'] === type)
      .map((entry) => textOf(entry['address']));
  return {
    meta: metaOf(object, { labels: () => true }),
    created: createdOf(object),
    internalIps: addressesOf(ofType('InternalIP')),
    externalIps: addressesOf(ofType('ExternalIP')),
    ready: holds(status, 'Ready') && !holds(status, 'NetworkUnavailable'),
  };
}

export function namespaceRow(source: unknown): NamespaceRow {
  return { meta: metaOf(objectOf(source), { labels: () => true }) };
}

export function ipRow(source: unknown): IpRow {
  const object = objectOf(source);
  const spec = objectOf(object['spec']);
  const annotations = objectOf(objectOf(object['metadata'])['annotations']);
  const single = [textOf(spec['v4IpAddress']), textOf(spec['v6IpAddress'])].filter((text) => text !== '');
  return {
    meta: metaOf(object, { labels: noneOfThem, annotations: noneOfThem }),
    created: createdOf(object),
    subnet: textOf(spec['subnet']),
    podName: textOf(spec['podName']),
    namespace: textOf(spec['namespace']),
    podType: textOf(spec['podType']),
    node: textOf(spec['nodeName']),
    // Older objects have the joined form only.
    addresses: addressesOf(single.length > 0 ? single : textOf(spec['ipAddress']).split(',')),
    mac: canonicalMac(textOf(spec['macAddress'])) ?? '',
    ownerUid: textOf(annotations['kubeloom.io/owner-uid']),
    controllerUid: textOf(annotations['kubeloom.io/controller-uid']),
  };
}

/** A NetworkAttachmentDefinition. */
export function attachmentRow(source: unknown): AttachmentRow {
  const object = objectOf(source);
  const annotations = objectOf(objectOf(object['metadata'])['annotations']);
  return {
    isOvn: isOvnConfig(textOf(objectOf(object['spec'])['config'])),
    resource: textOf(annotations['k8s.v1.cni.cncf.io/resourceName']),
  };
}

export function keeperRow(source: unknown): KeeperRow {
  const object = objectOf(source);
  const meta = objectOf(object['metadata']);
  const spec = objectOf(object['spec']);
  return {
    uid: textOf(meta['uid']),
    deleting: textOf(meta['deletionTimestamp']) !== '',
    first: integerOf(objectOf(spec['ordinals'])['start']),
    // The API server fills the default in.
    count: integerOf(spec['replicas']),
  };
}

export function subnetRow(source: unknown): SubnetRow {
  const object = objectOf(source);
  return {
    meta: metaOf(object),
    created: createdOf(object),
    spec: objectOf(object['spec']),
    ownDefaults: appliedFields(objectOf(object['metadata']), defaultsManager),
    activeGateway: textOf(objectOf(object['status'])['activateGateway']),
  };
}

/** Fields of spec that a field manager holds by server-side apply. */
function appliedFields(meta: JsonObject, manager: string): string[] {
  const entry = listOf(meta['managedFields'])
    .map(objectOf)
    .find((held) => held['manager'] === manager && held['operation'] === 'Apply');
  const spec = objectOf(objectOf(entry?.['fieldsV1'])['f:spec']);
  return Object.keys(spec)
    .filter((key) => key.startsWith('f:'))
    .map((key) => key.slice(2))
    .sort();
}

export function vpcRow(source: unknown): VpcRow {
  const object = objectOf(source);
  return { meta: metaOf(object), spec: objectOf(object['spec']) };
}

export function ipPoolRow(source: unknown): IpPoolRow {
  const object = objectOf(source);
  const spec = objectOf(object['spec']);
  return {
    meta: metaOf(object, { labels: () => true }),
    created: createdOf(object),
    subnet: textOf(spec['subnet']),
    ips: textsOf(spec['ips']),
    namespaces: textsOf(spec['namespaces']),
    addressSet: flagOf(spec['enableAddressSet']),
  };
}

export function vlanRow(source: unknown): VlanRow {
  const object = objectOf(source);
  const spec = objectOf(object['spec']);
  return {
    meta: metaOf(object),
    created: createdOf(object),
    provider: textOf(spec['provider']),
    id: integerOf(spec['id']),
  };
}

/** Canonical; one that is going counts until it has gone, since its addresses may be in use until then. */
export function serviceCidrRow(source: unknown): ServiceCidrRow {
  const cidrs = textsOf(objectOf(objectOf(source)['spec'])['cidrs']).map(canonicalCidr);
  return { cidrs: cidrs.filter((cidr) => cidr !== undefined) };
}

/** A pod of ovn-central; undefined before it has an address, or when it will not run again. */
export function centralRow(source: unknown): CentralRow | undefined {
  const object = objectOf(source);
  const status = objectOf(object['status']);
  const [hostIp] = addressesOf([textOf(status['hostIP'])]);
  if (hostIp === undefined || completed(metaOf(object).deleting, status)) return undefined;
  return { pod: textOf(objectOf(object['metadata'])['name']), hostIp, ready: holds(status, 'Ready') };
}

const holds = (status: JsonObject, type: string): boolean =>
  listOf(status['conditions'])
    .map(objectOf)
    .some((condition) => condition['type'] === type && condition['status'] === 'True');

/** Canonical, IPv4 first, in the given order within a family; what is no address is left out. */
function addressesOf(given: readonly string[]): string[] {
  const parsed = given.map((text) => parseIp(text.trim())).filter((ip) => ip !== undefined);
  const byFamily = parsed.sort((a, b) => a.family - b.family);
  return byFamily.map(formatIp);
}
