// The interfaces of a pod that get an address here: one on the default network or on what replaces it, unless another
// plugin makes that, and one for each attachment to a network whose subnet is ours.
import { defaultNetworkAnnotation, networksAnnotation } from '../api/networks.ts';
import { commaList } from '../api/json.ts';
import { portWish } from '../api/port-wish.ts';
import type { PortWish } from '../api/port-wish.ts';
import type { PodRow, Wish } from '../api/tables.ts';
import { wishOf } from '../api/wish.ts';
import { attachmentsOf } from './attachments.ts';
import type { Attachment } from './attachments.ts';
import type { Identity } from './identity.ts';
import { clusterOf } from './reconciler.ts';
import type { WorldRead } from './reconciler.ts';
import { lentAddress } from './vip-holding.ts';

export interface Nic {
  /** `ovn` for the default network. */
  readonly provider: string;
  /** Provider that the network's configuration names: several interfaces on one network share it. */
  readonly network: string;
  /** Its name in the pod, where that tells it from others on the network; '' is any. */
  readonly ifname: string;
  /** Name of its IP object, and of its port. */
  readonly ip: string;
  /** Another plugin makes the interface, and gives it a MAC. */
  readonly isForeign: boolean;
  /** The MAC that the other plugin is asked for; '' leaves it to that, and stands where the interface is ours. */
  readonly foreignMac: string;
  /** The default route is by this one unless something else is asked for. */
  readonly isFirst: boolean;
  /** In the order in which to try them. */
  readonly subnets: readonly string[];
  readonly wish?: Wish;
  readonly port: PortWish;
  /** What is wrong with its annotations. */
  readonly errors: readonly string[];
}

export interface Nics {
  readonly nics: readonly Nic[];
  /** What is wrong with what is asked of them. */
  readonly errors: readonly string[];
  /** Why networks cannot be attached. */
  readonly missing: readonly string[];
}

export const defaultProvider = 'ovn';

export function nicsOf(pod: PodRow, self: Identity, read: WorldRead): Nics {
  const { annotations } = pod.meta;
  const isReplaced = (annotations[defaultNetworkAnnotation] ?? '') !== '';
  const first = isReplaced || clusterOf(read).nonPrimary ? [] : [defaultNic(pod, self, read)];
  if (!isReplaced && (annotations[networksAnnotation] ?? '') === '') return withErrors(first, []);
  const { attachments, errors } = attachmentsOf(pod, self, read);
  const further = attachments.map((attachment) => attached(pod, { self, attachment }, read));
  return withErrors([...first, ...further], errors);
}

/** What is wrong with the annotations of each, too. */
const withErrors = (nics: readonly Nic[], missing: readonly string[]): Nics => ({
  nics,
  errors: nics.flatMap((nic) => nic.errors),
  missing,
});

const errorsOf = (wish: Wish | undefined, port: PortWish): string[] => [
  ...(wish?.invalid === undefined ? [] : [wish.invalid]),
  ...port.errors,
];

function defaultNic(pod: PodRow, self: Identity, read: WorldRead): Nic {
  const annotations = askedOf(pod);
  const own = commaList(annotations['ovn.kubernetes.io/logical_switch'] ?? '');
  const pools = podPools(pod, own, read);
  const wish = wishOf({ annotations, provider: defaultProvider, pools, ...ordinalOf(pod) });
  const port = portWish(pod.meta.annotations, defaultProvider);
  const { wish: asked, subnets } = lentAddress(pod, read) ?? {
    wish,
    subnets: own.length > 0 ? own : podSubnets(pod, wish, read),
  };
  return {
    provider: defaultProvider,
    network: defaultProvider,
    ifname: '',
    ip: self.ip,
    isForeign: false,
    foreignMac: '',
    isFirst: true,
    subnets,
    ...(asked && { wish: asked }),
    port,
    errors: errorsOf(wish, port),
  };
}

interface Attaching {
  readonly self: Identity;
  readonly attachment: Attachment;
}

function attached(pod: PodRow, { self, attachment }: Attaching, read: WorldRead): Nic {
  const { selection, network, provider, isForeign, isFirst, ifname, isOneOfSeveral } = attachment;
  const { namespace, name: definition, ips, mac } = selection;
  const named = commaList(pod.meta.annotations[`${provider}.kubernetes.io/logical_switch`] ?? '');
  const ofProvider = read.at('networksByProvider', network).map(({ name }) => name);
  const said = {
    ...(ips.length > 0 && { [`${provider}.kubernetes.io/ip_address`]: ips.join(',') }),
    ...(mac !== '' && { [`${provider}.kubernetes.io/mac_address`]: mac }),
  };
  const annotations = { ...said, ...askedOf(pod) };
  const wish = wishOf({ annotations, provider, attached: { definition, namespace, ifname }, ...ordinalOf(pod) });
  const port = portWish(pod.meta.annotations, provider);
  return {
    provider,
    network,
    ifname: isOneOfSeveral ? ifname : '',
    ip: `${self.ip}.${provider}`,
    isForeign,
    foreignMac: isForeign ? mac : '',
    isFirst,
    subnets: named.length > 0 ? named : ofProvider.sort(),
    ...(isForeign ? { wish: { ...wish, mac: '' } } : wish && { wish }),
    port,
    errors: errorsOf(wish, port),
  };
}

/** Annotations without those that tell what was given. */
function askedOf({ meta: { annotations }, announced }: PodRow): Readonly<Record<string, string>> {
  if (announced.length === 0) return annotations;
  return Object.fromEntries(Object.entries(annotations).filter(([key]) => !announced.includes(key)));
}

/** As it stands in the name, whatever spec.ordinals.start says: that is Kube-OVN's rule. */
const ordinalOf = ({ meta: { name }, podType }: PodRow): { ordinal?: number } =>
  podType === 'StatefulSet' ? { ordinal: Number(name.slice(name.lastIndexOf('-') + 1)) } : {};

/** The pools of the namespace, as far as they are of subnets that the pod itself names, if it names any. */
function podPools(pod: PodRow, own: readonly string[], read: WorldRead): readonly string[] {
  const pools = read.get('binding', pod.meta.namespace)?.pools ?? [];
  return own.length === 0 ? pools : pools.filter((name) => own.includes(read.get('pool', name)?.subnet ?? ''));
}

/** Where the pools are that it may use, else those of its namespace. */
function podSubnets(pod: PodRow, wish: Wish | undefined, read: WorldRead): readonly string[] {
  const ofPools = (wish?.pools ?? []).flatMap((name) => read.get('pool', name)?.subnet ?? []);
  if (ofPools.length > 0) return [...new Set(ofPools)];
  return read.get('binding', pod.meta.namespace)?.subnets ?? [clusterOf(read).defaultSubnet];
}
