// What a module with hook `acl` answers, read into rules. Everything that becomes part of a match is built from numbers,
// prefixes that were parsed and words of ours: no text of a module goes any further than this file.
import { parseCidr, formatCidr } from '../../lib/net/index.ts';
import { selector, type Selector } from '../../lib/graph/selector.ts';
import { directions, protocols } from '../api/policy-row.ts';
import type { AclAction, AclPeer, AclPort, AclRule } from '../api/policy-module.ts';
import { fields, integer, list, mostParts, oneOf, some, textOf } from './answer-reader.ts';

const actions: readonly AclAction[] = ['allow', 'drop', 'reject', 'pass'];

const mostRules = 100;
const highestPriority = 999;
const highestPort = 65_535;

/** The rules of `{"rules": [...]}`. Throws an Error that names what is wrong, and where. */
export function parseAclAnswer(answer: unknown): readonly AclRule[] {
  return list(fields(answer, '', ['rules'])['rules'], 'rules', mostRules).map(ruleOf);
}

function ruleOf(value: unknown, at: number): AclRule {
  const where = `rules[${at}]`;
  const rule = fields(value, where, ['direction', 'action', 'priority', 'peers', 'ports']);
  const { direction, action, priority, peers, ports } = rule;
  return {
    direction: oneOf(direction, directions, `${where}.direction`),
    action: oneOf(action, actions, `${where}.action`),
    priority: integer(priority, [0, highestPriority], `${where}.priority`),
    ...(peers !== undefined && {
      peers: some(peers, `${where}.peers`).map((peer, n) => peerOf(peer, `${where}.peers[${n}]`)),
    }),
    ...(ports !== undefined && {
      ports: some(ports, `${where}.ports`).map((port, n) => portOf(port, `${where}.ports[${n}]`)),
    }),
  };
}

function peerOf(value: unknown, where: string): AclPeer {
  const peer = fields(value, where, ['cidr', 'podSelector', 'namespaceSelector']);
  const { cidr, podSelector, namespaceSelector } = peer;
  if (cidr !== undefined) {
    const parsed = typeof cidr === 'string' ? parseCidr(cidr) : undefined;
    if (!parsed || podSelector !== undefined || namespaceSelector !== undefined)
      throw new Error(`${where}: cidr must be a prefix, and alone`);
    return { cidr: formatCidr(parsed) };
  }
  if (podSelector === undefined && namespaceSelector === undefined)
    throw new Error(`${where}: one of cidr, podSelector, namespaceSelector is needed`);
  return {
    pods: selectorOf(podSelector, `${where}.podSelector`),
    ...(namespaceSelector !== undefined && {
      namespaces: selectorOf(namespaceSelector, `${where}.namespaceSelector`),
    }),
  };
}

function selectorOf(value: unknown, where: string): Selector {
  if (value === undefined) return selector({});
  const { matchLabels = {}, matchExpressions = [] } = fields(value, where, ['matchLabels', 'matchExpressions']);
  const labels = fields(matchLabels, `${where}.matchLabels`);
  for (const [key, text] of Object.entries(labels)) textOf(text, `${where}.matchLabels.${key}`);
  const expressions = list(matchExpressions, `${where}.matchExpressions`, mostParts).map((entry, at) => {
    const place = `${where}.matchExpressions[${at}]`;
    const { key, operator, values = [] } = fields(entry, place, ['key', 'operator', 'values']);
    return {
      key: textOf(key, `${place}.key`),
      operator: textOf(operator, `${place}.operator`),
      values: list(values, `${place}.values`, mostParts).map((each) => textOf(each, `${place}.values`)),
    };
  });
  return selector({ matchLabels: labels as Record<string, string>, matchExpressions: expressions });
}

function portOf(value: unknown, where: string): AclPort {
  const { protocol, port, endPort } = fields(value, where, ['protocol', 'port', 'endPort']);
  const first = port === undefined ? undefined : integer(port, [1, highestPort], `${where}.port`);
  if (first === undefined && endPort !== undefined) throw new Error(`${where}: endPort needs a port`);
  return {
    protocol: oneOf(protocol, protocols, `${where}.protocol`),
    ...(first !== undefined && { port: first }),
    ...(endPort !== undefined && { endPort: integer(endPort, [first ?? 1, highestPort], `${where}.endPort`) }),
  };
}
