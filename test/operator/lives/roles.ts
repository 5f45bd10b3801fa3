// What pods ask for, by number: a few ways to get an address, each with what must come of it.
import type { JsonObject } from '../../../operator/api/fact.ts';
import { namespaces, nodes } from './stage.ts';

/** An interface of a pod, and what its address must be. */
export interface Nic {
  readonly provider: string;
  readonly subnet: string;
  /** Number of addresses. */
  readonly families: 1 | 2;
  /** Another plugin makes it: it has an address, and neither a MAC nor a port. */
  readonly isForeign?: true;
  /** `v4[,v6]`: one of these. */
  readonly among?: readonly string[];
  readonly mac?: string;
  /** Out of this IPPool. */
  readonly pool?: string;
  /** Rows of DHCP of its own. */
  readonly dhcpRows?: number;
}

export interface Role {
  readonly namespace: string;
  readonly name: string;
  readonly node: string;
  readonly annotations: Readonly<Record<string, string>>;
  readonly nics: readonly Nic[];
  readonly labels?: Readonly<Record<string, string>>;
  /** The StatefulSet whose pod it is. */
  readonly set?: { readonly name: string; readonly uid: string };
}

type Asking = Pick<Role, 'annotations' | 'nics'> & { readonly namespace?: string };

const ovn = (name: string): string => `ovn.kubernetes.io/${name}`;
const nic = (subnet: string, more: Partial<Nic> = {}): Nic => ({ provider: 'ovn', subnet, families: 1, ...more });
const hex = (count: number): string => count.toString(16).padStart(4, '0');

/** So many at once, and more of them are to be had than there are roles that ask for one. */
const listed = Array.from({ length: 100 }, (_, at) => `10.16.250.${at + 1}`);

/** Where nobody comes who takes any address: those begin at the bottom and go up. */
function fixed(count: number): Asking {
  // Addresses come back after so many lives.
  const turn = count % 1500;
  const mac = `02:00:0f:1d:${hex(turn).slice(0, 2)}:${hex(turn).slice(2)}`;
  const last = `${turn >> 8}.${turn & 255}`;
  const [subnet, address] =
    count % 2 === 0 ? ['ovn-default', `10.16.13${last}`] : ['dual', `10.51.4${last},fd51::4${hex(turn).slice(1)}`];
  return {
    annotations: { [ovn('logical_switch')]: subnet, [ovn('ip_address')]: address, [ovn('mac_address')]: mac },
    nics: [nic(subnet, { among: [address], mac, families: count % 2 === 0 ? 1 : 2 })],
  };
}

const own: Asking = {
  annotations: {
    [ovn('logical_switch')]: 'dual',
    [ovn('dhcp-v4-options')]: 'lease_time=7200',
    [ovn('dhcp-v6-options')]: 'server_id=00:00:00:00:00:01',
  },
  nics: [nic('dual', { families: 2, dhcpRows: 2 })],
};

const free = namespaces.free;
const attached: Asking = {
  annotations: { 'k8s.v1.cni.cncf.io/networks': `${free}/blue,${free}/lan` },
  nics: [
    nic('ovn-default'),
    nic('blue', { provider: `blue.${free}.ovn` }),
    nic('lan', { provider: `lan.${free}`, isForeign: true }),
  ],
};

/** By number of the life. */
const askings: readonly ((count: number) => Asking)[] = [
  () => ({ annotations: {}, nics: [nic('ovn-default')] }),
  () => ({ annotations: { [ovn('logical_switch')]: 'small' }, nics: [nic('small')] }),
  fixed,
  () => ({ annotations: { [ovn('logical_switch')]: 'dual' }, nics: [nic('dual', { families: 2 })] }),
  () => ({ annotations: { [ovn('ip_pool')]: listed.join(';') }, nics: [nic('ovn-default', { among: listed })] }),
  () => ({ annotations: { [ovn('ip_pool')]: 'asked' }, nics: [nic('pooled', { pool: 'asked' })] }),
  () => ({ annotations: {}, nics: [nic('dual', { families: 2, pool: 'bound' })], namespace: namespaces.bound }),
  () => own,
  () => attached,
];

const nodeOf = (count: number): string => nodes[count % nodes.length] ?? nodes[0];

/** Number of kinds of roles: `roleOf` goes through them in turn. */
export const kinds = askings.length;

export function roleOf(count: number): Role {
  const asking = askings[count % askings.length]?.(Math.floor(count / askings.length));
  if (!asking) throw new RangeError(`no role ${count}`);
  const { namespace = free, annotations, nics } = asking;
  return { namespace, name: `life-${count}`, node: nodeOf(count), annotations, nics };
}

/** StatefulSets: the pods of one take any address, those of the other each one of a list. */
export const sets = ['any', 'each'] as const;

export type SetName = (typeof sets)[number];

const replicas = 8;
export const full = replicas;
export const half = replicas / 2;

export function setRole(set: SetName, ordinal: number, uid: string): Role {
  const list = Array.from({ length: replicas }, (_, at) => `10.16.251.${at + 1}`);
  const among = set === 'each' ? { among: list.slice(ordinal, ordinal + 1) } : {};
  return {
    namespace: free,
    name: `${set}-${ordinal}`,
    // Another place each time would be another node of the IP object; it stays the same one here.
    node: nodeOf(ordinal),
    annotations: set === 'each' ? { [ovn('ip_pool')]: list.join(';') } : {},
    nics: [nic('ovn-default', among)],
    labels: { set },
    set: { name: set, uid },
  };
}

/** As a scheduler has bound it. */
export function podOf({ namespace, name, node, annotations, labels, set }: Role): JsonObject {
  const owner = { apiVersion: 'apps/v1', kind: 'StatefulSet', controller: true };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      namespace,
      name,
      annotations,
      ...(labels && { labels }),
      ...(set && { ownerReferences: [{ ...owner, ...set }] }),
    },
    spec: { nodeName: node, containers: [{ name: 'app', image: 'none' }] },
  };
}

export function setOf(name: SetName): JsonObject {
  const labels = { set: name };
  const spec = { containers: [{ name: 'app', image: 'none' }] };
  return {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { namespace: free, name },
    spec: {
      replicas: full,
      serviceName: name,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec },
    },
  };
}
