// A SecurityGroup in OVN: the group of the ports that name it, the sets of their addresses, and its rules. What its
// members may not do is in security-deny.ts, who they are in security-membership.ts; no pod is looked at here.
import { owner as ownerOf } from '../../lib/delta/ids.ts';
import type { RowFact } from '../../lib/delta/fact.ts';
import type { Fact, StatusFact } from '../api/fact.ts';
import { directions } from '../api/policy-row.ts';
import type { Direction } from '../api/policy-row.ts';
import type { NamedRow, SecurityRows } from '../api/policy-tables.ts';
import { securityGroupRef } from '../api/refs.ts';
import type { SecurityGroupRow } from '../api/security-row.ts';
import { securityRule } from '../api/security-rule.ts';
import type { RuleReading, UsableRule } from '../api/security-rule.ts';
import { associatedName, securityGroupName, suffixed } from '../nb/names.ts';
import { securityAcl as priority, securityTiers } from '../nb/priorities.ts';
import { groupAcl, peerField, portField } from '../nb/rows/policy.ts';
import type { GroupAcl } from '../nb/rows/policy.ts';
import { namedId, namedKey, wanted } from './named.ts';
import { problem } from './reconciler.ts';
import type { Entry, Projection, Reconciler, WorldRead } from './reconciler.ts';

/** Table `security`. Two names can come to one, and the later in the order of names gives way. */
export const security: Projection<SecurityGroupRow, SecurityRows> = function* ({ meta: { name: sg } }, read) {
  const plain = securityGroupName(sg);
  const taken = read.at('securityGroupsByName', plain).some(({ meta }) => meta.name < sg);
  yield [sg, { ...rowsNamed(taken ? nameBeside(sg) : plain), sg, taken }];
};

const nameBeside = (sg: string): string => suffixed(securityGroupName(sg), ownerOf(securityGroupRef(sg)));

type Rows = Pick<SecurityRows, 'group' | 'sets'>;

function rowsNamed(name: string): Rows {
  const set = (family: 4 | 6): NamedRow => ({ row: 'Address_Set', name: associatedName(name, family) });
  return { group: { row: 'Port_Group', name }, sets: { 4: set(4), 6: set(6) } };
}

/** Of one that does not exist, those that it would have; never another's. */
function rowsOf(sg: string, read: WorldRead): Rows {
  const plain = rowsNamed(securityGroupName(sg));
  const isFree = read.at('securitiesByRow', namedKey(plain.group)).length === 0;
  return read.get('security', sg) ?? (isFree ? plain : rowsNamed(nameBeside(sg)));
}

export const securityGroup: Reconciler<SecurityGroupRow> = {
  kind: 'SecurityGroup',
  *desired(row, read) {
    const { name } = row.meta;
    const about = securityGroupRef(name);
    const rows = read.get('security', name);
    if (!rows) return;
    yield wanted(rows.group);
    for (const family of families) yield wanted(rows.sets[family]);
    if (rows.taken)
      yield problem(
        about,
        'NameCollision',
        `port group ${securityGroupName(name)}: another SecurityGroup has this name`,
      );
    const tier = securityTiers[row.tier];
    if (tier === undefined) {
      const message = `tier ${row.tier} is neither 0 nor 1: nothing is allowed, and what is not is dropped in tier 0`;
      yield problem(about, 'SecurityGroupRuleInvalid', message);
    } else if (row.allowsSameGroup) yield* sameGroup(row, rows, tier);
    const ingress = yield* rules(row, rows, { direction: 'ingress', tier, read });
    const egress = yield* rules(row, rows, { direction: 'egress', tier, read });
    yield status(row, rows, { ingress, egress });
  },
};

const families = [4, 6] as const;

/** What is true once the rows are confirmed stays as the API shows it until then. */
function status(row: SecurityGroupRow, { group }: Rows, isWhole: Readonly<Record<Direction, boolean>>): StatusFact {
  const about = securityGroupRef(row.meta.name);
  return {
    status: about,
    generation: row.meta.generation,
    owner: ownerOf(about),
    fields: {
      portGroup: group.name,
      ...(!isWhole.ingress && { ingressLastSyncSuccess: false }),
      ...(!isWhole.egress && { egressLastSyncSuccess: false }),
    },
    confirmed: {
      ingressMd5: row.rules.ingress.digest,
      egressMd5: row.rules.egress.digest,
      allowSameGroupTraffic: row.allowsSameGroup,
      ...(isWhole.ingress && { ingressLastSyncSuccess: true }),
      ...(isWhole.egress && { egressLastSyncSuccess: true }),
    },
  };
}

