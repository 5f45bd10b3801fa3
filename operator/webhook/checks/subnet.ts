// A Subnet: the rules by which the operator finds it unusable, and what would take something from pods that run.
import { containsIp, parseCidrs, parseIp } from '../../../lib/net/index.ts';
import type { JsonObject } from '../../api/fact.ts';
import { textOf } from '../../api/json.ts';
import { subnetRow } from '../../api/project.ts';
import { checkedSubnet } from '../../api/subnet-check.ts';
import { filled } from '../../api/subnet-defaults.ts';
import { broken } from '../../api/subnet-rules.ts';
import type { SubnetSpec } from '../../api/subnet.gen.ts';
import type { IpRow } from '../../api/tables.ts';
import { findingsOf } from '../../reconcilers/network.ts';
import { addressesOfOthers, isOwn } from '../../reconcilers/own-address.ts';
import { clusterOf } from '../../reconcilers/reconciler.ts';
import type { Checks, View } from './check.ts';
import { nameOf, specOf, youngest } from './check.ts';

export const subnet: Checks = {
  *faults(object, view) {
    const row = { ...subnetRow(object), created: youngest };
    const { name } = row.meta;
    // That its Vlan is not there yet is no fault: objects come in any order.
    const found = findingsOf(checkedSubnet(row, clusterOf(view)), view).map(({ message }) => message);
    yield* found.length > 0 ? found : asWritten(name, row.spec, view);
    if (view.get('vpc', name)) yield `a VPC has the name ${name}, and a subnet may not have the name of a VPC`;
  },
  *changes(before, after, view) {
    const [old, now] = [fullSpec(before, view), fullSpec(after, view)];
    if (old.vpc && old.vpc !== now.vpc) yield `vpc may not change: it is ${old.vpc}`;
    if (now.vlan && !old.cidrBlock !== !now.cidrBlock)
      yield `cidrBlock of a subnet with a vlan may be neither added nor removed`;
    const held = addresses(nameOf(after), view);
    if (old.gateway !== now.gateway) yield* inUse(`gateway may not change from ${old.gateway || 'none'}`, held);
    if (old.cidrBlock !== now.cidrBlock) yield* leftOut(now.cidrBlock ?? '', held);
  },
  *uses(object, view) {
    const name = nameOf(object);
    if (addressesOfOthers(name, view) > 0) yield* inUse(`subnet ${name} may not be deleted`, addresses(name, view));
  },
};

/** What the operator would put right by itself: whoever writes it is told. */
function asWritten(name: string, spec: SubnetSpec, view: View): string[] {
  const block = spec.cidrBlock ?? '';
  return broken({ name, spec, block, cidrs: parseCidrs(block) ?? [], cluster: clusterOf(view) });
}

/** With what the operator would fill in, so that only what means something else counts as a change. */
function fullSpec(object: JsonObject, view: View): SubnetSpec {
  return filled(nameOf(object), specOf(object), clusterOf(view));
}

/** Of pods, nodes, machines and Vips; the subnet's own move with it. */
const addresses = (name: string, view: View): IpRow[] =>
  [...view.at('ipsBySubnet', name), ...view.at('holdingsBySubnet', name)].filter((row) => !isOwn(row));

function* inUse(what: string, [first, ...more]: readonly IpRow[]): Generator<string> {
  if (first === undefined) return;
  const others = more.length === 0 ? '' : ` and ${more.length} more`;
  yield `${what}: ${first.addresses.join(',')} (${labelOf(first)})${others} in use`;
}

function* leftOut(block: string, held: readonly IpRow[]): Generator<string> {
  const cidrs = parseCidrs(block);
  if (!cidrs) return;
  const outside = held.filter(({ addresses: own }) =>
    own.some((text) => {
      const ip = parseIp(text);
      return ip !== undefined && !cidrs.some((cidr) => containsIp(cidr, ip));
    }),
  );
  yield* inUse(`cidrBlock ${block} leaves addresses out`, outside);
}

/** `IP web.shop` or `Vip shared`. */
export const labelOf = ({ meta: { name } }: IpRow): string =>
  name.startsWith('vip/') ? `Vip ${textOf(name.split('/')[1])}` : `IP ${name}`;
