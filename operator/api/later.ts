// Kinds that the API takes and that nothing acts on yet. Whoever makes one is told so: in its conditions where its status
// has a plain list of them, and by an event. A kind leaves this list when it gets a reconciler of its own.
import type { JsonObject, Ref } from './fact.ts';
import { kubeOvn, objectKey } from './refs.ts';

interface Later {
  readonly plural: string;
  readonly namespaced?: true;
  /** What its schema requires of a status beside the conditions; absent when it can have none. */
  readonly status?: JsonObject;
}

const plain = (plural: string): Later => ({ plural, status: {} });

export const laterKinds = {
  BgpConf: { plural: 'bgp-confs' },
  EvpnConf: { plural: 'evpn-confs' },
  IptablesDnatRule: plain('iptables-dnat-rules'),
  IptablesEIP: plain('iptables-eips'),
  IptablesFIPRule: plain('iptables-fip-rules'),
  IptablesSnatRule: plain('iptables-snat-rules'),
  OvnDnatRule: plain('ovn-dnat-rules'),
  OvnFip: plain('ovn-fips'),
  OvnSnatRule: plain('ovn-snat-rules'),
  // Its conditions are those of nodes.
  ProviderNetwork: { plural: 'provider-networks' },
  QoSPolicy: plain('qos-policies'),
  VpcDns: plain('vpc-dnses'),
  VpcEgressGateway: {
    plural: 'vpc-egress-gateways',
    namespaced: true,
    status: { phase: 'Pending' },
  },
  VpcNatGateway: { plural: 'vpc-nat-gateways' },
} as const satisfies Readonly<Record<string, Later>>;

export type LaterKind = keyof typeof laterKinds;

export const isLater = (kind: string): kind is LaterKind => Object.hasOwn(laterKinds, kind);

/** Facts about the kind, with every field that a kind can have. */
export const laterOf = (kind: LaterKind): Later => laterKinds[kind];

/** Key in table `later`: all of these kinds share it. */
export const laterKey = ({ kind, namespace, name }: Pick<Ref, 'kind' | 'namespace' | 'name'>): string =>
  `${kind}/${objectKey(namespace, name)}`;

/** The object that a key of table `later` names. */
export function laterRef(key: string): Ref {
  const [kind = '', ...rest] = key.split('/');
  const name = rest.at(-1) ?? '';
  return { apiVersion: kubeOvn, kind, namespace: rest.length > 1 ? (rest[0] ?? '') : '', name };
}
