// A Vip with its address, as Kube-OVN writes it: in its status, which is where it is kept, and in its spec.
import type { JsonObject } from '../api/fact.ts';
import { vipOfKey } from '../api/refs.ts';
import { reservedLabel, subnetLabel } from '../api/vip-row.ts';
import { finalizer, type NewIp } from './writer.ts';

export function vipManifest({ name, subnet, addresses, mac }: NewIp): JsonObject {
  const single = (version6: boolean): string => addresses.find((text) => text.includes(':') === version6) ?? '';
  const [v4ip, v6ip] = [single(false), single(true)];
  return {
    apiVersion: 'kubeovn.io/v1',
    kind: 'Vip',
    metadata: {
      name: vipOfKey(name) ?? name,
      labels: { [subnetLabel]: subnet, [reservedLabel]: '' },
      finalizers: [finalizer],
    },
    spec: { v4ip, v6ip, macAddress: mac },
    status: { v4ip, v6ip, mac },
  };
}
