// The rules of the node's NAT and filter tables as text, in the very words of iptables-save, for either family.
import type { IpsetName } from './ipset.ts';
import { ipsetName } from './ipset.ts';

/** One table: chains that are ours as a whole, and rules of ours that sit in the kernel's own chains. */
export interface TableRules {
  /** Our chains, rules without the `-A CHAIN`. */
  readonly chains: ReadonlyMap<string, readonly string[]>;
  /** In the kernel's chains; they stand before every rule of kube-proxy there. */
  readonly builtin: ReadonlyMap<string, readonly string[]>;
}

export type TableName = 'nat' | 'mangle' | 'filter';

export interface RuleInput {
  readonly family: 4 | 6;
  /** The node's address of the family, '' when it has none. */
  readonly nodeIp: string;
  /** Whether the binary and the kernel know `--random-fully`. */
  readonly randomFully: boolean;
}

const SERVICE_MARK = '0x4000/0x4000';
const NODE_PORT_LOCAL_MARK = '0x80000/0x80000';

const jump = (chain: string, comment: string): string => `-m comment --comment "${comment}" -j ${chain}`;

function natRules({ family, nodeIp, randomFully }: RuleInput): TableRules {
  const set = (name: IpsetName, side: 'src' | 'dst'): string => `-m set --match-set ${ipsetName(family, name)} ${side}`;
  const not = (name: IpsetName, side: 'src' | 'dst'): string =>
    `-m set ! --match-set ${ipsetName(family, name)} ${side}`;
  const random = randomFully ? ' --random-fully' : '';
  const toNode =
    nodeIp === ''
      ? []
      : [
          `${set('services', 'src')} ${set('subnets', 'dst')} -m mark --mark ${SERVICE_MARK} ` +
            `-j SNAT --to-source ${nodeIp}${random}`,
        ];
  return {
    chains: new Map([
      [
        'OVN-PREROUTING',
        [`-i ovn0 ${set('subnets', 'src')} ${set('services', 'dst')} -j MARK --set-xmark ${SERVICE_MARK}`],
      ],
      [
        'OVN-POSTROUTING',
        [
          ...toNode,
          `-m mark --mark ${SERVICE_MARK} -j OVN-MASQUERADE`,
          `${set('subnets', 'src')} ${set('subnets', 'dst')} -j OVN-MASQUERADE`,
          `${set('subnets-distributed-gw', 'dst')} -m mark --mark ${NODE_PORT_LOCAL_MARK} -j RETURN`,
          `-m mark --mark ${NODE_PORT_LOCAL_MARK} -j OVN-MASQUERADE`,
          '-p tcp -m tcp --tcp-flags SYN NONE -m conntrack --ctstate NEW -j RETURN',
          `${not('subnets', 'src')} ${not('other-node', 'src')} ${set('subnets-nat', 'dst')} -j RETURN`,
          `${set('subnets-nat', 'src')} ${not('subnets', 'dst')} -j OVN-MASQUERADE`,
        ],
      ],
      ['OVN-MASQUERADE', ['-j MARK --set-xmark 0x0/0xffffffff', `-j MASQUERADE${random}`]],
    ]),
    builtin: new Map([
      ['PREROUTING', [jump('OVN-PREROUTING', 'kube-ovn prerouting rules')]],
      ['POSTROUTING', [jump('OVN-POSTROUTING', 'kube-ovn postrouting rules')]],
    ]),
  };
}

/** A reset for a connection that conntrack does not know would leave with the pod's own address: it is dropped. */
function mangleRules({ family }: RuleInput): TableRules {
  const subnets = `-m set --match-set ${ipsetName(family, 'subnets')} src`;
  return {
    chains: new Map([
      ['OVN-POSTROUTING', [`-p tcp ${subnets} -m tcp --tcp-flags RST RST -m state --state INVALID -j DROP`]],
    ]),
    builtin: new Map([['POSTROUTING', [jump('OVN-POSTROUTING', 'kube-ovn postrouting rules')]]]),
  };
}

function filterRules({ family }: RuleInput): TableRules {
  const accept = (['subnets', 'services'] as const).flatMap((name) =>
    (['dst', 'src'] as const).map((side) => `-m set --match-set ${ipsetName(family, name)} ${side} -j ACCEPT`),
  );
  // A tunnel packet inherits the mark of what it carries; with it, it would be masqueraded.
  const unmark = [6081, 4789].map((port) => `-p udp -m udp --dport ${port} -j MARK --set-xmark 0x0/0xffffffff`);
  return {
    chains: new Map(),
    builtin: new Map([
      ['INPUT', accept],
      ['FORWARD', accept],
      ['OUTPUT', unmark],
    ]),
  };
}

/** All tables of one family. */
export function rules(input: RuleInput): ReadonlyMap<TableName, TableRules> {
  return new Map<TableName, TableRules>([
    ['nat', natRules(input)],
    ['mangle', mangleRules(input)],
    ['filter', filterRules(input)],
  ]);
}

/** Whether a rule in one of the kernel's chains is ours: it names our chains or sets, or unmarks tunnel packets. */
export const isOurs = (rule: string): boolean =>
  / -j OVN-[A-Z]/.test(` ${rule}`) ||
  /--match-set ovn[46]0(subnets|services) (src|dst) -j ACCEPT$/.test(rule) ||
  /^-p udp -m udp --dport (6081|4789) -j MARK --set-xmark 0x0\/0xffffffff$/.test(rule);
