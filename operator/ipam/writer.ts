// What the assignments need of the API, and nothing more: four writes of IP objects. Implemented elsewhere; declared
// here, since here is who depends on every word of it.
import type { JsonObject } from '../api/fact.ts';
import type { Demand, IpRow } from '../api/tables.ts';

/** An IP object as it is to be written. */
export interface NewIp {
  readonly name: string;
  readonly subnet: string;
  readonly podName: string;
  readonly namespace: string;
  readonly podType: string;
  readonly node: string;
  /** IPv4 first. */
  readonly addresses: readonly string[];
  readonly mac: string;
  /** UID of the pod, node or instance of a virtual machine; '' for a reservation. */
  readonly ownerUid: string;
  /** UID of the pod's StatefulSet. */
  readonly controllerUid?: string;
}

/** What a create found out. `exists`: the name was taken; `row` is the object that has it. */
export interface CreateAnswer {
  readonly outcome: 'created' | 'exists';
  readonly row: IpRow;
}

/**
 * The API server has answered that it did not do it, and will not for the same request: a refusal (4xx), not an
 * overload. Any other rejection of a write means that it may have been carried out, or may be yet.
 */
export class WriteRefused extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'WriteRefused';
  }
}

/** Each call is one attempt; who calls repeats it. Every write names the UID that is meant and never meets a namesake. */
export interface IpWriter {
  /** POST of `ipManifest(ip)`. 409 AlreadyExists is no failure: it reads the object and answers `exists`. */
  create(ip: NewIp): Promise<CreateAnswer>;
  /** Gives an existing object the annotation, labels and finalizer of `ipManifest(ip)`, and its spec; by UID. */
  adopt(ip: NewIp, uid: string): Promise<void>;
  /** DELETE with precondition UID. Resolves too when there is no such object any more. */
  remove(name: string, uid: string): Promise<void>;
  /** Takes our finalizer off, others stay; precondition UID. Resolves too when there is no such object any more. */
  dropFinalizer(name: string, uid: string): Promise<void>;
}

export const finalizer = 'kubeovn.io/kube-ovn-controller';
/** The name that Kube-OVN's older versions gave it. */
const oldFinalizer = 'kube-ovn-controller';
export const ownerUidAnnotation = 'kubeloom.io/owner-uid';
export const controllerUidAnnotation = 'kubeloom.io/controller-uid';
export const reservedLabel = 'ovn.kubernetes.io/ip_reserved';

/** The object that is written for an assignment, with Kube-OVN's fields and labels. */
export function ipManifest(ip: NewIp): JsonObject {
  const single = (version6: boolean): string => ip.addresses.find((text) => text.includes(':') === version6) ?? '';
  return {
    apiVersion: 'kubeovn.io/v1',
    kind: 'IP',
    metadata: {
      name: ip.name,
      labels: {
        'ovn.kubernetes.io/subnet': ip.subnet,
        'ovn.kubernetes.io/node-name': ip.node,
        // Kube-OVN's older key for selecting the addresses of a subnet; still used by its tools.
        [ip.subnet]: '',
        // Whether somebody made it by hand, and it still waits for its pod.
        [reservedLabel]: String(ip.ownerUid === ''),
      },
      annotations: {
        ...(ip.ownerUid !== '' && { [ownerUidAnnotation]: ip.ownerUid }),
        ...(ip.controllerUid !== undefined && { [controllerUidAnnotation]: ip.controllerUid }),
      },
      finalizers: [finalizer],
    },
    spec: {
      podName: ip.podName,
      namespace: ip.namespace,
      podType: ip.podType,
      nodeName: ip.node,
      subnet: ip.subnet,
      ipAddress: ip.addresses.join(','),
      v4IpAddress: single(false),
      v6IpAddress: single(true),
      macAddress: ip.mac,
      attachIps: [],
      attachMacs: [],
      attachSubnets: [],
      containerID: '',
    },
  };
}

/** The object of a demand with what the allocator gave it. */
export const newIp = (demand: Demand, given: Pick<NewIp, 'subnet' | 'addresses' | 'mac'>): NewIp => ({
  name: demand.ip,
  podName: demand.podName,
  namespace: demand.namespace,
  podType: demand.podType,
  node: demand.node,
  ownerUid: demand.uid,
  ...(demand.controllerUid !== undefined && { controllerUid: demand.controllerUid }),
  ...given,
});

/** An object that somebody made by hand, as it is to be while it waits for its pod. */
export const reservationOf = (row: IpRow, given: Pick<NewIp, 'addresses' | 'mac'>): NewIp => ({
  name: row.meta.name,
  subnet: row.subnet,
  podName: row.podName,
  namespace: row.namespace,
  podType: row.podType,
  node: row.node,
  ownerUid: '',
  ...given,
});

/** Whether an object is the one that was to be written. */
export const isSame = (row: IpRow, ip: NewIp): boolean =>
  row.ownerUid === ip.ownerUid && row.subnet === ip.subnet && row.addresses.join() === ip.addresses.join();

/** Whether an object stays until we let it go. */
export const isKept = ({ meta }: IpRow): boolean =>
  meta.finalizers.includes(finalizer) || meta.finalizers.includes(oldFinalizer);

/** Kube-OVN's pod types; an object with another is not for a pod. */
const podTypes = ['', 'StatefulSet', 'VirtualMachine'];

/** Made by hand, for a pod that is to have the address: nobody has seen to it yet. */
export const isWish = (row: IpRow): boolean =>
  row.ownerUid === '' && !isKept(row) && row.subnet !== '' && podTypes.includes(row.podType) && isNamed(row);

function isNamed({ meta, podName, namespace }: IpRow): boolean {
  const name = `${podName}.${namespace}`;
  return podName !== '' && namespace !== '' && (meta.name === name || meta.name.startsWith(`${name}.`));
}
