// Services and what is behind them, as load balancers depend on it.
import { ownerAnnotation, statusManager } from './managers.ts';
import { canonicalIp } from '../../lib/net/index.ts';
import { flagOf, integerOf, listOf, objectOf, textOf, textsOf } from './json.ts';
import type { JsonObject } from './fact.ts';
import { createdOf, inUseOrGenerated, metaOf } from './meta.ts';
import { objectKey } from './refs.ts';
import type { Meta } from './tables.ts';

/** As table Load_Balancer of the northbound database names them. */
export type ServiceProtocol = 'tcp' | 'udp' | 'sctp';

export interface ServicePort {
  /** By which an EndpointSlice has its number on the backends; '' for the only one. */
  readonly name: string;
  readonly protocol: ServiceProtocol;
  readonly port: number;
}

export interface ServiceRow {
  readonly meta: Meta;
  /** Creation time in ms since the epoch: of two Services with one address and port the older is right. */
  readonly created: number;
  /** Canonical; empty for a headless Service, and for one that is a name. */
  readonly clusterIps: readonly string[];
  /** Further addresses: externalIPs, and those of a load balancer that hands the packets on as they are. */
  readonly externalIps: readonly string[];
  readonly ports: readonly ServicePort[];
  readonly hasSelector: boolean;
  /** Seconds for which a client stays with its backend; 0 without affinity. */
  readonly affinity: number;
  /** Clients in the cluster reach the backends of their own node alone. */
  readonly internalLocal: boolean;
  /** So do those from outside. */
  readonly externalLocal: boolean;
  /** Backends that are not ready are as good. */
  readonly publishNotReady: boolean;
  /** Of one that is to be reached from outside by a load balancer. */
  readonly outside?: Outside;
  /** As written, of one that was generated: what is to be written is compared with it. */
  readonly spec?: JsonObject;
}

/** What a Service of type LoadBalancer says of its load balancer, and what its status tells of that. */
export interface Outside {
  /** The address that it is to have, as written; '' when any will do. */
  readonly asked: string;
  /** Whose connections are taken; empty is anybody's. */
  readonly sources: readonly string[];
  /** Its addresses, canonical. */
  readonly ingress: readonly string[];
  /** It was we who wrote them there. */
  readonly told: boolean;
}

export interface Endpoint {
  readonly address: string;
  /** '' when it is nowhere in the cluster. */
  readonly node: string;
  /** Key of the pod, '' for anything else. */
  readonly pod: string;
  /** `draining`: on its way out, and serving still. */
  readonly state: 'ready' | 'draining' | 'unready';
  /** Names of the nodes and zones whose clients it is for (`trafficDistribution`, topology-aware routing); none without a hint. */
  readonly hints?: { readonly nodes: readonly string[]; readonly zones: readonly string[] };
}

export interface EndpointSliceRow {
  /** Key of the Service. */
  readonly service: string;
  readonly family: 4 | 6;
  /** Made of the Service's selector; it stays as it is when the Service loses that. */
  readonly bySelector: boolean;
  readonly ports: readonly ServicePort[];
  readonly endpoints: readonly Endpoint[];
}

/** A node that announces the addresses of a Service outside of the cluster. */
export interface AnnouncementRow {
  /** Key of the Service. */
  readonly service: string;
  readonly node: string;
}

/** Another proxy serves it. */
const proxyLabel = 'service.kubernetes.io/service-proxy-name';
const serviceLabel = 'kubernetes.io/service-name';
const makerLabel = 'endpointslice.kubernetes.io/managed-by';
const selectorsMaker = 'endpointslice-controller.k8s.io';

export function serviceRow(source: unknown): ServiceRow | undefined {
  const object = objectOf(source);
  const spec = objectOf(object['spec']);
  if (proxyLabel in objectOf(objectOf(object['metadata'])['labels'])) return undefined;
  const clusterIps = clusterIpsOf(spec);
  return {
    meta: metaOf(object, { labels: inUseOrGenerated }),
    created: createdOf(object),
    clusterIps,
    externalIps: clusterIps.length === 0 ? [] : addresses([...textsOf(spec['externalIPs']), ...ingressOf(object)]),
    ports: portsOf(spec['ports']),
    hasSelector: Object.keys(objectOf(spec['selector'])).length > 0,
    affinity: spec['sessionAffinity'] === 'ClientIP' ? timeoutOf(spec) : 0,
    internalLocal: spec['internalTrafficPolicy'] === 'Local',
    externalLocal: spec['externalTrafficPolicy'] === 'Local',
    publishNotReady: flagOf(spec['publishNotReadyAddresses']),
    ...(spec['type'] === 'LoadBalancer' && { outside: outsideOf(object, spec) }),
    ...(ownerAnnotation in objectOf(objectOf(object['metadata'])['annotations']) && { spec }),
  };
}

function clusterIpsOf(spec: JsonObject): string[] {
  if (spec['type'] === 'ExternalName') return [];
  const all = textsOf(spec['clusterIPs']);
  return addresses(all.length > 0 ? all : [textOf(spec['clusterIP'])]);
}

/**
 * Of a load balancer outside. One that is a proxy has to see the packets; and what only some sources may reach is left to
 * the nodes, which know how to tell them apart.
 */
