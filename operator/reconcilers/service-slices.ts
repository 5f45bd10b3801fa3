// The EndpointSlices of a Service, as its balancers go by them. Where another plugin makes the first interface of pods, the
// slices have that plugin's addresses, which no switch of ours knows: pods are reached by what they have of us.
import { objectKey, podIpName } from '../api/refs.ts';
import type { Endpoint, EndpointSliceRow, ServiceRow } from '../api/service-row.ts';
import type { IpRow } from '../api/tables.ts';
import { identityOf } from './identity.ts';
import { nicsOf } from './nics.ts';
import { clusterOf } from './reconciler.ts';
import type { WorldRead } from './reconciler.ts';

/** Whoever lists backends by hand means the addresses that are listed. */
export function slicesOf(row: ServiceRow, read: WorldRead): readonly EndpointSliceRow[] {
  const { meta, hasSelector } = row;
  const slices = standing(row, read.at('slicesByService', objectKey(meta.namespace, meta.name)));
  if (!hasSelector || !clusterOf(read).nonPrimary) return slices;
  return slices.map((slice) => ({
    ...slice,
    endpoints: slice.endpoints.flatMap((endpoint) => attached(endpoint, slice.family, read)),
  }));
}

/** What a selector had found before its Service became that of a rule which lists its backends is none of them. */
const standing = ({ spec, hasSelector }: ServiceRow, all: readonly EndpointSliceRow[]): readonly EndpointSliceRow[] =>
  spec === undefined || hasSelector ? all : all.filter(({ bySelector }) => !bySelector);

/** What a pod has of us by the interface by which it is reached: the first one, or the first that is ours. */
export function backendIp(pod: string, read: WorldRead): IpRow | undefined {
  const [namespace = '', name = ''] = pod.split('/');
  if (!clusterOf(read).nonPrimary) return read.get('ip', podIpName(namespace, name));
  const row = read.get('pod', pod);
  if (!row) return undefined;
  const own = nicsOf(row, identityOf(row, read), read).nics.filter(({ isForeign }) => !isForeign);
  return own.map(({ ip }) => read.get('ip', ip)).find((ip) => ip && ip.addresses.length > 0);
}

/** A pod without an interface of ours stays under the address that it has. */
function attached(endpoint: Endpoint, family: 4 | 6, read: WorldRead): Endpoint[] {
  const ip = endpoint.pod === '' ? undefined : backendIp(endpoint.pod, read);
  if (!ip) return [endpoint];
  const own = ip.addresses.find((address) => address.includes(':') === (family === 6));
  return own === undefined ? [] : [{ ...endpoint, address: own }];
}
