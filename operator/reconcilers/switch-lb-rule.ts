// A SwitchLBRule: addresses that the switches of a VPC balance, beside those of Services.
import { owner as ownerOf } from '../../lib/delta/ids.ts';
import { canonicalIp } from '../../lib/net/index.ts';
import type { LbRuleRow } from '../api/lb-rule-row.ts';
import { switchLbRuleRef } from '../api/refs.ts';
import { generated, kept, ruleFault, ruleFields } from './lb-rule.ts';
import { problem } from './reconciler.ts';
import type { Reconciler } from './reconciler.ts';
import { conflicts } from './service-conflict.ts';
import { switchVipKey } from './service-vpc.ts';

export const switchLbRule: Reconciler<LbRuleRow> = {
  kind: 'SwitchLBRule',
  *desired(rule, read) {
    const { name, generation } = rule.meta;
    const about = switchLbRuleRef(name);
    const service = `slr-${name}`;
    const fault = vipFault(rule) ?? ruleFault(rule);
    const fields = fault === undefined ? ruleFields(service, rule) : {};
    yield { status: about, generation, owner: ownerOf(about), fields };
    if (fault !== undefined) {
      yield problem(about, 'LoadBalancerRuleInvalid', fault);
      yield* kept(about, `${rule.namespace}/${service}`, read);
      return;
    }
    yield* generated({ about, name: service, rule, annotations: { [switchVipKey]: rule.vips.join(',') } }, read);
    yield* conflicts(about, `${rule.namespace}/${service}`, read);
  },
};

function vipFault({ vips }: LbRuleRow): string | undefined {
  if (vips.length === 0) return 'no vip is given';
  const wrong = vips.find((text) => canonicalIp(text) === undefined);
  return wrong === undefined ? undefined : `vip ${wrong} is not an address`;
}
