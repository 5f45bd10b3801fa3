// `kubeloom why`: reads the northbound database once, finds the two ends in it, and asks what becomes of a connection
// between them. Writes nothing, anywhere.
import type { KubernetesObjectApi } from '@kubernetes/client-node';
import type { Family, Ip } from '../lib/net/index.ts';
import { apiOf, type ClusterOptions } from './kube.ts';
import { northboundOf, serviceAddresses, snapshot, type Northbound } from './northbound.ts';
import type { Answer } from './why/answer.ts';
import type { Protocol } from './why/packet.ts';
import { addressesOf, commonFamily, onlyPort, partyOf, placeOf, portOf, serviceVips, type Place } from './why/place.ts';
import type { Nb } from './why/rows.ts';
import { ConnectionError, Evaluation } from './why/verdict.ts';

export interface WhyOptions {
  readonly from: string;
  readonly to: string;
  /** Namespace of pods and services that name none. */
  readonly namespace: string;
  /** TCP with a port, ICMP without, unless it is told. */
  readonly protocol?: Protocol | undefined;
  readonly port?: number | undefined;
  readonly sourcePort?: number | undefined;
  /** When both ends have both. */
  readonly family: Family;
  readonly cluster: ClusterOptions;
  /** Where the northbound database is; asked of the cluster when absent. */
  readonly nb?: Northbound | undefined;
}

/** Milliseconds for the whole database to come. */
const patience = 20_000;

/** Throws ConnectionError for ends that make no sense, and an Error for what cannot be reached. */
export async function why(options: WhyOptions): Promise<Answer> {
  const { from, to, namespace, cluster } = options;
  const places = { from: placeOf(from, namespace), to: placeOf(to, namespace) };
  if (places.from.kind === 'service')
    throw new ConnectionError('connections do not come from a service, but from a pod');
  const api = lazily(() => apiOf(cluster));
  const nb = await snapshot(options.nb ?? (await northboundOf(api())), patience);
  const service = places.to.kind === 'service' ? await addressesOfService(nb, places.to, api) : [];
  return answer(nb, { ...options, ...places, service });
}

/** Rows that name the Service as their owner tell, and the API server does otherwise. */
async function addressesOfService(
  nb: Nb,
  place: { namespace: string; name: string },
  api: () => KubernetesObjectApi,
): Promise<string[]> {
  const told = serviceVips(nb, place.namespace, place.name);
  if (told.length > 0) return told;
  const addresses = await serviceAddresses(api(), place);
  if (addresses.every((address) => address === 'None'))
    throw new ConnectionError(`service ${place.namespace}/${place.name} has no address of its own; name a pod of it`);
  return addresses;
}

export interface Question extends Omit<WhyOptions, 'from' | 'to'> {
  readonly from: Place;
  readonly to: Place;
  /** Addresses of the service that `to` is. */
  readonly service: readonly string[];
}

export function answer(nb: Nb, question: Question): Answer {
  const evaluation = new Evaluation(nb);
  const { topology } = evaluation.network;
  const { from, to, service, family: wished, sourcePort } = question;
  const ends = { from: addressesOf(from, topology, []), to: addressesOf(to, topology, service) };
  const family = commonFamily(ends.from, ends.to, wished);
  const destination = ofFamily(ends.to, family);
  const parties = { from: partyOf(from, ofFamily(ends.from, family)), to: partyOf(to, destination) };
  const protocol = protocolOf(question);
  const port = protocol === 'icmp' ? undefined : (question.port ?? onlyPort(nb, destination, protocol));
  const verdict = evaluation.verdict({
    from: from.kind === 'address' || from.kind === 'service' ? parties.from.address : portOf(from, topology).name,
    source: parties.from.address,
    to: parties.to.address,
    protocol,
    port,
    sourcePort,
  });
  return { ...parties, protocol, port, verdict };
}

function protocolOf({ protocol, port, to }: Question): Protocol {
  return protocol ?? (port === undefined && to.kind !== 'service' ? 'icmp' : 'tcp');
}

function ofFamily(ips: readonly Ip[], family: Family): Ip {
  const found = ips.find((ip) => ip.family === family);
  if (found === undefined) throw new RangeError(`no address of IPv${family}`);
  return found;
}

function lazily<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => (made ??= make());
}
