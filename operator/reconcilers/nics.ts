// The interfaces of a pod that get an address here: one on the default network or on what replaces it, and one for each
// attachment to a network whose subnet is ours. A network is told by its provider, `<definition>.<namespace>`, with `.ovn`
// behind it where the interface is ours too.
import { defaultNetworkAnnotation, networkSelections, networksAnnotation } from '../api/networks.ts';
import type { NetworkSelection } from '../api/networks.ts';
import { commaList } from '../api/json.ts';
import { portWish } from '../api/port-wish.ts';
import type { PortWish } from '../api/port-wish.ts';
import { objectKey } from '../api/refs.ts';
import type { PodRow, Wish } from '../api/tables.ts';
import { wishOf } from '../api/wish.ts';
import type { Identity } from './identity.ts';
import { clusterOf } from './reconciler.ts';
import type { WorldRead } from './reconciler.ts';
import { lentAddress } from './vip-holding.ts';

export interface Nic {
  /** `ovn` for the default network. */
  readonly provider: string;
  /** Name of its IP object, and of its port. */
  readonly ip: string;
  /** Another plugin makes the interface, and gives it a MAC. */
  readonly isForeign: boolean;
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
  readonly errors: readonly string[];
}

export const defaultProvider = 'ovn';

export function nicsOf(pod: PodRow, self: Identity, read: WorldRead): Nics {
  const { annotations } = pod.meta;
  const replaced = annotations[defaultNetworkAnnotation] ?? '';
  const asked = annotations[networksAnnotation] ?? '';
  const first = replaced === '' ? [defaultNic(pod, self, read)] : [];
  if (replaced === '' && asked === '') return withErrors(first, []);
  const errors: string[] = [];
  const nics = [replaced, asked].flatMap((text, at) => {
    const selections = networkSelections(text, pod.meta.namespace);
    const key = at === 0 ? defaultNetworkAnnotation : networksAnnotation;
    if (!selections) errors.push(`${text} is not a valid ${key}`);
    return (selections ?? []).map((selection) => attached(pod, { self, selection, isFirst: at === 0 }, read));
  });
  errors.push(...nics.filter((nic) => typeof nic === 'string'));
  return withErrors(
    [
      ...first,
      ...once(
        nics.filter((nic) => typeof nic === 'object'),
        errors,
      ),
    ],
    errors,
  );
}

/** What is wrong with the annotations of each, too. */
const withErrors = (nics: readonly Nic[], errors: readonly string[]): Nics => ({
  nics,
  errors: [...errors, ...nics.flatMap((nic) => nic.errors)],
});

const errorsOf = (wish: Wish | undefined, port: PortWish): string[] => [
  ...(wish?.invalid === undefined ? [] : [wish.invalid]),
  ...port.errors,
];

function once(nics: readonly Nic[], errors: string[]): Nic[] {
  const seen = new Set<string>();
  return nics.filter(({ provider }) => {
    if (seen.has(provider)) errors.push(`a second interface of ${provider} is not made yet`);
    return !seen.has(provider) && seen.add(provider);
  });
}

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
    ip: self.ip,
    isForeign: false,
    isFirst: true,
    subnets,
    ...(asked && { wish: asked }),
    port,
    errors: errorsOf(wish, port),
  };
}

interface Attaching {
  readonly self: Identity;
  readonly selection: NetworkSelection;
  readonly isFirst: boolean;
}

/** Undefined for a network of others, a text for one that is not there. */
function attached(pod: PodRow, { self, selection, isFirst }: Attaching, read: WorldRead): Nic | string | undefined {
  const { namespace, name, ips, mac } = selection;
  const provider = providerOf(selection, self, read);
  if (provider === undefined) return `failed to get net-attach-def ${namespace}/${name}`;
  const isForeign = provider === `${name}.${namespace}`;
  const named = commaList(pod.meta.annotations[`${provider}.kubernetes.io/logical_switch`] ?? '');
  const ofProvider = read.at('networksByProvider', provider).map((network) => network.name);
  if (isForeign && ofProvider.length === 0) return undefined;
  const said = {
    ...(ips.length > 0 && { [`${provider}.kubernetes.io/ip_address`]: ips.join(',') }),
    ...(mac !== '' && { [`${provider}.kubernetes.io/mac_address`]: mac }),
  };
  const wish = wishOf({ annotations: { ...said, ...askedOf(pod) }, provider, ...ordinalOf(pod) });
  const port = portWish(pod.meta.annotations, provider);
  return {
    provider,
    ip: `${self.ip}.${provider}`,
    isForeign,
    isFirst,
    subnets: named.length > 0 ? named : ofProvider.sort(),
    ...(isForeign ? { wish: { ...wish, mac: '' } } : wish && { wish }),
    port,
    errors: errorsOf(wish, port),
  };
}

/** What a pod has it keeps while the definition is away: then its IP object tells of which kind the network is. */
function providerOf({ namespace, name }: NetworkSelection, self: Identity, read: WorldRead): string | undefined {
  const [foreign, ours] = [`${name}.${namespace}`, `${name}.${namespace}.ovn`];
  const definition = read.get('attachment', objectKey(namespace, name));
  if (definition) return definition.isOvn ? ours : foreign;
  return [ours, foreign].find((provider) => read.get('ip', `${self.ip}.${provider}`)?.ownerUid === self.uid);
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
