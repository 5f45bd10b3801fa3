// A policy of the administrator in OVN: its module's templates with the names of groups and sets in them, in each VPC
// where its subject may be, in the tier before NetworkPolicies or in the one behind them. Who is in the groups is
// membership.ts; no pod is looked at here.
import { owner as ownerOf, rankOf } from '../../lib/delta/ids.ts';
import type { Owner, RowFact } from '../../lib/delta/fact.ts';
import type { AdminAction, AdminKind, AdminPolicyRow } from '../api/admin-policy-row.ts';
import type { Collection, Facet, Scope } from '../api/facet.ts';
import type { Fact, Ref } from '../api/fact.ts';
import { commaList } from '../api/json.ts';
import { manager } from '../api/managers.ts';
import { directions } from '../api/policy-row.ts';
import type { NamedPort } from '../api/policy-row.ts';
import type { Place } from '../api/policy-tables.ts';
import { adminPolicyRef, dnsNameResolverRef } from '../api/refs.ts';
import type { Template, Translation } from '../api/translation.ts';
import { adminAcl, aclTier } from '../nb/priorities.ts';
import { groupAcl } from '../nb/rows/policy.ts';
import type { GroupAcl } from '../nb/rows/policy.ts';
import { judgedIsolations, tracking } from './default-deny.ts';
import { groupFacet, judgedFacet, outsideFacet, setFacet } from './facet.ts';
import { placesOfNamespaces } from './policy-scope.ts';
import { clusterOf, problem } from './reconciler.ts';
import type { Entry, Reconciler, WorldRead } from './reconciler.ts';
import { standing } from './standing.ts';
import { filled, note, numbersOf } from './template.ts';

export const adminPolicy: Reconciler<AdminPolicyRow> = {
  kind: 'AdminPolicy',
  *desired(row, read, key) {
    const ref = adminPolicyRef(row.kind, row.meta.name);
    const owner = ownerOf(ref);
    yield { status: ref, generation: row.meta.generation, fields: {}, owner };
    if (!clusterOf(read).enableAnp) {
      yield problem(
        ref,
        'KindNotAvailable',
        `without the setting enable-anp nothing is done for objects of kind ${row.kind}`,
      );
      return;
    }
    const translation = read.get('translation', key);
    if (!translation) return;
    for (const fault of translation.faults) yield problem(ref, 'CreateACLFailed', fault);
    if (!(yield* standing(row, read))) return;
    yield* resolvers(row, translation, read);
    yield* new Placed(row, translation, read).facts();
  },
};

/** Each name is resolved for each policy that speaks of it, under a name that Kube-OVN gives. */
function* resolvers(
  { kind, meta: { name } }: AdminPolicyRow,
  { domains }: Translation,
  read: WorldRead,
): Generator<Fact> {
  const ref = adminPolicyRef(kind, name);
  const owner = ownerOf(ref);
  if (!clusterOf(read).enableDnsNameResolver) {
    const message = 'without the setting enable-dns-name-resolver domain names stand for nobody';
    if (domains.length > 0) yield problem(ref, 'CreateACLFailed', message);
    return;
  }
  for (const domain of domains) {
    yield {
      object: resolverOf(kind, name, domain),
      manager,
      generated: true,
      owner,
      manifest: { ...(name.length <= longestLabel && { metadata: { labels: { anp: name } } }), spec: { name: domain } },
    };
  }
}

const longestName = 253;
const longestLabel = 63;

function resolverOf(kind: AdminKind, policy: string, domain: string): Ref {
  const hash = rankOf(domain).slice(0, 8);
  const name = `${prefixes[kind]}-${policy}-${hash}`;
  return dnsNameResolverRef(
    name.length <= longestName ? name : `${prefixes[kind]}-${rankOf(policy).slice(0, 16)}-${hash}`,
  );
}

/** Tells rules apart that come of one. */
function variant({ self }: Template, { vpc, port }: Spot, defaultVpc: string): string {
  const named = port ? `/${port.name}/${port.protocol}/${port.number}` : '';
  return `${self ? '/self' : ''}${named}${vpc === defaultVpc ? '' : ` in ${vpc}`}`;
}

/** In names for people, as Kube-OVN has them. */
const prefixes: Readonly<Record<AdminKind, string>> = {
  AdminNetworkPolicy: 'anp',
  BaselineAdminNetworkPolicy: 'banp',
  ClusterNetworkPolicy: 'cnp',
};

const aclActions = { allow: 'allow-related', deny: 'drop', pass: 'pass' } as const satisfies Record<
  AdminAction,
  GroupAcl['action']
>;

/** The words of the annotation and of the API. */
const logWords: Readonly<Record<AdminAction, readonly string[]>> = {
  allow: ['allow', 'allow-related', 'accept'],
  deny: ['drop', 'deny'],
  pass: ['pass'],
};

