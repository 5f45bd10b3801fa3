// The rules of the node's NAT and filter tables as text, in the very words of iptables-save, for either family.
import { familyOf } from '../../lib/net/index.ts';
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

/** A subnet whose traffic leaves the cluster by nodes, in one family. */
export interface SubnetRules {
  readonly name: string;
  readonly uid: string;
  readonly cidr: string;
  /** Exceptions from NAT, in order; without a set they match everything. */
  readonly natRules: readonly {
    readonly action: 'nat' | 'forward';
    readonly source?: string;
    readonly target?: string;
  }[];
  /** With which address what leaves by this node leaves, where it is not the node's. */
  readonly egressIp?: string;
}

export interface RuleInput {
  readonly family: 4 | 6;
  /** The node's address of the family, '' when it has none. */
  readonly nodeIp: string;
  /** Whether the binary and the kernel know `--random-fully`. */
  readonly randomFully: boolean;
  /** Names of kube-proxy's ipsets: it has them in its mode ipvs. */
  readonly proxySets: ReadonlySet<string>;
  readonly subnets: readonly SubnetRules[];
  /** Ports that the kubelet's probes are led into pods by; undefined where that is not asked for. */
  readonly captured?: readonly { readonly address: string; readonly port: number; readonly open: boolean }[];
}

const SERVICE_MARK = '0x4000/0x4000';
const NODE_PORT_LOCAL_MARK = '0x80000/0x80000';
const RULE_MARKS = { nat: '0x90001/0x90001', forward: '0x90002/0x90002' } as const;
/** What both of those have set. */
const RULE_MARK = '0x90000/0x90000';
/** What the node itself sends to such a port, and what TPROXY has taken of it; bits of the others' are among them. */
export const PROBE_MARKS = { sent: '0x90003/0x90003', taken: '0x90004/0x90004' } as const;
/** Where the program listens that leads probes into pods; Kube-OVN's. */
export const PROBE_PORT = 8102;
const COUNTER = 'ovn-subnet-gateway';

/** A comment as iptables-save prints it: bare where nothing in it needs quotes. */
const comment = (text: string): string => `-m comment --comment ${/^[\w-]+$/.test(text) ? text : `"${text}"`}`;

const jump = (chain: string, text: string): string => `${comment(text)} -j ${chain}`;

type Side = 'src' | 'dst';

interface Sets {
  readonly is: (name: IpsetName, side: Side) => string;
  readonly not: (name: IpsetName, side: Side) => string;
}

const setsOf = (family: 4 | 6): Sets => ({
  is: (name, side) => `-m set --match-set ${ipsetName(family, name)} ${side}`,
  not: (name, side) => `-m set ! --match-set ${ipsetName(family, name)} ${side}`,
});

/** The name of one of kube-proxy's sets, where it has it. */
function proxySet({ family, proxySets }: RuleInput, name: string): string | undefined {
  const full = `KUBE-${family === 6 ? '6-' : ''}${name}`;
  return proxySets.has(full) ? full : undefined;
}

/** Marks what pods send to Services, and in mode ipvs what comes for node ports that are served locally. */
function prerouting(input: RuleInput): string[] {
  const { is } = setsOf(input.family);
  const services = proxySet(input, 'CLUSTER-IP');
  const target = services === undefined ? is('services', 'dst') : `-m set --match-set ${services} dst,dst`;
  const local = (['tcp', 'udp'] as const).flatMap((protocol) => {
    const set = proxySet(input, `NODE-PORT-LOCAL-${protocol.toUpperCase()}`);
    if (set === undefined) return [];
    const to = `-p ${protocol} -m addrtype --dst-type LOCAL -m set --match-set ${set} dst`;
    return [
      `${to} -j MARK --set-xmark ${NODE_PORT_LOCAL_MARK}`,
      `${to} ${is('other-node', 'src')} -j MARK --set-xmark ${SERVICE_MARK}`,
    ];
  });
  return [`-i ovn0 ${is('subnets', 'src')} ${target} -j MARK --set-xmark ${SERVICE_MARK}`, ...local];
}

