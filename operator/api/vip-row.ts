// A Vip as the reconcilers see it. Its status is no report: it is where its address is written down, by Kube-OVN too.
import { canonicalIp, canonicalMac } from '../../lib/net/index.ts';
import { objectOf, textOf, textsOf } from './json.ts';
import { createdOf, inUseOrGenerated, metaOf } from './meta.ts';
import type { Meta } from './tables.ts';

export interface VipRow {
  readonly meta: Meta;
  /** Creation time in ms since the epoch: of two holders of one address the older keeps it. */
  readonly created: number;
  /** spec.subnet. */
  readonly subnet: string;
  /** The subnet that the address is of: it stays when spec.subnet changes. */
  readonly heldIn: string;
  /** Whose pods may hold it. */
  readonly namespace: string;
  readonly type: string;
  /** `key:value` each. */
  readonly selector: readonly string[];
  /** As written; '' chooses. */
  readonly wanted: { readonly v4: string; readonly v6: string; readonly mac: string };
  /** What it has, IPv4 first; empty before it has any. */
  readonly addresses: readonly string[];
  readonly mac: string;
}

/** Where Kube-OVN keeps the subnet, and the port of the pod that has the address as its own. */
export const subnetLabel = 'ovn.kubernetes.io/subnet';
export const reservedLabel = 'ovn.kubernetes.io/ip_reserved';

/** On a pod: the Vip whose address is to be its own. */
export const ownVipKey = 'ovn.kubernetes.io/vip';

export function vipRow(source: unknown): VipRow {
  const object = objectOf(source);
  const [spec, status] = [objectOf(object['spec']), objectOf(object['status'])];
  const meta = metaOf(object, { labels: inUseOrGenerated });
  const subnet = textOf(spec['subnet']);
  const held = [textOf(status['v4ip']), textOf(status['v6ip'])].map(canonicalIp);
  return {
    meta,
    created: createdOf(object),
    subnet,
    heldIn: meta.labels[subnetLabel] ?? subnet,
    namespace: textOf(spec['namespace']),
    type: textOf(spec['type']),
    selector: textsOf(spec['selector']),
    wanted: { v4: textOf(spec['v4ip']), v6: textOf(spec['v6ip']), mac: textOf(spec['macAddress']) },
    addresses: held.filter((address) => address !== undefined),
    mac: canonicalMac(textOf(status['mac'])) ?? '',
  };
}
