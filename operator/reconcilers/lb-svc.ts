// A Service of type LoadBalancer that names a network outside of the cluster (`attachmentprovider`): a pod of its own has an
// interface there, and passes on to the Service what comes to that interface's address. It is called lb-svc in Kube-OVN.
// What passes things on in the pod's namespace is made by the agent of its node (agent/gateways.ts).
import { owner as ownerOf } from '../../lib/delta/ids.ts';
import type { Fact, PlanFact, Ref } from '../api/fact.ts';
import { manager } from '../api/managers.ts';
import { deploymentRef, objectKey, podRef, serviceRef } from '../api/refs.ts';
import type { ServiceRow } from '../api/service-row.ts';
import type { PodRow } from '../api/tables.ts';
import type { ForwardItem } from '../plan/item.ts';
import { assignment } from './assignment.ts';
import type { Assignment } from './assignment.ts';
import { identityOf } from './identity.ts';
import { networkProvider, outsideOf, wantedOf } from './lb-svc-check.ts';
import type { OutsideNetwork } from './lb-svc-check.ts';
import { deployment, deploymentName, outerInterface } from './lb-svc-workload.ts';
import { nicsOf } from './nics.ts';
import type { Nic } from './nics.ts';
import { clusterOf, problem, withLength } from './reconciler.ts';
import type { Reconciler, WorldRead } from './reconciler.ts';

export const lbService: Reconciler<ServiceRow> = {
  kind: 'LbService',
  *desired(row, read, key) {
    const { namespace, name } = row.meta;
    const about = serviceRef(namespace, name);
    const network = clusterOf(read).enableLbSvc && !row.meta.deleting ? outsideOf(row) : undefined;
    if (network === undefined) {
      // What we have told of an address is true no longer.
      if (row.outside?.told === true) yield reachedBy(about, []);
      return;
    }
    const wanted = wantedOf(row, network, read);
    const workload = {
      object: deploymentRef(namespace, deploymentName(name)),
      owner: ownerOf(about),
      manager,
    } as const;
    if ('reason' in wanted) {
      yield problem(about, wanted.reason, wanted.message);
      // A slip of the pen cuts off nobody.
      yield { ...workload, generated: true, keep: true, manifest: {} };
    } else yield { ...workload, generated: true, manifest: deployment(row, wanted) };
    yield* served(row, { about, key, network }, read);
  },
};

interface Served {
  readonly about: Ref;
  readonly key: string;
  readonly network: OutsideNetwork;
}

function* served(row: ServiceRow, { about, key, network }: Served, read: WorldRead): Generator<Fact> {
  const pod = newest(read.at('podsByService', key));
  const ends = pod && endsOf(pod, network, read);
  if (!ends) return;
  const forwards = forwardsOf(row, ends.outer.ip.addresses);
  yield { ...gateway(pod, ends, forwards), owner: ownerOf(about) };
  const { namespace, name } = row.meta;
  // Until the pod is ready what was told before stays.
  if (read.get('deployment', objectKey(namespace, deploymentName(name)))?.ready !== true) return;
  yield reachedBy(about, [...new Set(forwards.map(({ address }) => address))]);
}

/** Of several the others are on their way out, or will be. */
const newest = (pods: readonly PodRow[]): PodRow | undefined =>
  pods.filter(({ meta }) => !meta.deleting).toSorted((a, b) => (ageOf(a) < ageOf(b) ? 1 : -1))[0];

const ageOf = ({ created, meta }: PodRow): string => `${String(created).padStart(15, '0')} ${meta.uid}`;

interface Ends {
  readonly inner: Assignment;
  readonly outer: Assignment;
}

/** What the pod has on both sides; undefined as long as it lacks one. */
function endsOf(pod: PodRow, outside: OutsideNetwork, read: WorldRead): Ends | undefined {
  const self = identityOf(pod, read);
  const { nics } = nicsOf(pod, self, read);
  const found = (nic: Nic | undefined): Assignment | undefined =>
    nic && assignment({ ...nic, ref: podRef(pod.meta.namespace, self.name), uid: self.uid }, read);
  const inner = found(nics.find(({ isFirst, isForeign }) => isFirst && !isForeign));
  const providers = [false, true].map((isOvn) => networkProvider(outside, isOvn));
  const outer = found(nics.find(({ isFirst, network }) => !isFirst && providers.includes(network)));
  return inner && outer && { inner, outer };
}

/** Each address outside by each port, to the Service's address of the family. */
function forwardsOf({ ports, clusterIps, outside }: ServiceRow, addresses: readonly string[]): ForwardItem[] {
  return addresses.flatMap((address) => {
    const isSame = (other: string): boolean => other.includes(':') === address.includes(':');
    const sources = (outside?.sources ?? []).filter(isSame);
    // Whom the ranges of the other family name does not come by this one.
    if (sources.length === 0 && (outside?.sources ?? []).length > 0) return [];
    return clusterIps
      .filter(isSame)
      .flatMap((target) => ports.map(({ protocol, port }) => ({ protocol, address, port, target, sources })));
  });
}

const gateway = (pod: PodRow, { inner, outer }: Ends, forwards: readonly ForwardItem[]): Omit<PlanFact, 'owner'> => ({
  plan: `gateway/${pod.meta.namespace}/${pod.meta.name}`,
  span: new Set([pod.node]),
  item: {
    kind: 'gateway',
    pod: { namespace: pod.meta.namespace, name: pod.meta.name, uid: pod.meta.uid },
    ifaceId: inner.ip.meta.name,
    ifname: outerInterface,
    addresses: withLength(outer.ip.addresses, outer.network),
    gateways: outer.network.gateways,
    innerIfname: 'eth0',
    innerGateways: inner.network.gateways,
    forwards,
  },
});

/** The packets that come to the address are the client's own: nodes and pods may go the short way. */
const reachedBy = (about: Ref, addresses: readonly string[]): Fact => ({
  status: about,
  generation: 0,
  owner: ownerOf(about),
  fields: { loadBalancer: { ingress: addresses.map((ip) => ({ ip, ipMode: 'VIP' })) } },
});