function postrouting({ family, nodeIp, randomFully, subnets, captured }: RuleInput): string[] {
  const { is, not } = setsOf(family);
  const random = randomFully ? ' --random-fully' : '';
  // What the node itself sends to a Service: by ipvs it has the Service's address, else the node's, which pods are to see.
  const toNode =
    nodeIp === ''
      ? []
      : [is('services', 'src'), `-s ${nodeIp}/${family === 6 ? 128 : 32}`].map(
          (source) =>
            `${source} ${is('subnets', 'dst')} -m mark --mark ${SERVICE_MARK} -j SNAT --to-source ${nodeIp}${random}`,
        );
  const ownAddress = withEgressIp(subnets).map(
    ({ cidr, egressIp }) => `-s ${cidr} ${not('subnets', 'dst')} -j SNAT --to-source ${egressIp}${random}`,
  );
  return [
    ...(captured === undefined ? [] : [`-m mark --mark ${PROBE_MARKS.sent} -j RETURN`]),
    ...toNode,
    `-m mark --mark ${SERVICE_MARK} -j OVN-MASQUERADE`,
    `${is('subnets', 'src')} ${is('subnets', 'dst')} -j OVN-MASQUERADE`,
    `${is('subnets-distributed-gw', 'dst')} -m mark --mark ${NODE_PORT_LOCAL_MARK} -j RETURN`,
    `-m mark --mark ${NODE_PORT_LOCAL_MARK} -j OVN-MASQUERADE`,
    '-p tcp -m tcp --tcp-flags SYN NONE -m conntrack --ctstate NEW -j RETURN',
    `${not('subnets', 'src')} ${not('other-node', 'src')} ${is('subnets-nat', 'dst')} -j RETURN`,
    `${is('subnets-nat-policy', 'src')} ${not('subnets', 'dst')} -j OVN-NAT-POLICY`,
    `-m mark --mark ${RULE_MARKS.nat} -j OVN-MASQUERADE`,
    `-m mark --mark ${RULE_MARKS.forward} -j RETURN`,
    ...ownAddress,
    `${is('subnets-nat', 'src')} ${not('subnets', 'dst')} -j OVN-MASQUERADE`,
  ];
}

const withEgressIp = (subnets: readonly SubnetRules[]): { readonly cidr: string; readonly egressIp: string }[] =>
  subnets.flatMap(({ cidr, egressIp }) => (egressIp === undefined ? [] : [{ cidr, egressIp }]));

/** Kube-OVN's name: the end of the subnet's UID. */
const ruleChain = ({ uid }: SubnetRules): string => `OVN-NAT-PSUBNET-${uid.slice(-12)}`;

/** The rules of a subnet in order. After one that matches, none of the others is asked: their marks would add up. */
const ruleMarks = ({ natRules }: SubnetRules): string[] =>
  natRules.flatMap(({ action, source, target }, at) => {
    const sets = [source && `-m set --match-set ${source} src`, target && `-m set --match-set ${target} dst`];
    const mark = [...sets, `-j MARK --set-xmark ${RULE_MARKS[action]}`].filter((part) => part !== undefined).join(' ');
    return at === natRules.length - 1 ? [mark] : [mark, `-m mark --mark ${RULE_MARK} -j RETURN`];
  });

function natRules(input: RuleInput): TableRules {
  const ruled = input.subnets.filter(({ natRules }) => natRules.length > 0);
  const random = input.randomFully ? ' --random-fully' : '';
  return {
    chains: new Map([
      ['OVN-PREROUTING', prerouting(input)],
      ['OVN-POSTROUTING', postrouting(input)],
      ['OVN-MASQUERADE', ['-j MARK --set-xmark 0x0/0xffffffff', `-j MASQUERADE${random}`]],
      [
        'OVN-NAT-POLICY',
        ruled.map((subnet) => `-s ${subnet.cidr} ${jump(ruleChain(subnet), `natPolicySubnet-${subnet.name}`)}`),
      ],
      ...ruled.map((subnet) => [ruleChain(subnet), ruleMarks(subnet)] as const),
    ]),
    builtin: new Map([
      ['PREROUTING', [jump('OVN-PREROUTING', 'kube-ovn prerouting rules')]],
      ['POSTROUTING', [jump('OVN-POSTROUTING', 'kube-ovn postrouting rules')]],
    ]),
  };
}

/**
 * What conntrack does not know would leave with the pod's own address: a reset; and, where a subnet has an address of its
 * own on this node, the middle of a connection that began on another one.
 */
function mangleRules(input: RuleInput): TableRules {
  const { family, subnets } = input;
  const { is, not } = setsOf(family);
  const begun = withEgressIp(subnets).map(
    ({ cidr }) =>
      `-s ${cidr} -p tcp ${not('subnets', 'dst')} -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN ` +
      '-m conntrack --ctstate NEW -j DROP',
  );
  return {
    chains: new Map([
      [
        'OVN-POSTROUTING',
        [`-p tcp ${is('subnets', 'src')} -m tcp --tcp-flags RST RST -m state --state INVALID -j DROP`, ...begun],
      ],
      ...probeChains(input),
    ]),
    builtin: new Map([
      ['POSTROUTING', [jump('OVN-POSTROUTING', 'kube-ovn postrouting rules')]],
      ...(input.captured === undefined
        ? []
        : ([
            ['PREROUTING', [jump('OVN-PREROUTING', 'kube-ovn prerouting rules')]],
            ['OUTPUT', [outputJump]],
          ] as const)),
    ]),
  };
}

const toPort = (family: 4 | 6, { address, port }: { readonly address: string; readonly port: number }): string =>
  `-d ${address}/${family === 6 ? 128 : 32} -p tcp -m tcp --dport ${port}`;

