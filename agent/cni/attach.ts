// The node's part of a pod's interface: a veth pair by one `ip -batch` and a port in Open vSwitch by one transaction.
// Whatever fails, what was made is undone; whatever a killed agent left behind is cleared first.
import type { PortSpec } from '../items.ts';
import type { Run } from '../run.ts';
import { CommandError } from '../run.ts';
import { ENCAP_IP } from '../drivers/encap.ts';
import { INTEGRATION_BRIDGE, insertPort, portRows, portsHolding, removeInterfaces } from '../drivers/ovs-port.ts';
import type { RowIds, Transactor } from '../drivers/ovs-port.ts';
import { CONTAINER, IFNAME, NETWORK, mapOf } from '../drivers/ovs-replica.ts';
import type { Found, OvsReplica } from '../drivers/ovs-replica.ts';
import { CNI_CODE, CniError } from './error.ts';
import type { NicNames } from './nic.ts';
import { netnsName, nicBatch, nicNames } from './nic.ts';
import type { CniRequest } from './request.ts';

export interface AttachContext {
  readonly run: Run;
  readonly ovs: Transactor;
  readonly replica: OvsReplica;
  readonly ids: RowIds;
  /** Path of the node's network namespace, for programs that have entered another one. */
  readonly hostNetns: string;
  /** Path of the program that makes the pod compute checksums: the userspace datapath computes none for what leaves a veth. */
  readonly checksum: string | undefined;
  readonly log: { warn(fields: object, message: string): void };
}

/** A step's failure as the runtime and the pod's event see it. */
function failed(step: string, error: unknown): CniError {
  if (error instanceof CniError) return error;
  const details = error instanceof CommandError ? error.stderr || error.message : String(error);
  return new CniError(CNI_CODE.stepFailed, `${step} failed: ${details}`, details, { cause: error, stage: step });
}

/** Names the step in what fails. */
export async function step<T>(name: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw failed(name, error);
  }
}

const batch = (lines: readonly string[]): string => `${lines.join('\n')}\n`;

/** Whether a device that is not there is all that went wrong. */
const absent = (error: unknown): boolean =>
  error instanceof CommandError && /Cannot find device|does not exist|No such device/.test(error.stderr);

async function deleteLink(context: AttachContext, name: string): Promise<void> {
  try {
    await context.run(['ip', 'link', 'delete', 'dev', name]);
  } catch (error) {
    if (!absent(error)) throw error;
  }
}

/** The interfaces in Open vSwitch that this container's ADD has made for `ifname`, or, before Kubeloom, Kube-OVN's. */
export function interfacesOf(replica: OvsReplica, containerId: string, ifname: string): Found[] {
  const own = replica
    .ofContainer(containerId)
    .filter(({ row }) => (row['external_ids'] as ReadonlyMap<string, string>).get(IFNAME) === ifname);
  if (own.length > 0) return own;
  const named = replica.byName('Interface', nicNames(containerId, ifname).host);
  const ids = named?.row['external_ids'];
  const ours = ids instanceof Map && ids.get('vendor') === 'kube-ovn' && !ids.has(CONTAINER);
  return named !== undefined && ours ? [named] : [];
}

/** Whether the row of this name is another attachment's: short names of long interfaces can be alike. */
function isOthers(replica: OvsReplica, name: string, containerId: string, ifname: string): boolean {
  const ids = mapOf(replica.byName('Interface', name)?.row, 'external_ids');
  const container = ids.get(CONTAINER);
  return container !== undefined && (container !== containerId || ids.get(IFNAME) !== ifname);
}

/** An interface that is there and works is not ours to replace (CNI specification 1.1.0, section 2, "ADD"). */
async function requireNone(context: AttachContext, request: CniRequest, leftovers: readonly Found[]): Promise<void> {
  const { netns, ifname, containerId } = request;
  const { host } = nicNames(containerId, ifname);
  if (isOthers(context.replica, host, containerId, ifname))
    throw new CniError(CNI_CODE.stepFailed, `the name ${host} is taken by an interface of another container`);
  if (leftovers.every(({ row }) => mapOf(row, 'external_ids').get('ovn-installed') !== 'true')) return;
  try {
    await context.run(['ip', '-n', netnsName(netns), 'link', 'show', 'dev', ifname]);
  } catch (error) {
    if (absent(error)) return;
    throw error;
  }
  throw new CniError(CNI_CODE.stepFailed, `the container has an interface ${ifname} already`);
}

/** A port with what the node decides of it. */
export interface NodePort extends PortSpec {
  /** Address of its tunnels, '' for the default one. */
  readonly encapIp: string;
}

