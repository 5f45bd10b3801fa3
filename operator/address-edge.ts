// The allocator with its module and its way to the API: built here, because it is the one part that joins them.
import { randomBytes } from 'node:crypto';
import type { Owner } from '../lib/delta/fact.ts';
import { owner as ownerOf, partOf } from '../lib/delta/ids.ts';
import type { Graph } from '../lib/graph/graph.ts';
import type { ReadTable } from '../lib/graph/types.ts';
import { pooledRandom } from '../lib/net/index.ts';
import { ipRow } from './api/project.ts';
import {
  eipIpName,
  eipRef,
  externalIpName,
  externalPart,
  interconnectionIpName,
  nodeIpName,
  nodeRef,
  podIpName,
  podRef,
  querierIpName,
  subnetRef,
  vipKey,
  vipOfKey,
  vipRef,
  vpcOfExternalIp,
  vpcRef,
} from './api/refs.ts';
import type { Indexes, IpRow, Tables } from './api/tables.ts';
import { vipRow } from './api/vip-row.ts';
import { Assignments } from './ipam/assignments.ts';
import { Ipam } from './ipam/ipam.ts';
import { Allocator, loadAllocator } from './ipam/module.ts';
import { assignmentLimits } from './ipam/options.ts';
import { vipManifest } from './ipam/vip-manifest.ts';
import { ipManifest, type IpWriter, type NewIp, WriteRefused } from './ipam/writer.ts';
import { isOwn } from './reconcilers/own-address.ts';
import type { KubeClient } from './kube/client.ts';
import { messageOf, NotFoundError } from './kube/errors.ts';
import { KubeIpWriter } from './kube/ip-writer.ts';
import type { KubeObject } from './kube/object.ts';
import { type Resource, resources } from './kube/resources.ts';
import { KubeVipWriter } from './kube/vip-writer.ts';
import { DeposedError, type WriterOptions } from './kube/writer.ts';
import { heldBy } from './reconcilers/vip-holding.ts';
import type { World } from './world.ts';

/** A released address rests this long: what the network still knows of its last owner is forgotten by then. */
const holdDownMs = 5_000;

export interface AddressEdgeOptions {
  readonly writer: WriterOptions;
  readonly graph: Graph<Tables, Indexes>;
  readonly world: World;
  /** The compiled policies/ipam. */
  readonly module: Uint8Array;
  readonly restored: () => boolean;
  /** Nothing that was built from the IP object is left, and nothing holds it. */
  readonly cleared: (row: IpRow) => boolean;
  readonly told?: {
    /** The IP object of a pod's interface was let go. */
    released(row: IpRow): void;
    failed(step: string, name: string, error: unknown): void;
  };
}

/** Builds the allocator and wires its inputs. Does nothing until it is started. */
export function assignments(options: AddressEdgeOptions): Assignments {
  const { writer, graph, world, module, restored, cleared, told } = options;
  const { clock, log } = writer;
  const allocator = new Allocator(loadAllocator(module));
  const random = pooledRandom(randomBytes);
  const built = new Assignments({
    ipam: (changed) => new Ipam({ allocator, now: () => clock.now(), random, holdDownMs, changed }),
    writer: releasing(apart(writer), world.ip, (row) => told?.released(row)),
    clock,
    limits: assignmentLimits,
    enter: (fn) => graph.enter(fn),
    unassigned: world.unassigned,
    usage: world.usage,
    poolUsage: world.poolUsage,
    restored,
    cleared,
    failed: (step, name, error) => {
      // Nobody's fault, and told once by the lease.
      if (error instanceof DeposedError) return;
      log.warn({ step, name, error: messageOf(error) }, 'IP object not written');
      told?.failed(step, name, error);
    },
  });
  graph.derive('assign-demand', world.demand, (row) => [row], built.inputs.demand);
  graph.derive('assign-ip', world.ip, (row) => [row], built.inputs.ip);
  graph.derive('assign-holding', world.holding, (row) => [row], built.inputs.ip);
  graph.derive('assign-space', world.space, (row) => [row], built.inputs.space);
  graph.derive('assign-kept', world.kept, (row) => [row], built.inputs.kept);
  graph.derive('assign-pool', world.pool, (row) => [row], built.inputs.pool);
  return built;
}

