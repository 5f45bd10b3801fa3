// Policies of the administrator, projected: AdminNetworkPolicy and BaselineAdminNetworkPolicy
// (policy.networking.k8s.io/v1alpha1), ClusterNetworkPolicy (v1alpha2). What of a rule cannot be understood closes it, as
// the API wants it: an allow then is for nobody, anything else denies.
import { nothing } from '../../lib/graph/selector.ts';
import type { Selection, Selector } from '../../lib/graph/selector.ts';
import { parseCidr } from '../../lib/net/index.ts';
import type { JsonObject } from './fact.ts';
import { isObject, listOf, objectOf, textOf, textsOf } from './json.ts';
import { createdOf, metaOf } from './meta.ts';
import { protocolOf, protocols, selectorOf } from './policy-row.ts';
import type { Direction, PolicyPeer, PolicyPort, PolicyRule, Protocol } from './policy-row.ts';
import type { Meta } from './tables.ts';

export const adminKinds = ['AdminNetworkPolicy', 'BaselineAdminNetworkPolicy', 'ClusterNetworkPolicy'] as const;
export type AdminKind = (typeof adminKinds)[number];

export const isAdminKind = (kind: string): kind is AdminKind => adminKinds.some((known) => known === kind);

export type AdminAction = 'allow' | 'deny' | 'pass';

export interface AdminRule extends PolicyRule {
  readonly action: AdminAction;
}

export interface AdminPolicyRow {
  readonly meta: Meta;
  /** Creation time in ms since the epoch: of two AdminNetworkPolicies of one priority the older is in force. */
  readonly created: number;
  readonly kind: AdminKind;
  readonly tier: 'admin' | 'baseline';
  /** Lower ones go first; -1 when it is none. */
  readonly priority: number;
  readonly subject: Selection;
  readonly rules: Readonly<Record<Direction, readonly AdminRule[]>>;
  /** What of the spec cannot be used. */
  readonly faults: readonly string[];
}

/** Rules of a direction that there is room for among the priorities. */
export const mostRules: Readonly<Record<AdminKind, number>> = {
  AdminNetworkPolicy: 100,
  BaselineAdminNetworkPolicy: 100,
  ClusterNetworkPolicy: 25,
};

export const adminPolicyRow =
  (kind: AdminKind) =>
  (source: unknown): AdminPolicyRow => {
    const object = objectOf(source);
    const spec = objectOf(object['spec']);
    const faults: string[] = [];
    const tier = tierOf(kind, textOf(spec['tier']));
    if (!tier) faults.push('the tier is neither Admin nor Baseline, so the policy is for no pod');
    return {
      meta: metaOf(object),
      created: createdOf(object),
      kind,
      tier: tier ?? 'admin',
      priority: Number.isSafeInteger(spec['priority']) ? (spec['priority'] as number) : -1,
      subject: tier ? subjectOf(objectOf(spec['subject']), faults) : nobody,
      rules: {
        ingress: rulesOf(kind, spec, 'ingress', faults),
        egress: rulesOf(kind, spec, 'egress', faults),
      },
      faults,
    };
  };

function tierOf(kind: AdminKind, tier: string): AdminPolicyRow['tier'] | undefined {
  if (kind !== 'ClusterNetworkPolicy') return kind === 'AdminNetworkPolicy' ? 'admin' : 'baseline';
  if (tier === 'Admin') return 'admin';
  return tier === 'Baseline' ? 'baseline' : undefined;
}

const nobody: Selection = { scopes: nothing, entities: [] };

function subjectOf(subject: JsonObject, faults: string[]): Selection {
  const pods = podsOf(subject, faults);
  if (pods) return { scopes: pods.namespaces, entities: pods.pods };
  faults.push('the subject is neither namespaces nor pods, so the policy is for no pod');
  return nobody;
}

interface Pods {
  readonly namespaces: Selector;
  readonly pods: Selector;
}

/** Of a subject or a peer that selects pods; undefined for one that does not. */
function podsOf(value: JsonObject, faults: string[]): Pods | undefined {
  if (isObject(value['namespaces'])) return { namespaces: selectorOf(value['namespaces'], faults), pods: [] };
  if (!isObject(value['pods'])) return undefined;
  const { namespaceSelector, podSelector } = value['pods'];
  return { namespaces: selectorOf(namespaceSelector, faults), pods: selectorOf(podSelector, faults) };
}

function rulesOf(kind: AdminKind, spec: JsonObject, direction: Direction, faults: string[]): readonly AdminRule[] {
  const rules = listOf(spec[direction]).map(objectOf);
  const most = mostRules[kind];
  if (rules.length > most) faults.push(`${direction} has more than ${most} rules, and the rest is left out`);
  return rules.slice(0, most).map((rule, index) => ruleOf(rule, new Reading(direction, index, faults)));
}

/** One rule as it is read: what cannot be used of it is noted, and closes it. */
class Reading {
  readonly direction: Direction;
  readonly #where: string;
  readonly #faults: string[];

  constructor(direction: Direction, index: number, faults: string[]) {
    this.direction = direction;
    this.#where = `${direction} rule ${index}`;
    this.#faults = faults;
  }

  fault(text: string): undefined {
    this.#faults.push(`${this.#where}: ${text}`);
  }

  /** A selector, undefined when it cannot be understood. */
  selector(value: unknown): Selector | undefined {
    const faults: string[] = [];
    const found = selectorOf(value, faults);
    for (const fault of faults) this.fault(fault);
    return faults.length > 0 ? undefined : found;
  }
}

