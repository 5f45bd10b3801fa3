// What SwitchLBRules and RouterLBRules have in common: the Service that stands for them in the API, whose addresses are in
// an annotation, and what can be wrong with them.
import { canonicalIp } from '../../lib/net/index.ts';
import { owner as ownerOf } from '../../lib/delta/ids.ts';
import type { Fact, Json, JsonObject, Ref } from '../api/fact.ts';
import type { LbRuleRow, RulePort } from '../api/lb-rule-row.ts';
import type { ServiceRow } from '../api/service-row.ts';
import { manager, ownerAnnotation } from '../api/managers.ts';
import { endpointsRef, objectKey, serviceRef } from '../api/refs.ts';
import type { WorldRead } from './reconciler.ts';
import { slicesOf } from './service-slices.ts';
import { checkKey, placeOf, routerKey, switchKey, vpcKey } from './service-vpc.ts';

const protocols = ['TCP', 'UDP', 'SCTP'];
const affinities = ['', 'None', 'ClientIP'];

/** What is wrong with what both kinds have, undefined when nothing is. */
export function ruleFault({ ports, selector, endpoints, sessionAffinity }: LbRuleRow): string | undefined {
  const faults = [
    ports.length === 0 && 'no port is given',
    ...ports.map(portFault),
    twice(ports) && `port ${twice(ports)} is given twice`,
    ...endpoints.map((text) => canonicalIp(text) === undefined && `endpoint ${text} is not an address`),
    ...selector.map((text) => !/^[^:]+:[^:]*$/.test(text) && `selector ${text} is not key:value`),
    endpoints.length === 0 && selector.length === 0 && 'neither selector nor endpoints are given',
    !affinities.includes(sessionAffinity) && `sessionAffinity ${sessionAffinity} is neither None nor ClientIP`,
  ];
  return faults.find((fault) => typeof fault === 'string');
}

function portFault({ port, targetPort, protocol }: RulePort): string | false {
  for (const number of [port, targetPort])
    if (number < 1 || number > 65_535) return `port ${number} is not between 1 and 65535`;
  return !protocols.includes(protocol) && `protocol ${protocol} is not TCP, UDP or SCTP`;
}

export const portText = ({ port, protocol }: Pick<RulePort, 'port' | 'protocol'>): string => `${port}/${protocol}`;

function twice(ports: readonly RulePort[]): string | undefined {
  const all = ports.map(portText);
  return all.find((text, at) => all.indexOf(text) !== at);
}

export interface Generated {
  readonly about: Ref;
  /** Name of the Service. */
  readonly name: string;
  readonly rule: LbRuleRow;
  /** With the addresses. */
  readonly annotations: Readonly<Record<string, string>>;
}

/** The Service, and its backends where the rule lists them. */
export function* generated({ about, name, rule, annotations }: Generated, read: WorldRead): Generator<Fact> {
  const { namespace, ports, selector, endpoints, sessionAffinity } = rule;
  const common = { owner: ownerOf(about), manager, generated: true } as const;
  const copied = [routerKey, switchKey, checkKey].filter((key) => rule.meta.annotations[key] !== undefined);
  const own = {
    ...Object.fromEntries(copied.map((key) => [key, rule.meta.annotations[key] ?? ''])),
    ...annotations,
  };
  const there = read.get('service', objectKey(namespace, name));
  yield {
    ...common,
    object: serviceRef(namespace, name),
    manifest: {
      metadata: { annotations: { ...own, ...inVpc(objectKey(namespace, name), read) } },
      spec: {
        type: 'ClusterIP',
        ...addressless(there),
        sessionAffinity: sessionAffinity || 'None',
        ports: ports.map((port) => ({ ...named(port, ports), port: port.port, targetPort: port.targetPort })),
        ...(endpoints.length === 0 ? { selector: Object.fromEntries(selector.map(pair)) } : unselected(there)),
      },
    },
  };
  if (endpoints.length === 0) return;
  yield {
    ...common,
    object: endpointsRef(namespace, name),
    manifest: {
      subsets: [
        {
          addresses: endpoints.map((ip) => ({ ip: canonicalIp(ip) ?? '' })),
          ports: ports.map((port) => ({ ...named(port, ports), port: port.targetPort })),
        },
      ],
    },
  };
}

/**
 * A Service of this name that somebody made before, to get an address for the rule, becomes the rule's; the address
 * that it has cannot be taken from it.
 */
const addressless = (there: ServiceRow | undefined): JsonObject =>
  there !== undefined && there.clusterIps.length > 0
    ? {}
    : {
        clusterIP: 'None',
        // Backends of every family that there is: which of them are asked the address says.
        ipFamilyPolicy: 'PreferDualStack',
      };

/** What others wrote stays when an apply says nothing of it. */
const unselected = (there: ServiceRow | undefined): JsonObject => (there?.hasSelector === true ? { selector: {} } : {});

/** What was made of the rule when it could be followed stays as it is: a slip of the pen cuts off nobody. */
export function* kept(about: Ref, key: string, read: WorldRead): Generator<Fact> {
  const service = read.get('service', key);
  const owner = ownerOf(about);
  if (service?.meta.annotations[ownerAnnotation] !== owner) return;
  const { namespace, name } = service.meta;
  const common = { owner, manager, generated: true, keep: true, manifest: {} } as const;
  yield { ...common, object: serviceRef(namespace, name) };
  if (!service.hasSelector) yield { ...common, object: endpointsRef(namespace, name) };
}

/** Of several each has a name; the API wants it so. */
function named({ name, protocol, port }: RulePort, all: readonly RulePort[]): { name?: string; protocol: string } {
  const needed = all.length > 1 ? `${protocol.toLowerCase()}-${port}` : '';
  const text = name || needed;
  return { ...(text !== '' && { name: text }), protocol };
}

const pair = (text: string): [string, Json] => {
  const at = text.indexOf(':');
  return [text.slice(0, at).trim(), text.slice(at + 1).trim()];
};

/** As with any Service. It is not known before there is one. */
function inVpc(key: string, read: WorldRead): Readonly<Record<string, string>> {
  const service = read.get('service', key);
  return service ? { [vpcKey]: placeOf(service, slicesOf(service, read), read).vpc } : {};
}

/** As Kube-OVN tells of it. */
export const ruleFields = (name: string, { namespace, ports }: LbRuleRow): JsonObject => ({
  service: `${namespace}/${name}`,
  ports: ports.map(portText).join(','),
});