/** An assignment is written where it is kept: in an IP object, or in the Vip itself. */
function apart(writer: WriterOptions): IpWriter {
  const refused = (message: string, cause: unknown): WriteRefused => new WriteRefused(message, cause);
  const ips = new KubeIpWriter<NewIp, IpRow>({ ...writer, manifest: ipManifest, row: ipRow, refused });
  const vips = new KubeVipWriter<NewIp, IpRow>({
    ...writer,
    manifest: vipManifest,
    row: (object) => heldBy(vipRow(object)),
    refused,
    refOf: (name) => vipRef(vipOfKey(name) ?? name),
  });
  const of = (name: string): IpWriter => (vipOfKey(name) === undefined ? ips : vips);
  return {
    create: (ip) => of(ip.name).create(ip),
    adopt: (ip, uid) => of(ip.name).adopt(ip, uid),
    remove: (name, uid) => of(name).remove(name, uid),
    dropFinalizer: (name, uid) => of(name).dropFinalizer(name, uid),
  };
}

/** Tells of pods' IP objects that were let go, as they were before. */
export const releasing = (writer: IpWriter, ips: ReadTable<IpRow>, released: (row: IpRow) => void): IpWriter => ({
  ...writer,
  dropFinalizer: async (name, uid) => {
    const row = ips.get(name);
    await writer.dropFinalizer(name, uid);
    if (row?.meta.uid === uid && row.namespace !== '' && !isOwn(row)) released(row);
  },
});

/** Whose rows stand on an IP object or a Vip. */
export function holderOf(row: IpRow): Owner {
  const { meta, namespace, podName, subnet } = row;
  const vip = vipOfKey(meta.name);
  if (vip !== undefined) return ownerOf(vipRef(vip));
  if (isOwn(row)) return ownerOf(subnetRef(subnet));
  const attached = namespace === '' ? vpcOfExternalIp(meta.name, subnet) : undefined;
  if (attached !== undefined) return partOf(ownerOf(vpcRef(attached)), externalPart(subnet));
  if (namespace === '' && meta.name === eipIpName(podName)) return ownerOf(eipRef(podName));
  return ownerOf(namespace === '' ? nodeRef(podName) : podRef(namespace, podName));
}

/** The other way round: names of the assignments on which rows of an owner can stand. */
export function ipNamesOf(owner: Owner, { vpc, ipsByFirst }: Pick<World, 'vpc' | 'ipsByFirst'>): string[] {
  const [kind = '', namespace = '', name = '', ...part] = owner.split('/');
  const first = podIpName(namespace, name);
  if (kind === 'Pod') return [first, ...ipsByFirst.at(first).map(({ meta }) => meta.name)];
  if (kind === 'Node') return [nodeIpName(name)];
  if (kind === 'Vip') return [vipKey(name)];
  if (kind === 'OvnEip') return [eipIpName(name)];
  if (kind === 'Vpc') return part.slice(1).map((subnet) => externalIpName(name, subnet));
  if (kind !== 'Subnet') return [];
  // Whichever VPC it was in.
  return [querierIpName(name), ...[...vpc.entries()].map(([each]) => interconnectionIpName(each, name))];
}

/**
 * What the last leader wrote may not have come by the watch yet: a list that is consistent with everything before this
 * call is taken in, object by object.
 */
export async function takeInIps(client: KubeClient, ingest: (object: KubeObject) => void): Promise<void> {
  await takeIn(resources.IP);
  // A cluster with Kube-OVN's CRDs of another release may know no Vips.
  await takeIn(resources.Vip).catch((error: unknown) => {
    if (!(error instanceof NotFoundError)) throw error;
  });

  async function takeIn(resource: Resource): Promise<void> {
    let token = '';
    do {
      const page = await client.list(resource, { limit: 500, ...(token !== '' && { continue: token }) });
      for (const object of page.items) ingest(object);
      token = page.continue;
    } while (token !== '');
  }
}
