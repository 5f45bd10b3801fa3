// Routes and policies that the user gives a VPC. One that cannot be used is left out and named; the others stand.
import { owner as ownerOf, partOf } from '../../lib/delta/ids.ts';
import { canonicalCidr, canonicalIp } from '../../lib/net/index.ts';
import type { RowFact } from '../../lib/delta/fact.ts';
import type { Fact } from '../api/fact.ts';
import { commaList, textsOf } from '../api/json.ts';
import { vpcRef } from '../api/refs.ts';
import type { Realm, VpcRow } from '../api/tables.ts';
import type { VpcSpec } from '../api/vpc.gen.ts';
import { routerPolicy, staticRoute } from '../nb/rows/router.ts';
import { namedId, notFilled, references, wanted } from './named.ts';
import type { References } from './named.ts';
import { ofFamily, problem } from './reconciler.ts';
import type { Entry, Projection, WorldRead } from './reconciler.ts';

// What is absent counts as empty, so that one function can say what is wrong with it.
const noRoute = { cidr: '', nextHopIP: '', policy: '', routeTable: '', ecmpMode: '', bfdId: '' };
const noPolicy = { match: '', action: '', priority: 0, nextHopIP: '' };
type UserRoute = typeof noRoute;
type UserPolicy = typeof noPolicy;

export function* userRoutes(row: VpcRow): Generator<Fact> {
  // The API server has seen to the types of the fields, by the schema of the CRD.
  const { staticRoutes = [] }: VpcSpec = row.spec;
  const rows = new Map<string, RowFact>();
  for (const given of staticRoutes) {
    const route = { ...noRoute, ...given };
    const wrong = routeFault(route);
    if (wrong === undefined) {
      const fact = routeRow(row.meta.name, route);
      rows.set(fact.id, fact);
    } else yield problem(vpcRef(row.meta.name), 'RouteInvalid', `static route ${route.cidr}: ${wrong}`);
  }
  yield* rows.values();
}

export const everything = { 4: '0.0.0.0/0', 6: '::/0' } as const;

/** A default route of a family in a route table. */
export const defaultKey = (family: 4 | 6, routeTable: string): string => `${everything[family]} ${routeTable}`;

const isDefault = (prefix: string): boolean => prefix === everything[4] || prefix === everything[6];

/** Table `realm`. */
export const realm: Projection<VpcRow, Realm> = function* ({ meta: { name }, spec }) {
  const { staticRoutes = [], vpcPeerings = [] }: VpcSpec = spec;
  const peers = vpcPeerings.flatMap(({ remoteVpc }) => remoteVpc ?? []);
  const defaults = staticRoutes
    .map((given) => ({ ...noRoute, ...given }))
    .filter((route) => routeFault(route) === undefined && isDefault(prefixOf(route.cidr)))
    .map(({ cidr, routeTable }) => `${prefixOf(cidr)} ${routeTable}`);
  yield [name, { namespaces: textsOf(spec['namespaces']), defaults, peers }];
};

const prefixOf = (text: string): string => canonicalCidr(text) ?? canonicalIp(text) ?? '';

const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

function routeFault({ cidr, nextHopIP, policy, bfdId }: UserRoute): string | undefined {
  const prefix = prefixOf(cidr);
  if (prefix === '') return 'neither a prefix nor an address';
  const nexthop = canonicalIp(nextHopIP);
  if (nexthop === undefined) return `next hop ${nextHopIP} is not an address`;
  if (ofFamily([prefix], nexthop) === undefined) return `next hop ${nexthop} is of another family`;
  if (!['', 'policyDst', 'policySrc'].includes(policy)) return `unknown policy ${policy}`;
  return bfdId === '' || uuid.test(bfdId) ? undefined : `bfdId ${bfdId} is not the UUID of a row of BFD`;
}

function routeRow(vpc: string, { cidr, nextHopIP, policy, routeTable, ecmpMode, bfdId }: UserRoute): RowFact {
  const owner = ownerOf(vpcRef(vpc));
  const route = {
    vpc,
    prefix: prefixOf(cidr),
    nexthop: canonicalIp(nextHopIP) ?? '',
    policy: policy === 'policySrc' ? 'src-ip' : 'dst-ip',
    routeTable,
    symmetric: ecmpMode === 'ecmp_symmetric_reply',
  } as const;
  // The row that it names is somebody else's and may never come: the router does not wait for it.
  if (bfdId !== '') return staticRoute({ ...route, owner: partOf(owner, `bfd/${bfdId}`), bfd: bfdId });
  return staticRoute({ ...route, owner });
}

export function* userPolicies(row: VpcRow, read: WorldRead): Generator<Fact | Entry> {
  const { policyRoutes = [] }: VpcSpec = row.spec;
  const rows = new Map<string, RowFact>();
  for (const given of policyRoutes) {
    const policy = { ...noPolicy, ...given };
    const wrong = policyFault(policy);
    if (wrong === undefined) {
      const named = references(policy.match, read);
      const fact = policyRow(row.meta.name, policy, named);
      // Of two with one priority and match the first counts: OVN would choose either.
      if (rows.has(fact.id)) continue;
      rows.set(fact.id, fact);
      yield* named.rows.map(wanted);
      for (const text of named.empty)
        yield problem(
          vpcRef(row.meta.name),
          'AddressSetNotFound',
          `policy route ${policy.priority}: ${notFilled(text)}`,
        );
    }
  }
  for (const fault of policyFaults(row)) yield problem(vpcRef(row.meta.name), 'RouteInvalid', fault);
  yield* rows.values();
}

/** What is wrong with policies of the user, a sentence for each that is left out. */
export function* policyFaults({ spec }: VpcRow): Generator<string> {
  const { policyRoutes = [] }: VpcSpec = spec;
  for (const given of policyRoutes) {
    const policy = { ...noPolicy, ...given };
    const wrong = policyFault(policy);
    if (wrong !== undefined) yield `policy route ${policy.priority} ${policy.match}: ${wrong}`;
  }
}

const actions = ['allow', 'drop', 'reroute'] as const;

const nextHops = ({ action, nextHopIP }: UserPolicy): string[] =>
  action === 'reroute' ? commaList(nextHopIP).map((text) => canonicalIp(text) ?? '') : [];

function policyFault(policy: UserPolicy): string | undefined {
  if (policy.priority < 0 || policy.priority > 32_767) return 'the priority is not within 0 and 32767';
  if (policy.match === '') return 'the match is empty';
  if (!actions.some((action) => action === policy.action)) return `unknown action ${policy.action}`;
  const hops = nextHops(policy);
  const missing = policy.action === 'reroute' && hops.length === 0;
  return missing || hops.includes('') ? `next hop ${policy.nextHopIP} is not an address` : undefined;
}

const policyRow = (vpc: string, policy: UserPolicy, { rows }: References): RowFact =>
  routerPolicy({
    owner: ownerOf(vpcRef(vpc)),
    vpc,
    name: `user ${policy.priority} ${policy.match}`,
    priority: policy.priority,
    match: policy.match,
    action: actions.find((action) => action === policy.action) ?? 'drop',
    nexthops: nextHops(policy),
    ...(rows.length > 0 && { needs: rows.map(namedId) }),
  });