function ingressOf(object: JsonObject): string[] {
  const spec = objectOf(object['spec']);
  if (spec['type'] !== 'LoadBalancer' || isRestricted(spec)) return [];
  return ingresses(object)
    .filter(({ ipMode }) => ipMode !== 'Proxy')
    .map(({ ip }) => textOf(ip));
}

function outsideOf(object: JsonObject, spec: JsonObject): Outside {
  const ingress = addresses(ingresses(object).map(({ ip }) => textOf(ip)));
  return {
    asked: textOf(spec['loadBalancerIP']),
    sources: isRestricted(spec) ? textsOf(spec['loadBalancerSourceRanges']).map((range) => range.trim()) : [],
    ingress,
    told: ingress.length > 0 && isTold(objectOf(object['metadata'])),
  };
}

const ingresses = (object: JsonObject): JsonObject[] =>
  listOf(objectOf(objectOf(object['status'])['loadBalancer'])['ingress']).map(objectOf);

/** Whoever wrote the list last owns all of it. */
function isTold(meta: JsonObject): boolean {
  const entry = listOf(meta['managedFields'])
    .map(objectOf)
    .find((held) => held['manager'] === statusManager && held['subresource'] === 'status');
  return 'f:ingress' in objectOf(objectOf(objectOf(entry?.['fieldsV1'])['f:status'])['f:loadBalancer']);
}

const everyone = ['0.0.0.0/0', '::/0'];

const isRestricted = (spec: JsonObject): boolean =>
  textsOf(spec['loadBalancerSourceRanges']).some((range) => !everyone.includes(range.trim()));

/** The API server fills the default in. */
const defaultTimeout = 10_800;

const timeoutOf = (spec: JsonObject): number =>
  integerOf(objectOf(objectOf(spec['sessionAffinityConfig'])['clientIP'])['timeoutSeconds']) || defaultTimeout;

/** Which node announces the addresses of a Service: a ServiceL2Status of MetalLB. Undefined as long as none does. */
export function announcementRow(source: unknown): AnnouncementRow | undefined {
  const { serviceNamespace, serviceName, node } = objectOf(objectOf(source)['status']);
  if (textOf(serviceName) === '' || textOf(node) === '') return undefined;
  return { service: objectKey(textOf(serviceNamespace), textOf(serviceName)), node: textOf(node) };
}

export function endpointSliceRow(source: unknown): EndpointSliceRow | undefined {
  const object = objectOf(source);
  const meta = objectOf(object['metadata']);
  const labels = objectOf(meta['labels']);
  const service = textOf(labels[serviceLabel]);
  const family = families[textOf(object['addressType'])];
  if (service === '' || family === undefined) return undefined;
  return {
    service: objectKey(textOf(meta['namespace']), service),
    family,
    bySelector: labels[makerLabel] === selectorsMaker,
    ports: portsOf(object['ports']),
    endpoints: listOf(object['endpoints']).flatMap((entry) => endpointOf(objectOf(entry), textOf(meta['namespace']))),
  };
}

const families: Readonly<Record<string, 4 | 6>> = { IPv4: 4, IPv6: 6 };

/** The first address is the only one that means anything. */
function endpointOf(entry: JsonObject, namespace: string): Endpoint[] {
  const [address] = addresses(textsOf(entry['addresses']).slice(0, 1));
  if (address === undefined) return [];
  const { kind, name, namespace: own } = objectOf(entry['targetRef']);
  const pod = kind === 'Pod' ? objectKey(textOf(own) || namespace, textOf(name)) : '';
  const [hints, state] = [hintsOf(objectOf(entry['hints'])), stateOf(objectOf(entry['conditions']))];
  return [{ address, node: textOf(entry['nodeName']), pod, state, ...(hints && { hints }) }];
}

function hintsOf({ forNodes, forZones }: JsonObject): Endpoint['hints'] {
  const named = (value: unknown): string[] => listOf(value).map((entry) => textOf(objectOf(entry)['name']));
  const [nodes, zones] = [named(forNodes), named(forZones)];
  return nodes.length + zones.length === 0 ? undefined : { nodes, zones };
}

/** What is not said is to be taken for ready, for serving, and for staying. */
function stateOf({ ready, serving, terminating }: JsonObject): Endpoint['state'] {
  if (ready !== false) return 'ready';
  return serving !== false && terminating === true ? 'draining' : 'unready';
}

const protocolNames: Readonly<Record<string, ServiceProtocol>> = { '': 'tcp', TCP: 'tcp', UDP: 'udp', SCTP: 'sctp' };

/** A port without a number is all of them, which no balancer can have. */
function portsOf(value: unknown): ServicePort[] {
  return listOf(value)
    .map(objectOf)
    .flatMap((entry) => {
      const [protocol, port] = [protocolNames[textOf(entry['protocol'])], integerOf(entry['port'])];
      return protocol === undefined || port === 0 ? [] : [{ name: textOf(entry['name']), protocol, port }];
    });
}

/** Canonical and each once, in the given order; what is no address is left out. */
const addresses = (texts: readonly string[]): string[] => [
  ...new Set(texts.map(canonicalIp).filter((address) => address !== undefined)),
];
