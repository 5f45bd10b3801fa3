// The ipsets that the iptables rules name: `ovn40<name>` and `ovn60<name>`, hash:net. A set is replaced as a whole by a
// swap, so that no packet ever meets half of it. Sets of NAT rules come and go with these: they are destroyed by a driver of
// their own, which runs when the rules that named them have gone.
import { canonicalCidr, familyOf } from '../../lib/net/index.ts';
import type { Run } from '../run.ts';
import type { Driver, Have, Pending, Want } from './driver.ts';

export const IPSET_PREFIX = { 4: 'ovn40', 6: 'ovn60' } as const;

/** The sets of this driver, without their prefix; others with the prefix belong to other features. */
export const IPSET_NAMES = [
  'services',
  'subnets',
  'subnets-nat',
  'subnets-distributed-gw',
  'subnets-nat-policy',
  'other-node',
] as const;
export type IpsetName = (typeof IPSET_NAMES)[number];

export const ipsetName = (family: 4 | 6, name: IpsetName | 'local-pod-ip-nat'): string =>
  `${IPSET_PREFIX[family]}${name}`;

/** The sources or targets of a NAT rule. */
export const natRuleSet = (family: 4 | 6, id: string, side: 'src' | 'dst'): string =>
  `${IPSET_PREFIX[family]}natpr-${id}-${side}`;

const isNatRuleSet = (name: string): boolean => /^ovn[46]0natpr-[0-9a-f]{12}-(src|dst)$/.test(name);

/** Names of kube-proxy's sets in mode ipvs. */
const isProxySet = (name: string): boolean => name.startsWith('KUBE-');

/** Where a set is filled before the swap. */
const SCRATCH = 'kubeloom-scratch';
const MAX_ELEMENTS = 1_048_576;

/** Members of hash:net as ipset(8) prints them: a host without its length, and never /0, which is two halves. */
function elements(members: readonly string[], family: 4 | 6): string[] {
  const result = new Set<string>();
  for (const member of members) {
    const cidr = canonicalCidr(member.includes('/') ? member : `${member}/${family === 4 ? 32 : 128}`);
    if (cidr === undefined || familyOf(cidr.replace(/\/.*/, '')) !== family) continue;
    if (cidr.endsWith('/0'))
      for (const half of family === 4 ? ['0.0.0.0/1', '128.0.0.0/1'] : ['::/1', '8000::/1']) result.add(half);
    else result.add(cidr.replace(family === 4 ? /\/32$/ : /\/128$/, ''));
  }
  return [...result].sort();
}

/** The canonical text of a set: its header and its sorted members. */
export const ipsetText = (members: readonly string[], family: 4 | 6): string =>
  [`hash:net inet${family === 6 ? '6' : ''}`, ...elements(members, family)].join('\n');

/** An empty set of single addresses. */
export const addressSetText = (family: 4 | 6): string => `hash:ip inet${family === 6 ? '6' : ''}`;

/** Output of `ipset save`, those sets that are this driver's. */
export function parseIpsets(output: string): Map<string, string> {
  const ours = new Set(
    ([4, 6] as const).flatMap((family) =>
      [...IPSET_NAMES, 'local-pod-ip-nat' as const].map((name) => ipsetName(family, name)),
    ),
  );
  const sets = new Map<string, { head: string; members: string[] }>();
  for (const line of output.split('\n')) {
    const [verb, name, ...rest] = line.trim().split(' ');
    if (name === undefined || !(ours.has(name) || isNatRuleSet(name))) continue;
    if (verb === 'create') sets.set(name, { head: `${rest[0]} ${rest[rest.indexOf('family') + 1]}`, members: [] });
    if (verb === 'add' && rest[0] !== undefined) sets.get(name)?.members.push(rest[0]);
  }
  return new Map([...sets].map(([name, { head, members }]) => [name, [head, ...members.sort()].join('\n')]));
}

/** Input of `ipset restore` that gives the sets these texts. `scratchLeft`: a killed process left the scratch set. */
export function restoreText(put: ReadonlyMap<string, string>): string {
  const lines: string[] = [];
  for (const [name, text] of put) {
    const [head = '', ...members] = text.split('\n');
    const create = head.replace(' ', ' family ');
    // A scratch of a family per set: swap demands equal types, and -exist takes over one that was left behind.
    const scratch = `${SCRATCH}${head.endsWith('6') ? '6' : '4'}${head.startsWith('hash:ip') ? 'ip' : ''}`;
    lines.push(
      `create ${name} ${create} maxelem ${MAX_ELEMENTS} -exist`,
      `create ${scratch} ${create} maxelem ${MAX_ELEMENTS} -exist`,
      `flush ${scratch}`,
      ...members.map((member) => `add ${scratch} ${member}`),
      `swap ${scratch} ${name}`,
      `destroy ${scratch}`,
    );
  }
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}

export class IpsetDriver implements Driver {
  readonly name = 'ipset';
  readonly #run: Run;
  readonly #onProxySets: (names: readonly string[]) => void;

  /** `onProxySets` hears, with each reading, which sets of kube-proxy there are. */
  constructor(run: Run, onProxySets: (names: readonly string[]) => void = () => undefined) {
    this.#run = run;
    this.#onProxySets = onProxySets;
  }

  async read(want: Want): Promise<Have> {
    const output = await this.#run(['ipset', 'save']);
    const names = [...output.matchAll(/^create (\S+) /gm)].map(([, name = '']) => name);
    this.#onProxySets(names.filter(isProxySet));
    const have = parseIpsets(output);
    for (const name of have.keys()) if (isNatRuleSet(name) && !want.has(name)) have.delete(name);
    return have;
  }

  /** Sets are emptied, not destroyed, when they are no longer wanted: a rule may still name them. */
  async apply({ put, remove }: Pending, _want: Want): Promise<void> {
    const emptied = [...remove].map(([name, text]) => [name, text.split('\n')[0] ?? ''] as const);
    await this.#run(['ipset', 'restore'], restoreText(new Map([...put, ...emptied])));
  }
}

/** Destroys the sets of NAT rules that are no more; its place is after the rules of iptables. */
export class IpsetSweep implements Driver {
  readonly name = 'ipset-sweep';
  readonly #run: Run;

  constructor(run: Run) {
    this.#run = run;
  }

  /** Of the sets that are wanted it says what is wanted: they are another driver's. */
  async read(want: Want): Promise<Have> {
    const names = (await this.#run(['ipset', 'list', '-name'])).split('\n').filter(isNatRuleSet);
    const left = names.filter((name) => !want.has(name)).map((name) => [name, ''] as const);
    return new Map([...[...want].map(([name, { text }]) => [name, text] as const), ...left]);
  }

  async apply({ remove }: Pending): Promise<void> {
    await this.#run(['ipset', 'restore'], [...remove.keys()].map((name) => `destroy ${name}\n`).join(''));
  }
}
