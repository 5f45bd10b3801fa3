// Who may talk to a subnet, from its spec: private, allowSubnets, acls, allowEWTraffic. A rule that OVN would refuse is
// named to its author and left out; the subnet is not ready then, since what the rule keeps out may get in.
import { canonicalCidr } from '../../lib/net/index.ts';
import { matchFault } from './match.ts';
import type { SubnetSpec } from './subnet.gen.ts';
import type { Isolation, SwitchRule } from './isolation.ts';
import type { Finding } from './tables.ts';

type Entry = NonNullable<SubnetSpec['acls']>[number];

/** ovn-nb(5), table ACL. */
const directions = ['to-lport', 'from-lport'];
const actions = ['allow', 'allow-related', 'allow-stateless', 'drop', 'reject', 'pass'];

export function isolationOf(spec: SubnetSpec): Isolation {
  return {
    isPrivate: spec.private === true,
    allowSubnets: [...new Set((spec.allowSubnets ?? []).map((text) => canonicalCidr(text) ?? text))],
    acls: (spec.acls ?? []).filter((entry) => refusal(entry) === undefined).map(ruleOf),
    allowInside: spec.allowEWTraffic === true,
  };
}

/** One finding for each rule that is left out. */
export const unusableRules = (spec: SubnetSpec): Finding[] =>
  (spec.acls ?? []).flatMap((entry, at) => {
    const why = refusal(entry);
    return why === undefined
      ? []
      : [{ reason: 'SetLogicalSwitchAclsFailed', message: `acls[${at}] is left out: ${why}` }];
  });

const ruleOf = ({ direction, priority = 0, match = '', action = '' }: Entry): SwitchRule => ({
  direction: direction === 'from-lport' ? 'from-lport' : 'to-lport',
  priority,
  match,
  action,
});

const absent = { direction: '', priority: -1, match: '', action: '' } as const;

function refusal(entry: Entry): string | undefined {
  const { direction, priority, match, action } = { ...absent, ...entry };
  if (!directions.includes(direction)) return `direction ${direction} is neither ${directions.join(' nor ')}`;
  if (priority < 0 || priority > 32_767) return `priority ${priority} is not from 0 to 32767`;
  if (match.trim() === '') return 'match is empty';
  if (!actions.includes(action)) return `action ${action} is none of ${actions.join(', ')}`;
  const fault = matchFault(match);
  return fault && `match ${match} cannot be read: ${fault}`;
}
