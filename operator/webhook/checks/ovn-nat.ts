// OvnEips and the rules on them, which OVN's own routers carry out.
import { canonicalMac, parseIp, parsePrefix } from '../../../lib/net/index.ts';
import type { JsonObject } from '../../api/fact.ts';
import { textOf } from '../../api/json.ts';
import { clusterOf } from '../../reconcilers/reconciler.ts';
import type { Checks, View } from './check.ts';
import { eipKey, nameOf, specOf, statusOf } from './check.ts';
import { addressFaults, fixedFields, portFaults, subnetFaults } from './fields.ts';

const eipTypes: readonly string[] = ['', 'nat', 'lrp', 'lsp'];

export const ovnEip: Checks = {
  *faults(object, view) {
    const spec = specOf(object);
    const subnet = textOf(spec['externalSubnet']) || clusterOf(view).externalSubnet;
    const [type, mac] = [textOf(spec['type']), textOf(spec['macAddress'])];
    yield* subnetFaults('externalSubnet', subnet, view);
    yield* addressFaults({ field: 'v4Ip', text: textOf(spec['v4Ip']), family: 4, subnet }, view);
    yield* addressFaults({ field: 'v6Ip', text: textOf(spec['v6Ip']), family: 6, subnet }, view);
    if (mac !== '' && canonicalMac(mac) === undefined) yield `macAddress ${mac} is not a MAC`;
    if (!eipTypes.includes(type)) yield `type ${type} is none of nat, lrp, lsp`;
  },
  changes: whileReady,
  *uses(object, view) {
    yield* rulesOn('OvnEip', nameOf(object), view);
  },
};

export const ovnFip: Checks = {
  *faults(object, view) {
    const spec = specOf(object);
    yield* ofEip(spec, view);
    yield* insideFaults(spec, ['v4Ip', 'v6Ip']);
  },
  changes: whileReady,
};

export const ovnDnat: Checks = {
  *faults(object, view) {
    const spec = specOf(object);
    yield* ofEip(spec, view);
    yield* insideFaults(spec, ['v4Ip', 'v6Ip']);
    yield* portFaults('externalPort', textOf(spec['externalPort']));
    yield* portFaults('internalPort', textOf(spec['internalPort']));
    const protocol = textOf(spec['protocol']);
    if (!['tcp', 'udp', 'sctp'].includes(protocol.toLowerCase()))
      yield `protocol ${protocol} is none of tcp, udp, sctp`;
  },
  changes: whileReady,
};

export const ovnSnat: Checks = {
  *faults(object, view) {
    const spec = specOf(object);
    yield* ofEip(spec, view);
    yield* sourceFaults(spec);
    for (const text of rangesOf(spec))
      if (!parseIp(text) && !parsePrefix(text)) yield `${text} is neither an address nor a CIDR`;
  },
  changes: whileReady,
};

const rangesOf = (spec: JsonObject): string[] =>
  [textOf(spec['v4IpCidr']), textOf(spec['v6IpCidr'])].filter((text) => text !== '');

/** Whose packets: those of a subnet, of an object that has an address, or of ranges in a VPC. */
function* sourceFaults(spec: JsonObject): Generator<string> {
  const [inVpc, ofSubnet, ofIp] = [spec['vpc'], spec['vpcSubnet'], spec['ipName']].map((text) => textOf(text) !== '');
  const byRange = rangesOf(spec).length > 0;
  if (ofSubnet && ofIp) yield 'vpcSubnet and ipName exclude each other';
  if (byRange && !inVpc) yield 'v4IpCidr and v6IpCidr need vpc beside them';
  if (!ofSubnet && !ofIp && !byRange) yield 'one of vpcSubnet, ipName, v4IpCidr, v6IpCidr is needed';
}

/** A rule or an address that is in force is not moved: others refer to it. */
function* whileReady(before: JsonObject, after: JsonObject): Generator<string> {
  const fields = Object.keys({ ...specOf(before), ...specOf(after) });
  if (statusOf(before)['ready'] === true) yield* fixedFields(before, after, [fields, 'while it is ready']);
}

function* ofEip(spec: JsonObject, view: View): Generator<string> {
  const name = textOf(spec['ovnEip']);
  if (name === '') yield 'ovnEip is empty';
  else if (!view.get('eip', name)) yield `OvnEip ${name} does not exist`;
}

/** Whom the rule is for: an object that has an address, or the address and its VPC. */
function* insideFaults(spec: JsonObject, fields: readonly string[]): Generator<string> {
  const given = fields.map((field) => [field, textOf(spec[field])] as const).filter(([, text]) => text !== '');
  const type = textOf(spec['ipType']);
  if (textOf(spec['ipName']) === '' && given.length === 0) yield `ipName or one of ${fields.join(', ')} is needed`;
  if (!['', 'vip'].includes(type)) yield `ipType ${type} is not vip`;
  for (const [field, text] of given) {
    const family = field.startsWith('v4') ? 4 : 6;
    if (parseIp(text)?.family !== family) yield `${field} ${text} is not an IPv${family} address`;
  }
}

/** Why an EIP stays: the rules that use it, those apart that go already. */
export function* rulesOn(kind: 'OvnEip' | 'IptablesEIP', name: string, view: View): Generator<string> {
  const rules = view.at('rulesByEip', eipKey(kind, name)).filter(({ meta }) => !meta.deleting);
  const names = rules.map((rule) => `${rule.kind} ${rule.meta.name}`);
  if (names.length > 0) yield `${kind} ${name} is in use by ${names.join(', ')}`;
}
