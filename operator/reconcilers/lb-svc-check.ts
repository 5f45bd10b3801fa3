// What a Service says of the network outside by which it is to be reached, and what can be wrong with that.
import { canonicalIp, containsIp, parseCidr, parseIp } from '../../lib/net/index.ts';
import { commaList } from '../api/json.ts';
import { natConfigName } from '../api/gateway-row.ts';
import type { NatConfigRow } from '../api/gateway-row.ts';
import { objectKey, only } from '../api/refs.ts';
import type { ServiceRow } from '../api/service-row.ts';
import type { AttachmentRow, Finding, Network } from '../api/tables.ts';
import { clusterOf } from './reconciler.ts';
import type { WorldRead } from './reconciler.ts';

const providerKey = 'ovn.kubernetes.io/attachmentprovider';
const imageKey = 'ovn.kubernetes.io/lb_svc_img';

/** The network, as the Service names it: `<definition>.<namespace>`, with `.ovn` behind it where it is one of ours. */
export interface OutsideNetwork {
  /** Prefix of the annotations that are about it. */
  readonly provider: string;
  readonly namespace: string;
  readonly definition: string;
}

/** Undefined for a Service that names none, or is not of the type. */
export function outsideOf({ outside, meta }: ServiceRow): OutsideNetwork | undefined {
  const provider = (meta.annotations[providerKey] ?? '').trim();
  if (!outside || provider === '') return undefined;
  const [definition = '', namespace = ''] = provider.split('.');
  return { provider, namespace, definition };
}

/** What the pod of a Service is to be made with. */
export interface Wanted extends Pick<NatConfigRow, 'image' | 'nodeSelector'> {
  readonly network: OutsideNetwork;
  readonly attachment: AttachmentRow;
  /** Addresses that it must have outside, as written; '' when any will do. */
  readonly address: string;
}

const invalid = (message: string): Finding => ({ reason: 'ValidateSvcFailed', message });

export function wantedOf(row: ServiceRow, network: OutsideNetwork, read: WorldRead): Wanted | Finding {
  const attachment = attachmentOf(network, read);
  if ('reason' in attachment) return attachment;
  if (clusterOf(read).nonPrimary)
    return invalid('no interface of ours leads to the cluster where another plugin makes the first one of pods');
  const config = natConfig(read);
  const { [imageKey]: own = '', [`${network.provider}.kubernetes.io/ip_address`]: asked = '' } = row.meta.annotations;
  const image = own.trim() || config.image;
  if (image === '') return invalid(`ConfigMap ${natConfigName} names no image, and neither does the Service`);
  const address = row.outside?.asked || asked;
  const fault = placeFault(row, { ...network, isOvn: attachment.isOvn, address }, read);
  return fault === undefined
    ? { network, attachment, address, image, nodeSelector: config.nodeSelector }
    : invalid(fault);
}

const natConfig = (read: WorldRead): NatConfigRow => read.at('natConfigs', only)[0] ?? { image: '', nodeSelector: {} };

function attachmentOf({ provider, namespace, definition }: OutsideNetwork, read: WorldRead): AttachmentRow | Finding {
  const missing = (message: string): Finding => ({ reason: 'GetNADFailed', message });
  if (namespace === '') return missing(`${provider} does not consist of the name and the namespace of a network`);
  const found = read.get('attachment', objectKey(namespace, definition));
  return found ?? missing(`network attachment definition ${namespace}/${definition} does not exist`);
}

interface Place extends OutsideNetwork {
  readonly isOvn: boolean;
  readonly address: string;
}

/** What is wrong with the subnet, or with the address that is asked for in it. */
function placeFault(row: ServiceRow, { address, ...network }: Place, read: WorldRead): string | undefined {
  const named = commaList(row.meta.annotations[`${network.provider}.kubernetes.io/logical_switch`] ?? '');
  const missing = named.find((name) => !read.get('network', name));
  if (missing !== undefined) return `subnet ${missing} does not exist, or cannot be used`;
  const provider = networkProvider(network, network.isOvn);
  const subnets =
    named.length > 0
      ? named.flatMap((name) => read.get('network', name) ?? [])
      : read.at('networksByProvider', provider);
  if (subnets.length === 0) return `no subnet has provider ${provider}`;
  for (const text of commaList(address)) {
    if (canonicalIp(text) === undefined) return `invalid static loadBalancerIP ${text}`;
    if (!subnets.some((subnet) => contains(subnet, text)))
      return `loadBalancerIP ${text} is not in the range of subnet ${subnets.map(({ name }) => name).join(', ')}`;
  }
  return undefined;
}

/** Provider of the network's subnets. */
export const networkProvider = ({ namespace, definition }: OutsideNetwork, isOvn: boolean): string =>
  `${definition}.${namespace}${isOvn ? '.ovn' : ''}`;

function contains({ cidrs }: Network, address: string): boolean {
  const ip = parseIp(address);
  return cidrs.map(parseCidr).some((cidr) => cidr !== undefined && ip !== undefined && containsIp(cidr, ip));
}
