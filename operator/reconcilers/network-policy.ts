// A NetworkPolicy in OVN: its module's templates with the names of groups and sets in them, in each VPC where it is
// needed, and the isolation of its subject. Who is in the groups is membership.ts; no pod is looked at here.
import { owner as ownerOf, partOf } from '../../lib/delta/ids.ts';
import type { RowFact, RowId } from '../../lib/delta/fact.ts';
import type { Collection, Enforcement, Facet, Scope } from '../api/facet.ts';
import { commaList } from '../api/json.ts';
import type { Direction, NetworkPolicyRow, NamedPort } from '../api/policy-row.ts';
import { networkPolicyRef } from '../api/refs.ts';
import type { Place } from '../api/policy-tables.ts';
import type { Cluster } from '../api/tables.ts';
import type { Template, Translation } from '../api/translation.ts';
import { isOwnGroupName, suffixed } from '../nb/names.ts';
import { aclTier, networkPolicyAcl as priority } from '../nb/priorities.ts';
import { collectionRow, groupAcl, meter } from '../nb/rows/policy.ts';
import type { Log } from '../nb/rows/policy.ts';
import { denial, isolationOf } from './default-deny.ts';
import { denyFacet, groupFacet, setFacet } from './facet.ts';
import type { Own } from './facet.ts';
import { homeOf, placesOf } from './policy-scope.ts';
import { clusterOf, problem } from './reconciler.ts';
import type { Entry, Reconciler, WorldRead } from './reconciler.ts';
import { filled, note, numbersOf } from './template.ts';
import type { Fact } from '../api/fact.ts';

const annotation = (key: string): string => `ovn.kubernetes.io/${key}`;

/** What the annotations ask for. */
interface Wishes {
  readonly enforcement: Enforcement;
  readonly providers: readonly string[];
  readonly logsDrops: boolean;
  readonly logsAllows: boolean;
  readonly meterRate: number;
}

function wishesOf({ meta: { annotations } }: NetworkPolicyRow, cluster: Cluster): Wishes {
  const wish = (key: string): string => annotations[annotation(key)] ?? '';
  const enforcement = wish('network_policy_enforcement');
  const logs = wish('enable_log') === 'true';
  return {
    enforcement: enforcement === 'lax' || enforcement === 'standard' ? enforcement : cluster.npEnforcement,
    providers: commaList(wish('network_policy_for')).map(providerOf),
    logsDrops: logs,
    logsAllows: logs && commaList(wish('log_acl_actions')).includes('allow'),
    meterRate: logs ? rateOf(wish('acl_log_meter_rate')) : 0,
  };
}

const rateOf = (text: string): number => (/^[1-9][0-9]{0,9}$/.test(text) ? Math.min(Number(text), highestRate) : 0);

/** Meter_Band.rate. */
const highestRate = 4_294_967_295;

/** `ovn` is the default network, `<namespace>/<definition>` an attached one. */
function providerOf(network: string): string {
  const [namespace = '', name] = network.split('/');
  return name === undefined ? network : `${name}.${namespace}.ovn`;
}

const isKept = ({ meta: { annotations } }: NetworkPolicyRow): boolean =>
  annotations[annotation('enable_log')] === 'true' || (annotations[annotation('network_policy_for')] ?? '') !== '';

const ownGroupName = ({ meta: { namespace, name } }: NetworkPolicyRow): string =>
  `${name}.${namespace}`.replaceAll('-', '.');

/** Index `policiesByGroup`: names of policies with "-" and "." can come to one name of a group. */
export const ownGroups = (row: NetworkPolicyRow): string[] => (isKept(row) ? [ownGroupName(row)] : []);

export const networkPolicy: Reconciler<NetworkPolicyRow> = {
  kind: 'NetworkPolicy',
  *desired(row, read, key) {
    const cluster = clusterOf(read);
    const translation = read.get('translation', key);
    if (!cluster.enableNp || !translation) return;
    const { namespace, name } = row.meta;
    const ref = networkPolicyRef(namespace, name);
    for (const fault of translation.faults) yield problem(ref, 'CreateACLFailed', fault);
    yield* new Placed(row, translation, { wishes: wishesOf(row, cluster), cluster, read }).facts();
  },
};

interface Given {
  readonly wishes: Wishes;
  readonly cluster: Cluster;
  readonly read: WorldRead;
}