/** Of a rule of the policy, by its place among those of its direction. */
function priorityOf({ kind, priority }: AdminPolicyRow, rule: number): number {
  if (kind === 'BaselineAdminNetworkPolicy') return adminAcl.baseline - rule;
  return adminAcl.first - adminAcl.stride[kind] * priority - rule;
}

/** One policy's rows and facets. */
class Placed {
  readonly #row: AdminPolicyRow;
  readonly #translation: Translation;
  readonly #read: WorldRead;
  readonly #owner: Owner;
  readonly #facets = new Map<string, Facet>();
  readonly #logged: readonly string[];

  constructor(row: AdminPolicyRow, translation: Translation, read: WorldRead) {
    this.#row = row;
    this.#translation = translation;
    this.#read = read;
    this.#owner = ownerOf(adminPolicyRef(row.kind, row.meta.name));
    this.#logged = commaList((row.meta.annotations['ovn.kubernetes.io/log_acl_actions'] ?? '').toLowerCase());
  }

  *facts(): Generator<Fact | Entry> {
    const { rules, subject, tier } = this.#row;
    const judged = directions.filter((direction) => rules[direction].length > 0);
    if (judged.length === 0) return;
    for (const direction of judged) {
      const { key, value } = judgedFacet(this.#scope(0), tier, direction);
      this.#facets.set(key, value);
    }
    yield* judgedIsolations(tier, judged);
    for (const place of placesOfNamespaces(subject.scopes ?? [], this.#read)) yield* this.#inVpc(place);
    for (const [key, value] of this.#facets) yield { entry: 'facet', key, value };
  }

  *#inVpc({ vpc, families }: Place): Generator<RowFact> {
    const { enableLb, defaultVpc } = clusterOf(this.#read);
    const subject = note(this.#facets, groupFacet(this.#scope(0), vpc));
    // In the default VPC the rules of nodes for their own pods do it.
    if (vpc !== defaultVpc) yield* tracking(this.#owner, subject, `track in ${vpc}`);
    for (const template of this.#translation.templates) {
      if (!families.includes(template.family) || (template.self && !enableLb)) continue;
      if (!template.named) yield this.#acl(template, { vpc, subject });
      else yield* this.#named(template, { vpc, subject });
    }
  }

  /** One rule for each number that the name has. */
  *#named(template: Template, place: Spot): Generator<RowFact> {
    const { named } = template;
    if (!named) return;
    for (const number of numbersOf(template, this.#translation, this.#read)) {
      const port: NamedPort = { name: named.name, protocol: named.protocol, number };
      yield this.#acl(template, { ...place, port });
    }
  }

  #acl(template: Template, place: Spot): RowFact {
    const { direction, rule, family, self } = template;
    const subject = this.#subject(template, place);
    const { kind, tier, meta } = this.#row;
    const action = this.#row.rules[direction][rule]?.action ?? 'deny';
    const sets = self ? [] : template.sets.map((at) => this.#set(template, at, place));
    const protocol = family === 4 ? 'IPv4' : 'IPv6';
    const name = `${prefixes[kind]}/${meta.name}/${direction}/${protocol}/${rule}`;
    return groupAcl({
      owner: this.#owner,
      key: `${direction}/${rule}/${protocol}${variant(template, place, this.#defaultVpc)}`,
      name,
      group: subject.id,
      direction,
      tier: aclTier[tier],
      priority: priorityOf(this.#row, rule),
      match: filled(template, { group: subject.name, sets: sets.map((set) => set.name), number: place.port?.number }),
      action: aclActions[action],
      external: { parent: subject.name },
      needs: sets.map(({ id }) => id),
      ...(logWords[action].some((word) => this.#logged.includes(word)) && {
        log: { name, severity: action === 'deny' ? 'warning' : 'info' },
      }),
    });
  }

  /** Those of the subject that the rule is about. */
  #subject({ self, named, sets }: Template, { vpc, subject, port }: Spot): Collection {
    const isNamed = named?.side === 'subject' && port;
    if (!self && !isNamed) return subject;
    const among = sets.map((at) => this.#translation.selections[at] ?? '');
    const scope = { ...this.#scope(0), ...(isNamed && { port }), ...(self && { among }) };
    return note(this.#facets, groupFacet(scope, vpc));
  }

  /** What stands for a place-holder. */
  #set({ family, named }: Template, at: number, { vpc, port }: Spot): Collection {
    const kind = this.#translation.kinds[at] ?? 'pods';
    const selection = this.#translation.selections[at] ?? '';
    if (kind !== 'pods') return note(this.#facets, outsideFacet(kind, selection, family));
    const scope = named?.side === 'peer' && port ? { ...this.#scope(at), port } : this.#scope(at);
    return note(this.#facets, setFacet(scope, vpc, family));
  }

  #scope(at: number): Scope {
    return { selection: this.#translation.selections[at] ?? '', providers: [] };
  }

  get #defaultVpc(): string {
    return clusterOf(this.#read).defaultVpc;
  }
}

interface Spot {
  readonly vpc: string;
  readonly subject: Collection;
  readonly port?: NamedPort;
}
