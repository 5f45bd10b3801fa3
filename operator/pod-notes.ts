// Events that Kube-OVN writes about pods beside problems: addresses given, changed and released, and port security that
// has changed. A change is told by what was there before it, so none is told at first sight of a pod.
import type { Owner } from '../lib/delta/fact.ts';
import { owner as ownerOf } from '../lib/delta/ids.ts';
import { objectOf } from './api/json.ts';
import { podIpName, podRef } from './api/refs.ts';
import type { Demand, IpRow, PodRow } from './api/tables.ts';
import { WriteRefused } from './ipam/writer.ts';
import type { Observation } from './kube/applier.ts';
import type { EventNote } from './kube/events.ts';
import type { KubeObject } from './kube/object.ts';

type Annotations = Readonly<Record<string, unknown>>;

/** What takes the events. */
interface Events {
  record(note: EventNote): void;
}

export interface PodNotesOptions {
  readonly events: Events;
  readonly demand: (ip: string) => Demand | undefined;
  readonly ip: (name: string) => IpRow | undefined;
  /** Whether the rows of an owner are as they are wanted. */
  readonly applied: (owner: Owner) => boolean;
}

interface Named {
  readonly namespace: string;
  readonly name: string;
  readonly annotations: Annotations;
}

export class PodNotes {
  readonly #options: PodNotesOptions;
  /** Changes that are not in the database yet, by whose rows they are. */
  readonly #waiting = new Map<Owner, EventNote>();

  constructor(options: PodNotesOptions) {
    this.#options = options;
  }

  /** An apply of ours has been accepted: the object, and what was known of it before. */
  applied({ apiVersion, kind, metadata }: KubeObject, before: Observation): void {
    if (kind !== 'Pod') return;
    const { namespace = '', name, uid, annotations = {} } = metadata;
    const [now, past] = [annotations, annotationsOf(before)].map((all) => ({ namespace, name, annotations: all }));
    if (!now || !past) return;
    const [had, has] = [providersOf(past.annotations), providersOf(now.annotations)];
    const fresh = has.filter((provider) => !had.includes(provider)).map((provider) => partOf(provider, now));
    const moved = has
      .filter((provider) => had.includes(provider) && partOf(provider, now) !== partOf(provider, past))
      .map((provider) => partOf(provider, now));
    const gone = had.filter((provider) => !has.includes(provider)).map((provider) => partOf(provider, past));
    const parts = [...fresh, ...gone, ...moved];
    if (parts.length === 0) return;
    const reason = fresh.length > 0 ? 'PodNetworkAllocated' : 'PodNetworkUpdated';
    this.#note({ apiVersion, kind, namespace, name, uid }, reason, parts.join('; '));
  }

  /** A pod as it was and as it is. */
  changed({ meta: before }: PodRow, { meta: now }: PodRow): void {
    if (before.uid !== now.uid || before.annotations === now.annotations) return;
    if (!asksMore(before.annotations, now.annotations) && !asksMore(now.annotations, before.annotations)) return;
    const { namespace, name, uid, annotations } = now;
    const details = providersOf(annotations)
      .filter((provider) => said(annotations, provider, 'routed') === 'true')
      .map((provider) => partOf(provider, { namespace, name, annotations }));
    // A pod that has no network yet is not changed.
    if (details.length === 0) return;
    const owner = ownerOf(podRef(namespace, machineOf(annotations) || name));
    const about = { ...podRef(namespace, name), uid };
    this.#waiting.set(owner, { about, type: 'Normal', reason: 'PodSecurityUpdated', message: details.join('; ') });
  }

  /** The rows of an owner are as they are wanted. */
  confirmed(owner: Owner): void {
    const note = this.#waiting.get(owner);
    if (note === undefined) return;
    this.#waiting.delete(owner);
    this.#options.events.record(note);
  }

  /** Everything is computed: nobody will tell of owners whose rows have not changed. */
  settled(): void {
    for (const owner of this.#waiting.keys()) if (this.#options.applied(owner)) this.confirmed(owner);
  }

  /** The IP object of a pod's interface has been let go: nothing of it is left. */
  released({ meta: { name }, namespace, podName, subnet, addresses, mac, ownerUid, podType }: IpRow): void {
    const first = podIpName(namespace, podName);
    const provider = name === first ? 'ovn' : name.slice(first.length + 1);
    const about = { ...podRef(namespace, podName), ...(ownerUid !== '' && podType === '' && { uid: ownerUid }) };
    const details = `provider=${provider} subnet=${subnet} ip=${addresses.join(',')} mac=${mac} logicalSwitchPort=${name}`;
    const port = mac === '' ? '' : `logicalSwitchPort=${name}; `;
    const message = `${port}ipCR=${name} subnet=${subnet}; ipam=${name} subnet=${subnet}; ${details}`;
    this.#note(about, 'PodNetworkReleased', message);
  }

  /** The API server refuses an IP object for good; `step` is what was tried. */
  failed(step: string, name: string, error: unknown): void {
    if (!(error instanceof WriteRefused)) return;
    const isRelease = step === 'remove' || step === 'finish';
    const row = this.#options.ip(name);
    const owner = isRelease ? row && podRef(row.namespace, row.podName) : this.#options.demand(name)?.owner;
    if (owner?.kind !== 'Pod' || owner.namespace === '') return;
    const [reason, stage] = isRelease
      ? ['PodNetworkReleaseFailed', 'deleteIPCR']
      : ['PodNetworkAllocationFailed', 'createOrUpdateIPCR'];
    const message = `stage=${stage} error=${error.message}`;
    this.#options.events.record({ about: owner, type: 'Warning', reason, message });
  }

  #note(about: EventNote['about'], reason: string, message: string): void {
    this.#options.events.record({ about, type: 'Normal', reason, message });
  }
}

const allocated = '.kubernetes.io/allocated';

const annotationsOf = (observation: Observation): Annotations =>
  typeof observation === 'string' ? {} : objectOf(objectOf(observation['metadata'])['annotations']);

/** Networks on which a pod has an address; the default one first, as it is made first. */
const providersOf = (annotations: Annotations): string[] =>
  Object.keys(annotations)
    .filter((key) => key.endsWith(allocated) && annotations[key] === 'true')
    .map((key) => key.slice(0, -allocated.length))
    .sort((a, b) => Number(b === 'ovn') - Number(a === 'ovn') || (a < b ? -1 : 1));

const said = (annotations: Annotations, provider: string, suffix: string): string => {
  const value = annotations[`${provider}.kubernetes.io/${suffix}`];
  return typeof value === 'string' ? value : '';
};

const machineOf = (annotations: Annotations): string => said(annotations, 'ovn', 'virtualmachine');

function partOf(provider: string, { namespace, name, annotations }: Named): string {
  const of = (suffix: string): string => said(annotations, provider, suffix);
  const first = podIpName(namespace, of('virtualmachine') || name);
  const parts = [
    `provider=${provider}`,
    `subnet=${of('logical_switch')}`,
    `ip=${of('ip_address')}`,
    `mac=${of('mac_address')}`,
    `logicalSwitchPort=${provider === 'ovn' ? first : `${first}.${provider}`}`,
  ];
  return parts.join(' ');
}

const ofSecurity = /(?:\.kubernetes\.io\/(?:port_security|port_vips|security_groups)|^ovn\.kubernetes\.io\/aaps)$/;

/** Whether the first say something of port security that the others do not. Asked of every change of a pod. */
const asksMore = (some: Annotations, others: Annotations): boolean =>
  Object.keys(some).some((key) => some[key] !== (others[key] ?? '') && some[key] !== '' && ofSecurity.test(key));