interface Acl extends Pick<GroupAcl, 'direction' | 'tier' | 'priority' | 'action'> {
  readonly key: string;
  /** Joined by `&&`, behind the group. */
  readonly terms: readonly string[];
  readonly needs: readonly NamedRow[];
}

const acl = (sg: string, { group }: Rows, { terms, needs, ...rest }: Acl): RowFact =>
  groupAcl({
    owner: ownerOf(securityGroupRef(sg)),
    group: namedId(group),
    match: [`${portField[rest.direction]} == @${group.name}`, ...terms].join(' && '),
    external: { parent: group.name },
    needs: needs.map(namedId),
    ...rest,
  });

function* sameGroup({ meta: { name } }: SecurityGroupRow, rows: Rows, tier: number): Generator<Fact> {
  for (const direction of directions) {
    for (const family of families) {
      const set = rows.sets[family];
      yield acl(name, rows, {
        key: `${direction}/same/${family}`,
        direction,
        tier,
        priority: priority.sameGroup,
        action: 'allow-related',
        terms: [`ip${family}`, `ip${family}.${peerField[direction]} == $${set.name}`],
        needs: [set],
      });
    }
  }
}

interface Place {
  readonly direction: Direction;
  /** Of OVN; undefined where it cannot be read. */
  readonly tier: number | undefined;
  readonly read: WorldRead;
}

/** Answers whether they are as they were asked for. */
function* rules(row: SecurityGroupRow, rows: Rows, place: Place): Generator<Fact | Entry, boolean> {
  const { direction, tier, read } = place;
  const readings = row.rules[direction].rules.map((rule) => securityRule(rule, direction));
  const usable = readings
    .flatMap(({ rule }) => rule ?? [])
    .flatMap((rule) => (tier === undefined ? denied(rule) : rule));
  const acls = new Map<string, Acl>();
  for (const rule of usable) {
    const remote = remoteOf(rule, read);
    if (remote) yield wanted(remote);
    const one = ruleAcl(rule, place, remote);
    const other = acls.get(one.key);
    if (!other || isStricter(one, other)) acls.set(one.key, one);
  }
  for (const one of acls.values()) yield acl(row.meta.name, rows, one);
  const problems = [...wrongRules(row, readings, direction), ...missingGroups(row, usable, place)];
  yield* problems;
  return tier !== undefined && problems.length === 0;
}

const denied = (rule: UsableRule): UsableRule[] =>
  rule.action === 'allow-related' ? [] : [{ ...rule, action: 'drop' }];

function* wrongRules(
  { meta: { name } }: SecurityGroupRow,
  readings: readonly RuleReading[],
  direction: Direction,
): Generator<Fact> {
  for (const [at, { rule, faults }] of readings.entries()) {
    if (faults.length === 0) continue;
    const instead = rule ? 'drops what can be read of it' : 'is left out';
    const message = `${direction}Rules[${at}] ${instead}: ${faults.join('; ')}`;
    yield problem(securityGroupRef(name), 'SecurityGroupRuleInvalid', message);
  }
}

function* missingGroups(
  { meta: { name } }: SecurityGroupRow,
  usable: readonly UsableRule[],
  { direction, read }: Place,
): Generator<Fact> {
  for (const sg of new Set(usable.flatMap(({ remoteGroup }) => remoteGroup ?? []))) {
    if (read.get('security', sg)) continue;
    const message = `${direction}Rules: SecurityGroup ${sg} does not exist, so nobody is in it`;
    yield problem(securityGroupRef(name), 'SecurityGroupNotFound', message);
  }
}

/** Of two rules with one priority and match OVN would follow either. */
const isStricter = (one: Acl, other: Acl): boolean =>
  byStrictness.indexOf(one.action) > byStrictness.indexOf(other.action);

const byStrictness: readonly Acl['action'][] = ['allow-related', 'pass', 'drop'];

const remoteOf = ({ remoteGroup, family }: UsableRule, read: WorldRead): NamedRow | undefined =>
  remoteGroup !== undefined && family ? rowsOf(remoteGroup, read).sets[family] : undefined;

function ruleAcl(rule: UsableRule, { direction, tier = securityTiers[0] }: Place, remote: NamedRow | undefined): Acl {
  const ip = `ip${rule.family ?? ''}`;
  const address = remote ? `$${remote.name}` : rule.remoteAddress;
  const other = address === undefined ? [] : [`${ip}.${peerField[direction]} == ${address}`];
  const terms = [ip, ...other, ...rule.terms];
  return {
    key: `${direction}/${rule.priority} ${terms.join(' && ')}`,
    direction,
    tier,
    priority: priority.rules - rule.priority,
    action: rule.action,
    terms,
    needs: remote ? [remote] : [],
  };
}
