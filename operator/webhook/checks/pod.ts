// Pods, and workloads by the template of their pods: what is asked of addresses by annotations, understood as the
// operator understands it, and whether somebody else has them.
import { containsIp, parseCidrs, parseIp } from '../../../lib/net/index.ts';
import { annotationKey } from '../../api/annotation-key.ts';
import type { JsonObject } from '../../api/fact.ts';
import { flagOf, listOf, objectOf, textOf } from '../../api/json.ts';
import { usedKey } from '../../api/keys.ts';
import { podRow } from '../../api/project.ts';
import type { IpRow, PodRow } from '../../api/tables.ts';
import { identityOf } from '../../reconcilers/identity.ts';
import { nicsOf } from '../../reconcilers/nics.ts';
import type { Nic } from '../../reconcilers/nics.ts';
import type { Checks, View } from './check.ts';
import { nameOf } from './check.ts';
import { labelOf } from './subnet.ts';

/** Who the pods of an object are called like, and whether one of them is judged. */
interface Subject {
  readonly row: PodRow;
  /** Pods whose names begin with this make way for each other; '' when there are none. */
  readonly siblings: string;
  readonly isPod: boolean;
}

export const pod: Checks = {
  *faults(object, view) {
    const { metadata } = object;
    // Two pods of a machine share its address while it moves.
    if ('kubevirt.io/migrationJobName' in objectOf(objectOf(metadata)['annotations'])) return;
    yield* faultsOf({ row: podRow(object), siblings: siblingsOf(objectOf(metadata)), isPod: true }, view);
  },
};

/** Of a workload; `path` leads from its spec to the template of its pods. */
export const workload = (...path: readonly string[]): Checks => ({
  *faults(object, view) {
    const spec = path.reduce((inner, field) => objectOf(inner[field]), objectOf(object['spec']));
    const template = objectOf(spec['template']);
    const [name, { namespace = '' }] = [nameOf(object), objectOf(object['metadata'])];
    const metadata = { ...objectOf(template['metadata']), name, namespace };
    const row = podRow({ metadata, spec: objectOf(template['spec']) });
    yield* faultsOf({ row, siblings: `${name}-`, isPod: false }, view);
  },
});

function* faultsOf(subject: Subject, view: View): Generator<string> {
  const { row } = subject;
  if (row.hostNetwork) return;
  yield* upperCase(row);
  const { nics } = nicsOf(row, identityOf(row, view), view);
  for (const nic of nics) {
    yield* nic.errors;
    yield* outsideStated(row, nic);
    yield* conflicts(subject, nic, view);
  }
}

const asking = /\/(?:ip_address(?:\.[^/]+)?|ip_pool)$/;

function* upperCase({ meta: { annotations } }: PodRow): Generator<string> {
  for (const [key, text] of Object.entries(annotations))
    if (asking.test(key) && text.split(/[,;]/).some((part) => part.includes(':') && part !== part.toLowerCase()))
      yield `${key} ${text}: IPv6 must be written in lower case`;
}

/** Whoever states the range of the subnet, too, means an address in it. */
function* outsideStated({ meta: { annotations } }: PodRow, { provider, wish }: Nic): Generator<string> {
  const stated = (annotations[annotationKey(provider, 'cidr')] ?? '').trim();
  if (stated === '') return;
  const cidrs = parseCidrs(stated.replaceAll(';', ','));
  if (!cidrs) yield `${stated} is not a valid ${annotationKey(provider, 'cidr')}`;
  for (const text of (wish?.fixed ?? []).flat()) {
    const ip = parseIp(text);
    if (cidrs && ip && !cidrs.some((cidr) => containsIp(cidr, ip))) yield `${text} not in cidr ${stated}`;
  }
}

function* conflicts({ row, siblings, isPod }: Subject, nic: Nic, view: View): Generator<string> {
  const sets = nic.wish?.fixed ?? [];
  // One pod of several takes what is free of the list, and waits when nothing is.
  if (isPod && sets.length > 1) return;
  const isOwn = ({ meta, namespace, podName }: IpRow): boolean =>
    meta.name === nic.ip || (siblings !== '' && namespace === row.meta.namespace && podName.startsWith(siblings));
  for (const address of sets.flat()) {
    const held = nic.subnets.flatMap((subnet) => holders(subnet, address, view));
    const other = held.find((holder) => !holder.meta.deleting && !isOwn(holder));
    if (other) yield `address ${address} of subnet ${other.subnet} is in use by ${labelOf(other)}`;
  }
}

const holders = (subnet: string, address: string, view: View): IpRow[] => [
  ...view.at('ipsByAddress', usedKey(subnet, address)),
  ...view.at('holdingsByAddress', usedKey(subnet, address)),
];

/**
 * A pod that takes the place of another of its workload is made before the other one has let go. A ReplicaSet's name ends
 * with the hash of its template, which differs between two of one Deployment.
 */
function siblingsOf(metadata: JsonObject): string {
  const owner = listOf(metadata['ownerReferences'])
    .map(objectOf)
    .find((reference) => flagOf(reference['controller']));
  const name = textOf(owner?.['name']);
  if (name === '') return '';
  return owner?.['kind'] === 'ReplicaSet' ? `${name.replace(/-[^-]*$/, '')}-` : `${name}-`;
}
