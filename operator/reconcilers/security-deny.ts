// What it means to be in any SecurityGroup: one group drops what no rule of any of them allows, in both of their tiers,
// and holds what keeps such a pod alive. What Kube-OVN repeats in every group stands here once, for the flows' sake.
// Neither ARP nor neighbour discovery needs a rule: OVN lets them pass.
import { owner as ownerOf, rowId } from '../../lib/delta/ids.ts';
import type { RowFact, RowId } from '../../lib/delta/fact.ts';
import { directions } from '../api/policy-row.ts';
import type { Direction } from '../api/policy-row.ts';
import { isolationRef } from '../api/refs.ts';
import { securityDenyName } from '../nb/names.ts';
import { securityAcl as priority, securityTiers } from '../nb/priorities.ts';
import { collectionRow, groupAcl, hairpin, portField } from '../nb/rows/policy.ts';

/** Key of table `isolation`. */
export const securityIsolation = 'security';

const owner = ownerOf(isolationRef(securityIsolation));
const groupKey = 'group';

export const securityDenyId: RowId = rowId(owner, 'Port_Group', groupKey);

const client = { 4: 68, 6: 546 } as const;
const server = { 4: 67, 6: 547 } as const;

export function* securityDenial(): Generator<RowFact> {
  yield collectionRow({
    row: 'Port_Group',
    owner,
    key: groupKey,
    id: securityDenyId,
    name: securityDenyName,
    external: { type: 'security_group', sg: 'kubeovn_deny_all' },
  });
  for (const tier of securityTiers) for (const direction of directions) yield* inTier(tier, direction);
  for (const family of [4, 6] as const) {
    yield rule({
      key: `forged/${family}`,
      tier: securityTiers[0],
      direction: 'egress',
      match: `ip${family}.src == ${hairpin[family]}`,
      priority: priority.forged,
      action: 'drop',
    });
  }
}

function* inTier(tier: number, direction: Direction): Generator<RowFact> {
  const base = (key: string, match: string): RowFact =>
    rule({
      key: `${tier}/${direction}/${key}`,
      tier,
      direction,
      match,
      priority: priority.base,
      action: 'allow-related',
    });
  yield rule({
    key: `${tier}/${direction}/deny`,
    tier,
    direction,
    match: 'ip',
    priority: priority.deny,
    action: 'drop',
  });
  yield base('vrrp', 'ip.proto == 112');
  for (const family of [4, 6] as const) {
    const [from, to] = direction === 'egress' ? [client, server] : [server, client];
    yield base(`dhcp/${family}`, `ip${family} && udp.src == ${from[family]} && udp.dst == ${to[family]}`);
    // As in the group of NetworkPolicies: nobody else is met from there, and whoever only says so is dropped as he sends.
    if (direction === 'ingress')
      yield base(`hairpin/${family}`, `inport == @${securityDenyName} && ip${family}.src == ${hairpin[family]}`);
  }
}

interface Rule {
  readonly key: string;
  readonly tier: number;
  readonly direction: Direction;
  readonly match: string;
  readonly priority: number;
  readonly action: 'drop' | 'allow-related';
}

const rule = ({ direction, match, ...rest }: Rule): RowFact =>
  groupAcl({
    owner,
    group: securityDenyId,
    direction,
    match: `${portField[direction]} == @${securityDenyName} && ${match}`,
    external: { parent: securityDenyName },
    needs: [],
    ...rest,
  });