const actions: Readonly<Record<string, AdminAction>> = { Allow: 'allow', Accept: 'allow', Deny: 'deny', Pass: 'pass' };

function ruleOf(rule: JsonObject, reading: Reading): AdminRule {
  const action = actionOf(rule, reading);
  const peers = all(listOf(rule[reading.direction === 'ingress' ? 'from' : 'to']), (peer) => peersOf(peer, reading));
  if (!peers || peers.length === 0) {
    if (peers) reading.fault('it names no peers');
    return action === 'allow' ? { action, peers: [] } : { action: 'deny' };
  }
  const listed = [...listOf(rule['ports']), ...listOf(rule['protocols'])];
  if (listed.length === 0) return { action, peers };
  const ports = all(listed, (port) => portsOf(objectOf(port), reading));
  if (ports) return { action, peers, ports };
  return action === 'allow' ? { action, peers: [] } : { action: 'deny', peers };
}

function actionOf(rule: JsonObject, reading: Reading): AdminAction {
  const text = textOf(rule['action']);
  const action = Object.hasOwn(actions, text) ? actions[text] : undefined;
  if (!action) reading.fault(`action ${quoted(text)} is unknown, and taken for Deny`);
  return action ?? 'deny';
}

/** All together, or undefined when one of them is. */
function all<T, V>(values: readonly T[], each: (value: T) => readonly V[] | undefined): V[] | undefined {
  const found = values.map(each);
  return found.every((some) => some !== undefined) ? found.flat() : undefined;
}

const quoted = (text: string): string => JSON.stringify(text.slice(0, 64));

/** Undefined when it cannot be understood. */
function peersOf(value: unknown, reading: Reading): readonly PolicyPeer[] | undefined {
  const peer = objectOf(value);
  const faults: string[] = [];
  const pods = podsOf(peer, faults);
  for (const fault of faults) reading.fault(fault);
  if (pods) return faults.length > 0 ? undefined : [pods];
  if (reading.direction === 'egress') {
    if (isObject(peer['nodes'])) {
      const nodes = reading.selector(peer['nodes']);
      return nodes && [{ nodes }];
    }
    if ('networks' in peer) return all(textsOf(peer['networks']), (text) => networkOf(text, reading));
    if ('domainNames' in peer) return all(textsOf(peer['domainNames']), (text) => domainOf(text, reading));
  }
  return reading.fault(`a peer is of an unknown kind (${Object.keys(peer).map(quoted).join(', ')})`);
}

function networkOf(cidr: string, reading: Reading): PolicyPeer[] | undefined {
  return parseCidr(cidr) ? [{ cidr, except: [] }] : reading.fault(`${quoted(cidr)} is not a CIDR`);
}

/** As DNSNameResolver.spec.name takes it. */
const resolvable = /^(\*\.)?([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\.){2,}$/;

function domainOf(text: string, reading: Reading): PolicyPeer[] | undefined {
  const lower = text.toLowerCase();
  const domain = lower.endsWith('.') ? lower : `${lower}.`;
  if (domain.length <= 254 && resolvable.test(domain)) return [{ domain }];
  return reading.fault(`${quoted(text)} is not a domain name that can be resolved`);
}

/** Of either version of the API: undefined when it cannot be understood. */
function portsOf(port: JsonObject, reading: Reading): readonly PolicyPort[] | undefined {
  const name = textOf(port['namedPort']) || textOf(port['destinationNamedPort']);
  // A name stands for whatever protocol the container says.
  if (name !== '') return protocols.map((protocol) => ({ protocol, port: name }));
  const range = objectOf(port['portRange']);
  const numbered = objectOf(port['portNumber']);
  if ('portRange' in port) return rangeOf(range['protocol'] ?? 'TCP', range, reading);
  if ('portNumber' in port) return numberOf(numbered['protocol'] ?? 'TCP', numbered['port'], reading);
  const known = protocols.find((protocol) => isObject(port[protocol.toLowerCase()]));
  if (!known) return reading.fault(`a port is of an unknown kind (${Object.keys(port).map(quoted).join(', ')})`);
  const destination = objectOf(port[known.toLowerCase()])['destinationPort'];
  if (destination === undefined) return [{ protocol: known }];
  const { number, range: numbers } = objectOf(destination);
  return isObject(numbers) ? rangeOf(known, numbers, reading) : numberOf(known, number, reading);
}

function knownProtocol(value: unknown, reading: Reading): Protocol | undefined {
  return protocolOf(value) ?? reading.fault(`protocol ${quoted(textOf(value))} is none of ${protocols.join(', ')}`);
}

const isPort = (value: unknown): value is number =>
  Number.isInteger(value) && Number(value) >= 1 && Number(value) <= 65_535;

function numberOf(protocol: unknown, port: unknown, reading: Reading): readonly PolicyPort[] | undefined {
  const known = knownProtocol(protocol, reading);
  if (!isPort(port)) return reading.fault('a port has no number from 1 to 65535');
  return known && [{ protocol: known, port }];
}

function rangeOf(protocol: unknown, { start, end }: JsonObject, reading: Reading): readonly PolicyPort[] | undefined {
  const known = knownProtocol(protocol, reading);
  if (!isPort(start) || !isPort(end) || start > end)
    return reading.fault('a range of ports does not begin and end at numbers from 1 to 65535');
  return known && [{ protocol: known, port: start, endPort: end }];
}