function externalIds(request: CniRequest, port: NodePort): ReadonlyMap<string, string> {
  return new Map([
    ['iface-id', port.ifaceId],
    ['vendor', 'kube-ovn'],
    ['pod_name', port.pod.name],
    ['pod_namespace', port.pod.namespace],
    ['pod_netns', request.netns],
    ['ip', port.addresses.map((address) => address.replace(/\/.*/, '')).join(',')],
    [CONTAINER, request.containerId],
    [IFNAME, request.ifname],
    [NETWORK, request.conf.name],
    ['kubeloom-uid', port.pod.uid],
    ...(port.encapIp === '' ? [] : [[ENCAP_IP, port.encapIp] as const]),
  ]);
}

async function insert(context: AttachContext, request: CniRequest, port: NodePort, names: NicNames): Promise<string> {
  const { replica, ovs, ids } = context;
  const bridge = replica.byName('Bridge', INTEGRATION_BRIDGE);
  if (bridge === undefined)
    throw new CniError(
      CNI_CODE.tryAgain,
      `Open vSwitch has no bridge ${INTEGRATION_BRIDGE} yet: is ovn-controller up?`,
    );
  const rows = portRows(
    { name: names.host, type: '', externalIds: externalIds(request, port) },
    `${request.containerId}/${request.ifname}`,
    ids,
  );
  // An earlier sandbox of the pod may still be bound: OVN takes one port per logical port.
  const replaced = portsHolding(replica, bridge, replica.ofIfaceId(port.ifaceId));
  await ovs.transact(insertPort(bridge, rows, replaced));
  return rows.ids[1] ?? '';
}

async function makePair(context: AttachContext, names: NicNames, request: CniRequest, port: PortSpec): Promise<void> {
  const argv = ['ip', '-n', netnsName(request.netns), '-batch', '-'] as const;
  const lines = batch(nicBatch(names, request, port, context.hostNetns));
  try {
    await context.run(argv, lines);
  } catch (error) {
    if (!(error instanceof CommandError && error.stderr.includes('File exists'))) throw error;
    await deleteLink(context, names.host);
    await context.run(argv, lines);
  }
}

async function checksums({ run, checksum }: AttachContext, { netns, ifname }: CniRequest): Promise<void> {
  if (checksum !== undefined) await run([checksum, netns, ifname]);
}

/**
 * Makes the interface; answers the uuid of its row in Open vSwitch. `port.mtu` is the one to use. Throws a CniError that
 * names the step, after having undone the others.
 */
export async function attach(context: AttachContext, request: CniRequest, port: NodePort): Promise<string> {
  const names = nicNames(request.containerId, request.ifname);
  const leftovers = interfacesOf(context.replica, request.containerId, request.ifname);
  await step('looking for the interface', requireNone(context, request, leftovers));
  // A row id cannot be deleted and inserted in one transaction.
  if (leftovers.length > 0)
    await step(
      'removing the port of an interrupted ADD',
      context.ovs.transact(removeInterfaces(context.replica, leftovers)),
    );
  try {
    await step('making the interface pair', makePair(context, names, request, port));
    const [inserted, inside] = await Promise.allSettled([
      step('adding the port to Open vSwitch', insert(context, request, port, names)),
      step('switching checksum offload off', checksums(context, request)),
    ]);
    if (inside.status === 'rejected') throw inside.reason as Error;
    if (inserted.status === 'rejected') throw inserted.reason as Error;
    return inserted.value;
  } catch (error) {
    await undo(context, request);
    throw error;
  }
}

/** Removes what `attach` makes, as far as it is there. Failures are collected: the rest goes on. */
export async function detach(context: AttachContext, containerId: string, ifname: string): Promise<void> {
  const found = interfacesOf(context.replica, containerId, ifname);
  const { host } = nicNames(containerId, ifname);
  const own = isOthers(context.replica, host, containerId, ifname) ? [] : [host];
  const links = new Set([...own, ...found.map(({ row }) => row['name'] as string)]);
  const results = await Promise.allSettled([
    ...(found.length === 0
      ? []
      : [step('removing the port from Open vSwitch', context.ovs.transact(removeInterfaces(context.replica, found)))]),
    ...[...links].map((name) => step('removing the interface pair', deleteLink(context, name))),
  ]);
  const failures = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as CniError] : []));
  const [first] = failures;
  if (first !== undefined)
    throw new CniError(first.code, failures.map(({ message }) => message).join('; '), first.details, { cause: first });
}

/** `detach` on the way out of another failure, which is the one to tell of. */
export async function undo(context: AttachContext, request: CniRequest): Promise<void> {
  try {
    await detach(context, request.containerId, request.ifname);
  } catch (error) {
    const { containerId, ifname } = request;
    context.log.warn(
      { containerId, ifname, error: String(error) },
      'undoing an ADD left something behind; DEL will retry',
    );
  }
}