const isOfFamily =
  (family: 4 | 6) =>
  ({ address }: { readonly address: string }): boolean =>
    familyOf(address) === family;

/** What the node itself sends to open ports comes back by the loopback interface, and is taken there; nobody else's is. */
function probeChains({ family, nodeIp, captured }: RuleInput): [string, readonly string[]][] {
  if (captured === undefined) return [];
  const ports = captured.filter(({ open }) => open && nodeIp !== '').filter(isOfFamily(family));
  const take = `-j TPROXY --on-port ${PROBE_PORT} --on-ip ${nodeIp} --tproxy-mark ${PROBE_MARKS.taken}`;
  return [
    ['OVN-PREROUTING', ['! -i lo -j RETURN', ...ports.map((port) => `${toPort(family, port)} ${take}`)]],
    ['OVN-OUTPUT', ports.map((port) => `${toPort(family, port)} -j MARK --set-xmark ${PROBE_MARKS.sent}`)],
  ];
}

/** Two rules without a target for each subnet: the kernel counts what meets them. */
const counters = ({ name, cidr }: SubnetRules): string[] =>
  ['-s', '-d'].map((side) => `${side} ${cidr} ${comment(`${COUNTER},${name}`)}`);

const outputJump = jump('OVN-OUTPUT', 'kube-ovn output rules');

function filterRules(input: RuleInput): TableRules {
  const { is } = setsOf(input.family);
  const accept = (['subnets', 'services'] as const).flatMap((name) =>
    (['dst', 'src'] as const).map((side) => `${is(name, side)} -j ACCEPT`),
  );
  // In mode ipvs addresses of Services are the node's own: what no Service answers would find the node's programs.
  const refuse =
    proxySet(input, 'CLUSTER-IP') === undefined
      ? []
      : [
          `-p tcp -m mark ! --mark ${SERVICE_MARK} ${is('services', 'dst')} -m conntrack --ctstate NEW ` +
            `-j REJECT --reject-with ${input.family === 6 ? 'icmp6' : 'icmp'}-port-unreachable`,
        ];
  // A tunnel packet inherits the mark of what it carries; with it, it would be masqueraded.
  const unmark = [6081, 4789].map((port) => `-p udp -m udp --dport ${port} -j MARK --set-xmark 0x0/0xffffffff`);
  // The node would send it somewhere, and nothing would come back: a closed port of a pod refuses.
  const closed = (input.captured ?? []).filter(({ open }) => !open).filter(isOfFamily(input.family));
  return {
    chains: new Map(
      input.captured === undefined
        ? []
        : [['OVN-OUTPUT', closed.map((port) => `${toPort(input.family, port)} -j REJECT --reject-with tcp-reset`)]],
    ),
    builtin: new Map([
      ['INPUT', [...refuse, ...accept]],
      ['FORWARD', [...input.subnets.flatMap(counters), ...accept]],
      ['OUTPUT', [...refuse, ...unmark, ...(input.captured === undefined ? [] : [outputJump])]],
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

/** Chains that are ours, whatever is in them; OVN-OUTPUT is one of Kube-OVN's. */
export const isOurChain = (name: string): boolean =>
  /^OVN-(PREROUTING|POSTROUTING|OUTPUT|MASQUERADE|NAT-POLICY|NAT-PSUBNET-\S+)$/.test(name);

/** Whether a rule in one of the kernel's chains is ours: it names our chains or sets, counts, or unmarks tunnel packets. */
export const isOurs = (rule: string): boolean =>
  / -j OVN-[A-Z]/.test(` ${rule}`) ||
  /--match-set ovn[46]0(subnets|services) (src|dst) -j ACCEPT$/.test(rule) ||
  /--match-set ovn[46]0services dst .*-j REJECT/.test(rule) ||
  isCounter(rule) ||
  /^-p udp -m udp --dport (6081|4789) -j MARK --set-xmark 0x0\/0xffffffff$/.test(rule);

const isCounter = (rule: string): boolean => rule.includes(`--comment "${COUNTER},`);

/** What the counting rules of one family have counted. */
export interface Counted {
  readonly subnet: string;
  readonly cidr: string;
  readonly direction: 'ingress' | 'egress';
  readonly packets: number;
  readonly bytes: number;
}

/** From the output of `iptables-save --counters`. */
export function parseCounters(output: string): Counted[] {
  const line = new RegExp(
    `^\\[(\\d+):(\\d+)\\] -A FORWARD (-[sd]) (\\S+) -m comment --comment "${COUNTER},([^"]+)"$`,
    'gm',
  );
  return [...output.matchAll(line)].map(([, packets, bytes, side, cidr = '', subnet = '']) => ({
    subnet,
    cidr,
    direction: side === '-s' ? 'egress' : 'ingress',
    packets: Number(packets),
    bytes: Number(bytes),
  }));
}
