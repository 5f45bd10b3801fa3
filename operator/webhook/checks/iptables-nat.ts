// IptablesEIPs and the rules on them, which the pods of a VpcNatGateway carry out. A FIP takes every packet to its
// address, so no other rule that takes packets there has an effect beside it; and of DNAT rules of one address, port and
// protocol, several can be in force only when all of them share.
import { parseIp, parsePrefix } from '../../../lib/net/index.ts';
import type { JsonObject } from '../../api/fact.ts';
import { commaList, textOf } from '../../api/json.ts';
import type { Checks, NatRow, View } from './check.ts';
import { eipKey, nameOf, natKey, specOf, statusOf } from './check.ts';
import { addressFaults, fixedFields, portFaults, subnetFaults } from './fields.ts';
import { rulesOn } from './ovn-nat.ts';

/** Of an EIP that names no subnet. */
const externalSubnet = 'ovn-vpc-external-network';

export const iptablesEip: Checks = {
  *faults(object, view) {
    const spec = specOf(object);
    const subnet = textOf(spec['externalSubnet']) || externalSubnet;
    const gateway = textOf(spec['natGwDp']);
    if (gateway === '') yield 'natGwDp is empty';
    else if (!view.get('nat', natKey('VpcNatGateway', gateway))) yield `VpcNatGateway ${gateway} does not exist`;
    yield* subnetFaults('externalSubnet', subnet, view);
    yield* addressFaults({ field: 'v4ip', text: textOf(spec['v4ip']), family: 4, subnet }, view);
    yield* addressFaults({ field: 'v6ip', text: textOf(spec['v6ip']), family: 6, subnet }, view);
  },
  *changes(before, after) {
    yield* fixedFields(before, after, [['natGwDp'], 'once it is set']);
    const place = ['v4ip', 'v6ip', 'macAddress', 'externalSubnet'];
    if (statusOf(before)['ready'] === true) yield* fixedFields(before, after, [place, 'while it is ready']);
  },
  *uses(object, view) {
    yield* rulesOn('IptablesEIP', nameOf(object), view);
  },
};

export const iptablesDnat: Checks = {
  *faults(object, view) {
    const spec = specOf(object);
    yield* ofEip(spec, view);
    yield* portFaults('externalPort', textOf(spec['externalPort']));
    yield* portFaults('internalPort', textOf(spec['internalPort']));
    yield* insideFaults(spec);
    if (!['tcp', 'udp'].includes(protocolOf(spec))) yield `protocol ${textOf(spec['protocol'])} is none of tcp, udp`;
    yield* shareFaults(spec, view);
    yield* rivals(object, view);
  },
  *changes(before, after) {
    const [old, now] = [typeOf(specOf(before)), typeOf(specOf(after))];
    if (old !== now) yield `type may not change: it is ${old}`;
  },
};

export const iptablesFip: Checks = {
  *faults(object, view) {
    const spec = specOf(object);
    yield* ofEip(spec, view);
    yield* insideFaults(spec);
    for (const rule of others(object, view))
      if (rule.kind === 'IptablesDnatRule' || rule.kind === 'IptablesFIPRule') yield taken(spec, rule);
  },
};

export const iptablesSnat: Checks = {
  *faults(object, view) {
    const spec = specOf(object);
    yield* ofEip(spec, view);
    const text = textOf(spec['internalCIDR']);
    const parts = commaList(text);
    if (parts.length === 0 || parts.some((part) => !parseIp(part) && !parsePrefix(part)))
      yield `internalCIDR ${text} is neither an address nor a CIDR`;
  },
};

const protocolOf = (spec: JsonObject): string => textOf(spec['protocol']).toLowerCase();
const typeOf = (spec: JsonObject): string => textOf(spec['type']) || 'exclusive';
const ruleOf = (spec: JsonObject): string => `${textOf(spec['externalPort'])}/${protocolOf(spec)}`;

function* ofEip(spec: JsonObject, view: View): Generator<string> {
  const name = textOf(spec['eip']);
  if (name === '') yield 'eip is empty';
  else if (!view.get('nat', natKey('IptablesEIP', name))) yield `IptablesEIP ${name} does not exist`;
}

function* insideFaults(spec: JsonObject): Generator<string> {
  const text = textOf(spec['internalIp']);
  if (!parseIp(text)) yield `internalIp ${text} is not an address`;
}

/** What is shared is translated by maps of addresses that are IPv4 only. */
function* shareFaults(spec: JsonObject, view: View): Generator<string> {
  if (typeOf(spec) !== 'share') return;
  const name = textOf(spec['eip']);
  const { v4ip, v6ip } = view.get('nat', natKey('IptablesEIP', name))?.spec ?? {};
  // An EIP that has no address yet may get an IPv4 one.
  if (textOf(v4ip) === '' && textOf(v6ip) !== '') yield `type share is for IPv4, and IptablesEIP ${name} has IPv6 only`;
  if (parseIp(textOf(spec['internalIp']))?.family === 6) yield 'type share is for IPv4, and internalIp is IPv6';
}

function* rivals(object: JsonObject, view: View): Generator<string> {
  const spec = specOf(object);
  for (const rule of others(object, view)) {
    if (rule.kind === 'IptablesFIPRule') yield taken(spec, rule);
    if (rule.kind !== 'IptablesDnatRule' || ruleOf(rule.spec) !== ruleOf(spec)) continue;
    if (typeOf(rule.spec) === 'share' && typeOf(spec) === 'share') continue;
    yield `${ruleOf(spec)} of IptablesEIP ${textOf(spec['eip'])} is that of IptablesDnatRule ${rule.meta.name}: only rules of type share have one together`;
  }
}

const taken = (spec: JsonObject, { kind, meta }: NatRow): string =>
  `IptablesEIP ${textOf(spec['eip'])} is in use by ${kind} ${meta.name}: a FIP has its EIP alone`;

/** Rules on the same EIP, those apart that go already. */
function others(object: JsonObject, view: View): NatRow[] {
  const self = natKeyOf(object);
  return view
    .at('rulesByEip', eipKey('IptablesEIP', textOf(specOf(object)['eip'])))
    .filter(({ kind, meta }) => !meta.deleting && `${kind}/${meta.name}` !== self);
}

const natKeyOf = (object: JsonObject): string => `${textOf(object['kind'])}/${nameOf(object)}`;
