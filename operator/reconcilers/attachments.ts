// The interfaces that a pod's annotations ask for, and the provider of each: under its name are the annotations, the IP
// object and the port. That of the only interface on a network is `<definition>.<namespace>`, with `.ovn` behind it where
// the interface is ours too. Of several on one network, each one more has its name in the pod behind that.
import { defaultNetworkAnnotation, isInterfaceLabel, networkSelections, networksAnnotation } from '../api/networks.ts';
import type { NetworkSelection } from '../api/networks.ts';
import { objectKey } from '../api/refs.ts';
import type { PodRow } from '../api/tables.ts';
import type { Identity } from './identity.ts';
import type { WorldRead } from './reconciler.ts';

export interface Attachment {
  readonly selection: NetworkSelection;
  /** Provider of the subnets of the network, and what its configuration names. */
  readonly network: string;
  /** Of this interface. */
  readonly provider: string;
  /** Another plugin makes the interface. */
  readonly isForeign: boolean;
  /** In place of the default network. */
  readonly isFirst: boolean;
  /** In the pod: as asked for, else as Multus calls it. */
  readonly ifname: string;
  /** The pod has others on this network. */
  readonly isOneOfSeveral: boolean;
}

export interface Attachments {
  readonly attachments: readonly Attachment[];
  readonly errors: readonly string[];
}

type Asked = Pick<Attachment, 'selection' | 'isFirst' | 'ifname'>;
type Known = Asked & Pick<Attachment, 'network' | 'isForeign'>;

export function attachmentsOf(pod: PodRow, self: Identity, read: WorldRead): Attachments {
  const errors: string[] = [];
  const attachments = [...Map.groupBy(askedBy(pod, errors), definitionOf)].flatMap(([definition, several]) => {
    const found = networkOf(several, self, read);
    if (!found) errors.push(`failed to get net-attach-def ${definition}`);
    // What is not ours may be called whatever it likes.
    if (!found || (found.isForeign && read.at('networksByProvider', found.network).length === 0)) return [];
    const known = several.map((one) => ({ ...one, ...found }));
    return withProviders(known, { self, errors }, read);
  });
  return { attachments: unique(attachments, errors), errors };
}

const definitionOf = ({ selection: { namespace, name } }: Asked): string => `${namespace}/${name}`;

function askedBy({ meta: { annotations, namespace } }: PodRow, errors: string[]): Asked[] {
  const listed = (key: string): readonly NetworkSelection[] => {
    const text = annotations[key] ?? '';
    const selections = networkSelections(text, namespace);
    if (!selections) errors.push(`${text} is not a valid ${key}`);
    return selections ?? [];
  };
  const first = listed(defaultNetworkAnnotation).map((selection) => ({
    selection: { ...selection, ifname: '' },
    isFirst: true,
    ifname: 'eth0',
  }));
  const further = listed(networksAnnotation).map((selection, at) => ({
    selection,
    isFirst: false,
    ifname: selection.ifname || `net${at + 1}`,
  }));
  return [...first, ...further];
}

/** What a pod has it keeps while the definition is away: then its IP objects tell of which kind the network is. */
function networkOf(
  several: readonly Asked[],
  self: Identity,
  read: WorldRead,
): Pick<Attachment, 'network' | 'isForeign'> | undefined {
  const [first] = several;
  if (!first) return undefined;
  const { namespace, name } = first.selection;
  const foreign = { network: `${name}.${namespace}`, isForeign: true };
  const ours = { network: `${name}.${namespace}.ovn`, isForeign: false };
  const definition = read.get('attachment', objectKey(namespace, name));
  if (definition) return definition.isOvn ? ours : foreign;
  return [ours, foreign].find(({ network }) =>
    [network, ...several.map(({ ifname }) => `${network}.${ifname}`)].some((provider) => isHeld(provider, self, read)),
  );
}

const isHeld = (provider: string, self: Identity, read: WorldRead): boolean =>
  read.get('ip', `${self.ip}.${provider}`)?.ownerUid === self.uid;

/**
 * Providers of the interfaces on one network, in Kube-OVN's way: of several, those that are asked for by name have the
 * name in it. What a pod has stays under its provider, though, when others come beside it or go.
 */
function withProviders(
  several: readonly Known[],
  { self, errors }: { readonly self: Identity; readonly errors: string[] },
  read: WorldRead,
): Attachment[] {
  const longOf = ({ network, ifname }: Known): string => `${network}.${ifname}`;
  const lacksLong = (one: Known): boolean => !isHeld(longOf(one), self, read);
  const [network = ''] = several.map((one) => one.network);
  const isOneOfSeveral = several.length > 1;
  const plain = isOneOfSeveral
    ? (several.find(({ selection }) => selection.ifname === '') ??
      (isHeld(network, self, read) ? several.find(lacksLong) : undefined))
    : several.find((one) => isHeld(network, self, read) || lacksLong(one));
  return several.flatMap((one) => {
    if (one === plain) return [{ ...one, isOneOfSeveral, provider: network }];
    if (isInterfaceLabel(one.ifname)) return [{ ...one, isOneOfSeveral, provider: longOf(one) }];
    errors.push(`the interface name ${one.ifname} cannot be a part of ${network}.${one.ifname}`);
    return [];
  });
}

/** The runtime cannot make two interfaces of one name either, and a provider stands for one interface. */
function unique(attachments: readonly Attachment[], errors: string[]): Attachment[] {
  const names = new Set<string>();
  const providers = new Set<string>();
  return attachments.filter(({ ifname, provider }) => {
    const isTaken = names.has(ifname) || providers.has(provider);
    if (isTaken) errors.push(`interface ${ifname} of ${provider}: the pod has one of this name already`);
    names.add(ifname);
    providers.add(provider);
    return !isTaken;
  });
}
