// A RouterLBRule: the address of an OvnEip, balanced on the router of a VPC.
import { owner as ownerOf } from '../../lib/delta/ids.ts';
import { lsp } from '../api/eip-row.ts';
import type { EipRow } from '../api/eip-row.ts';
import type { Fact } from '../api/fact.ts';
import type { LbRuleRow } from '../api/lb-rule-row.ts';
import { routerLbRuleRef } from '../api/refs.ts';
import type { Finding } from '../api/tables.ts';
import { routerPortName } from '../nb/names.ts';
import { balancersOn } from '../nb/rows/load-balancer.ts';
import { routerId } from '../nb/rows/router.ts';
import { externalSubnetOf } from './eip.ts';
import { generated, kept, portText, ruleFault, ruleFields } from './lb-rule.ts';
import { clusterOf, problem } from './reconciler.ts';
import type { Reconciler, WorldRead } from './reconciler.ts';
import { conflicts } from './service-conflict.ts';
import { routerKey, routerVipKey } from './service-vpc.ts';

export const routerLbRule: Reconciler<LbRuleRow> = {
  kind: 'RouterLBRule',
  *desired(rule, read) {
    const { name, generation } = rule.meta;
    const about = routerLbRuleRef(name);
    const owner = ownerOf(about);
    const service = `rlr-${name}`;
    const found = ownFinding(rule, read) ?? conflict(rule, read);
    yield { status: about, generation, owner, fields: found ? {} : ruleFields(service, rule) };
    if (found) {
      yield problem(about, found.reason, found.message);
      // The address of an OvnEip that is not there any more is perhaps another's by now: that is not kept.
      if (ruleFault(rule) === undefined) return;
      yield* kept(about, `${rule.namespace}/${service}`, read);
      yield* onRouter(rule, read);
      return;
    }
    const vips = read.get('eip', rule.eip)?.addresses.join(',') ?? '';
    const annotations = { [routerVipKey]: vips, [routerKey]: rule.vpc };
    yield* generated({ about, name: service, rule, annotations }, read);
    yield* conflicts(about, `${rule.namespace}/${service}`, read);
    yield* onRouter(rule, read);
  },
};

function* onRouter({ meta, vpc }: LbRuleRow, read: WorldRead): Generator<Fact> {
  if (!clusterOf(read).enableLb || !read.get('realm', vpc)) return;
  yield* balancersOn({ row: 'Logical_Router', id: routerId(vpc) }, vpc, ownerOf(routerLbRuleRef(meta.name)));
}

/** What is wrong with it, whatever others say. */
function ownFinding(rule: LbRuleRow, read: WorldRead): Finding | undefined {
  const fault = ruleFault(rule);
  if (fault !== undefined) return { reason: 'LoadBalancerRuleInvalid', message: fault };
  const { vpc, eip } = rule;
  if (!read.get('realm', vpc)) return { reason: 'VpcNotFound', message: `VPC ${vpc} does not exist` };
  const found = read.get('eip', eip);
  if (found?.spec['type'] === lsp)
    return { reason: 'LoadBalancerRuleInvalid', message: `OvnEip ${eip} is of type lsp, which is a node's own` };
  const missing = found ? missingOf(vpc, found, read) : `OvnEip ${eip} does not exist`;
  return missing === undefined ? undefined : { reason: 'OvnEipNotReady', message: missing };
}

function missingOf(vpc: string, row: EipRow, read: WorldRead): string | undefined {
  const { name } = row.meta;
  if (row.addresses.length === 0) return `OvnEip ${name} has no address yet`;
  const port = read.get('eip', routerPortName(vpc, externalSubnetOf(row, read)));
  if (port && port.addresses.length > 0) return undefined;
  return `VPC ${vpc} has no port on the external subnet of OvnEip ${name}`;
}

/** Of two rules that can be followed, with one port of an OvnEip, the older is right. */
function conflict(rule: LbRuleRow, read: WorldRead): Finding | undefined {
  const older = read.at('lbRulesByEip', rule.eip).filter((other) => ageOf(other) < ageOf(rule));
  for (const other of older.filter((one) => ownFinding(one, read) === undefined)) {
    const shared = other.ports.map(portText).find((text) => rule.ports.map(portText).includes(text));
    const message = `port ${shared} of OvnEip ${rule.eip} is RouterLBRule ${other.meta.name}'s`;
    if (shared !== undefined) return { reason: 'LoadBalancerConflict', message };
  }
  return undefined;
}

const ageOf = ({ created, meta }: LbRuleRow): string => `${String(created).padStart(15, '0')} ${meta.name}`;
