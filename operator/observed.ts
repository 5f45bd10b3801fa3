// What the API shows of an object that we write, looked up in the tables: so that nothing is written that is there.
import type { ReadTable } from '../lib/graph/types.ts';
import type { JsonObject, Ref } from './api/fact.ts';
import { isAdminKind } from './api/admin-policy-row.ts';
import { isLater, laterKey } from './api/later.ts';
import { objectKey } from './api/refs.ts';
import type { Meta } from './api/tables.ts';
import { type Observation, observedMeta } from './kube/applier.ts';
import type { World } from './world.ts';

/** Undefined when the object does not exist, and for kinds that are not watched. */
export function metaOf(world: World, ref: Ref): Meta | undefined {
  const {
    pod,
    node,
    namespace,
    subnet,
    vpc,
    vlan,
    ip,
    ippool,
    vip,
    eip,
    securityGroup,
    domain,
    service,
    deployment,
    switchLbRule,
    routerLbRule,
  } = world;
  const tables: Readonly<Record<string, ReadTable<{ readonly meta: Meta }>>> = {
    Pod: pod,
    Node: node,
    Namespace: namespace,
    Subnet: subnet,
    Vpc: vpc,
    Vlan: vlan,
    IP: ip,
    IPPool: ippool,
    Vip: vip,
    OvnEip: eip,
    SecurityGroup: securityGroup,
    DNSNameResolver: domain,
    Service: service,
    Deployment: deployment,
    SwitchLBRule: switchLbRule,
    RouterLBRule: routerLbRule,
  };
  if (isAdminKind(ref.kind)) return world.adminPolicy.get(`${ref.kind}/${ref.name}`)?.meta;
  if (isLater(ref.kind)) return world.later.get(laterKey(ref))?.meta;
  return tables[ref.kind]?.get(objectKey(ref.namespace, ref.name))?.meta;
}

/** Metadata, and the spec where we write of it. */
export function observed(world: World, ref: Ref): Observation {
  const meta = observedMeta(metaOf(world, ref));
  const spec = specOf(world, ref);
  return typeof meta === 'string' || spec === undefined ? meta : { ...meta, spec };
}

function specOf(
  { subnet, eip, domain, service, deployment, vip }: World,
  { kind, namespace, name }: Ref,
): JsonObject | undefined {
  const specs: Readonly<Record<string, () => JsonObject | undefined>> = {
    Subnet: () => subnet.get(name)?.spec,
    OvnEip: () => eip.get(name)?.spec,
    DNSNameResolver: () => domain.get(name)?.spec,
    Service: () => service.get(objectKey(namespace, name))?.spec,
    Deployment: () => deployment.get(objectKey(namespace, name))?.spec,
    Vip: () => partOf(vip.get(name)),
  };
  return specs[kind]?.();
}

/** What is written of a Vip. */
const partOf = (row: { readonly subnet: string } | undefined): JsonObject | undefined => row && { subnet: row.subnet };