/** One policy's rows and facets. */
class Placed {
  readonly #row: NetworkPolicyRow;
  readonly #translation: Translation;
  readonly #given: Given;
  readonly #owner: ReturnType<typeof ownerOf>;
  /** Its groups are its own, where a log or a person is to find it by name. */
  readonly #isOwn: boolean;
  readonly #places: readonly Place[];
  /** The VPC in which they have the names that people know. */
  readonly #home: string;

  constructor(row: NetworkPolicyRow, translation: Translation, given: Given) {
    this.#row = row;
    this.#translation = translation;
    this.#given = given;
    this.#owner = ownerOf(networkPolicyRef(row.meta.namespace, row.meta.name));
    this.#isOwn = given.wishes.logsDrops || given.wishes.providers.length > 0;
    const { namespace } = row.meta;
    this.#places = placesOf(namespace, given.wishes.providers, given.read);
    const { defaultVpc } = given.cluster;
    this.#home = this.#isOwn ? homeOf(namespace, this.#places, { defaultVpc, read: given.read }) : defaultVpc;
  }

  *facts(): Generator<Fact | Entry> {
    const { wishes } = this.#given;
    const facets = new Map<string, Facet>();
    for (const place of this.#places) yield* this.#inVpc(place, facets);
    const { isolates } = this.#translation;
    if (!this.#isOwn) {
      for (const direction of isolates) {
        const { key, value } = denyFacet(this.#scope(0), direction, wishes.enforcement);
        facets.set(key, value);
      }
    }
    yield* isolationOf(isolates, this.#isOwn ? 'by itself' : wishes.enforcement);
    yield* ownRows(facets.values());
    if (wishes.meterRate > 0) yield* meter({ owner: this.#owner, name: this.#meterName, rate: wishes.meterRate });
    for (const [key, value] of facets) yield { entry: 'facet', key, value };
  }

  *#inVpc({ vpc, families }: Place, facets: Map<string, Facet>): Generator<Fact> {
    const subject = this.#subject(vpc, facets);
    const spot: Spot = { vpc, facets, subject };
    if (this.#isOwn) yield* this.#denials(subject, this.#placeName(vpc));
    for (const template of this.#translation.templates) {
      if (!families.includes(template.family)) continue;
      if (!template.named) yield this.#acl(template, spot);
      else yield* this.#named(template, spot);
    }
  }

  #subject(vpc: string, facets: Map<string, Facet>): Collection {
    const { enforcement } = this.#given.wishes;
    const own = this.#isOwn ? this.#own(this.#groupNames(vpc), this.#path) : undefined;
    const { key, value } = groupFacet(this.#scope(0), vpc, own);
    if (!own) return note(facets, { key, value });
    const { isolates: directions } = this.#translation;
    const isolates = { directions, enforcement };
    return note(facets, { key: `${key} ${directions.join(',')} ${enforcement}`, value: { ...value, isolates } });
  }

  *#denials(group: Collection, place: string): Generator<RowFact> {
    const { wishes } = this.#given;
    const { namespace, name } = this.#row.meta;
    const log: Log = { name: `${namespace}/${name}`, severity: 'warning', ...this.#metered };
    for (const direction of this.#translation.isolates) {
      yield* denial({
        owner: this.#owner,
        group,
        direction,
        enforcement: wishes.enforcement,
        place,
        ...(wishes.logsDrops && { log }),
      });
    }
  }

  /** One rule for each number that the name has. */
  *#named(template: Template, place: Spot): Generator<RowFact> {
    const { named } = template;
    if (!named) return;
    for (const number of numbersOf(template, this.#translation, this.#given.read)) {
      const port: NamedPort = { name: named.name, protocol: named.protocol, number };
      const subject = named.side === 'subject' ? this.#namedSubject(port, place) : place.subject;
      yield this.#acl(template, { ...place, subject, port });
    }
  }

  #namedSubject(port: NamedPort, { vpc, facets }: Spot): Collection {
    const part = `${vpc} ${port.name} ${port.protocol} ${port.number}`;
    const name = suffixed(this.#name, partOf(this.#owner, part));
    const own = this.#isOwn ? this.#own({ key: name, name }, this.#path) : undefined;
    return note(facets, groupFacet({ ...this.#scope(0), port }, vpc, own));
  }

  #acl(template: Template, place: Spot & { readonly port?: NamedPort }): RowFact {
    const { direction, rule, family } = template;
    const { vpc, subject, port } = place;
    const { wishes } = this.#given;
    const sets = template.sets.map((at) => this.#set(template, at, place));
    const protocol = family === 4 ? 'IPv4' : 'IPv6';
    const name = `np/${this.#row.meta.name}.${this.#row.meta.namespace}/${direction}/${protocol}/${rule}`;
    const suffix = port ? `/${port.name}/${port.protocol}/${port.number}` : '';
    return groupAcl({
      owner: this.#owner,
      key: `${direction}/${rule}/${protocol}${suffix}${this.#placeName(vpc)}`,
      name,
      group: subject.id,
      direction,
      tier: aclTier.namespace,
      priority: priority.allow,
      match: filled(template, { group: subject.name, sets: sets.map((set) => set.name), number: port?.number }),
      action: 'allow-related',
      external: { parent: subject.name },
      needs: sets.map((set): RowId => set.id),
      ...(wishes.logsAllows && { log: { name, severity: 'info', ...this.#metered } }),
    });
  }

  #set(template: Template, at: number, { vpc, facets, port }: Spot & { readonly port?: NamedPort }): Collection {
    const { direction, rule, family, named } = template;
    const scope = named?.side === 'peer' && port ? { ...this.#scope(at), port } : this.#scope(at);
    return note(facets, setFacet(scope, vpc, family, this.#ownSet({ direction, rule, family, port, vpc })));
  }

  #ownSet(of: OwnSet): Own | undefined {
    if (this.#given.wishes.providers.length === 0) return undefined;
    const { direction, rule, family, port, vpc } = of;
    const suffix = `.${direction}.allow.IPv${family}.${rule}${port ? `.${port.name}.${port.number}` : ''}`;
    const { key, name } = this.#groupNames(vpc);
    // As in Kube-OVN. Rules meet what leaves a pod behind the load balancer, so they say nothing of ClusterIPs.
    const services = direction === 'egress' && vpc === this.#given.cluster.defaultVpc;
    return { ...this.#own({ key: key + suffix, name: name + suffix }, `${this.#path}/${direction}`), services };
  }

  #scope(at: number): Scope {
    return { selection: this.#translation.selections[at] ?? '', providers: this.#given.wishes.providers };
  }

  #own(names: Pick<Own, 'key' | 'name'>, np: string): Own {
    return { ...names, owner: this.#owner, external: { np } };
  }

  get #path(): string {
    return `${this.#row.meta.namespace}/${this.#row.meta.name}`;
  }

  /** Behind the keys of rules: they are others in every VPC. */
  #placeName(vpc: string): string {
    return vpc === this.#given.cluster.defaultVpc ? '' : ` in ${vpc}`;
  }

  #groupNames(vpc: string): Pick<Own, 'key' | 'name'> {
    const other = suffixed(this.#name, partOf(this.#owner, vpc));
    const { defaultVpc } = this.#given.cluster;
    return { key: vpc === defaultVpc ? this.#name : other, name: vpc === this.#home ? this.#name : other };
  }

  /** Kube-OVN's name for its group, unless another policy has that. */
  get #name(): string {
    const name = ownGroupName(this.#row);
    const key = ({ meta }: NetworkPolicyRow): string => `${meta.namespace}/${meta.name}`;
    const first = this.#given.read.at('policiesByGroup', name).every((other) => key(other) >= key(this.#row));
    return first && !isOwnGroupName(name) ? name : suffixed(name, this.#owner);
  }

  /** A name with a slash is nobody else's. */
  get #meterName(): string {
    return `np/${this.#path}`;
  }

  get #metered(): Pick<Log, 'meter'> {
    return this.#given.wishes.meterRate > 0 ? { meter: this.#meterName } : {};
  }
}

interface Spot {
  readonly vpc: string;
  readonly facets: Map<string, Facet>;
  readonly subject: Collection;
}

interface OwnSet {
  readonly direction: Direction;
  readonly rule: number;
  readonly family: 4 | 6;
  readonly port: NamedPort | undefined;
  readonly vpc: string;
}

/** Rows that are the policy's own; several facets may fill one. */
function* ownRows(facets: Iterable<Facet>): Generator<RowFact> {
  const rows = new Map<string, Collection>();
  for (const facet of facets) if ('into' in facet && !facet.isShared) rows.set(facet.into.id, facet.into);
  for (const collection of rows.values()) yield collectionRow(collection);
}
