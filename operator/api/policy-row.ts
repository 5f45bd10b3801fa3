// Policies and what they are about, projected: whom a NetworkPolicy isolates, whom it lets in, and the labels and ports
// of pods by which it finds them. What cannot be used narrows a rule and never widens it.
import { nothing, selector } from '../../lib/graph/selector.ts';
import type { Labels, Selector } from '../../lib/graph/selector.ts';
import { integerOf, listOf, objectOf, textOf, textsOf } from './json.ts';
import type { JsonObject } from './fact.ts';
import { metaOf } from './meta.ts';
import type { Meta } from './tables.ts';

export type Direction = 'ingress' | 'egress';
export const directions: readonly Direction[] = ['ingress', 'egress'];

export type Protocol = 'TCP' | 'UDP' | 'SCTP';
export const protocols: readonly Protocol[] = ['TCP', 'UDP', 'SCTP'];

/** A port of a container that has a name. */
export interface NamedPort {
  readonly name: string;
  readonly protocol: Protocol;
  readonly number: number;
}

/** A pod as selectors see it. */
export interface LabelledRow {
  /** Its namespace. */
  readonly scope: string;
  readonly labels: Labels;
}

/** Who is at the other end: pods of namespaces (absent: of the policy's own), addresses, nodes, a domain name. */
export type PolicyPeer =
  | { readonly pods: Selector; readonly namespaces?: Selector }
  | { readonly cidr: string; readonly except: readonly string[] }
  | { readonly nodes: Selector }
  | { readonly domain: string };

/** Ports at the receiving end: the whole protocol, one number, a range, or what containers call so. */
export interface PolicyPort {
  readonly protocol: Protocol;
  readonly port?: number | string;
  readonly endPort?: number;
}

export interface PolicyRule {
  /** Absent: everybody. */
  readonly peers?: readonly PolicyPeer[];
  /** Absent: everything. */
  readonly ports?: readonly PolicyPort[];
}

/** A NetworkPolicy (networking.k8s.io/v1). */
export interface NetworkPolicyRow {
  readonly meta: Meta;
  readonly subject: Selector;
  /** As given; empty when policyTypes is absent. */
  readonly types: readonly Direction[];
  readonly rules: Readonly<Record<Direction, readonly PolicyRule[]>>;
  /** What of the spec cannot be used. */
  readonly faults: readonly string[];
}

const withPorts = /^[a-zA-Z0-9-]+$/;

export function labelledRow(source: unknown): LabelledRow {
  const meta = objectOf(objectOf(source)['metadata']);
  return { scope: textOf(meta['namespace']), labels: labelsOf(meta['labels']) };
}

const noLabels: Labels = {};

function labelsOf(value: unknown): Labels {
  const entries = Object.entries(objectOf(value)).filter(([, text]) => typeof text === 'string');
  return entries.length === 0 ? noLabels : (Object.fromEntries(entries) as Labels);
}

/**
 * Named ports of a pod's containers, and of those beside them that go on running (restartable init containers); undefined
 * when it has none.
 */
export function namedPortsRow(source: unknown): readonly NamedPort[] | undefined {
  const spec = objectOf(objectOf(source)['spec']);
  const sidecars = listOf(spec['initContainers']).filter((entry) => objectOf(entry)['restartPolicy'] === 'Always');
  const containers = [...listOf(spec['containers']), ...sidecars].map(objectOf);
  const ports = containers.flatMap((container) => listOf(container['ports'])).map(objectOf);
  const named = ports.filter((port) => withPorts.test(textOf(port['name']))).map(namedPort);
  return named.length === 0 ? undefined : named;
}

const namedPort = (port: JsonObject): NamedPort => ({
  name: textOf(port['name']),
  protocol: protocolOf(port['protocol']) ?? 'TCP',
  number: integerOf(port['containerPort']),
});

export const protocolOf = (value: unknown): Protocol | undefined => protocols.find((known) => known === value);

export function networkPolicyRow(source: unknown): NetworkPolicyRow {
  const object = objectOf(source);
  const spec = objectOf(object['spec']);
  const faults: string[] = [];
  const types = textsOf(spec['policyTypes']).map((type) => type.toLowerCase());
  return {
    meta: metaOf(object),
    subject: selectorOf(spec['podSelector'], faults),
    types: directions.filter((direction) => types.includes(direction)),
    rules: {
      ingress: rulesOf(spec['ingress'], 'from', faults),
      egress: rulesOf(spec['egress'], 'to', faults),
    },
    faults,
  };
}

const noRules: readonly PolicyRule[] = [];

function rulesOf(value: unknown, side: 'from' | 'to', faults: string[]): readonly PolicyRule[] {
  const rules = listOf(value).map(objectOf);
  return rules.length === 0 ? noRules : rules.map((rule) => ruleOf(rule, side, faults));
}

function ruleOf(rule: JsonObject, side: 'from' | 'to', faults: string[]): PolicyRule {
  const peers = listOf(rule[side]);
  const ports = listOf(rule['ports']);
  return {
    ...(peers.length > 0 && { peers: peers.flatMap((peer) => peerOf(objectOf(peer), faults)).slice() }),
    ...(ports.length > 0 && { ports: ports.flatMap((port) => portOf(objectOf(port), faults)).slice() }),
  };
}

function peerOf(peer: JsonObject, faults: string[]): PolicyPeer[] {
  if ('ipBlock' in peer) {
    const block = objectOf(peer['ipBlock']);
    return [{ cidr: textOf(block['cidr']), except: textsOf(block['except']) }];
  }
  if (!('podSelector' in peer) && !('namespaceSelector' in peer)) return [];
  const pods = selectorOf(peer['podSelector'], faults);
  return [{ pods, ...('namespaceSelector' in peer && { namespaces: selectorOf(peer['namespaceSelector'], faults) }) }];
}

function portOf(port: JsonObject, faults: string[]): PolicyPort[] {
  const protocol = port['protocol'] === undefined ? 'TCP' : protocolOf(port['protocol']);
  if (!protocol) {
    faults.push(`protocol ${textOf(port['protocol'])} is none of ${protocols.join(', ')}`);
    return [];
  }
  const value = port['port'];
  if (value === undefined || value === null) return [{ protocol }];
  if (typeof value === 'string') return [{ protocol, port: value }];
  const endPort = integerOf(port['endPort']);
  return [{ protocol, port: integerOf(value), ...(endPort > 0 && { endPort }) }];
}

/** A selector with an operator that is none selects nothing. */
export function selectorOf(value: unknown, faults: string[]): Selector {
  try {
    return selector(objectOf(value));
  } catch (error) {
    faults.push((error as Error).message);
    return nothing;
  }
}
