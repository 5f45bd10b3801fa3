// What each CNI command does. Waiting is on keys and with a deadline; nothing here polls or sleeps.
import type { PortSpec } from '../items.ts';
import { KeyedLock } from '../lock.ts';
import type { PlanTables, PortQuery } from '../tables.ts';
import { CONTAINER, IFNAME, NETWORK, mapOf } from '../drivers/ovs-replica.ts';
import type { AttachContext } from './attach.ts';
import { attach, detach, step, undo } from './attach.ts';
import { checkAssigned, checkInside, checkPort, expected } from './check.ts';
import { CNI_CODE, CniError } from './error.ts';
import type { NetnsKind } from '../netns.ts';
import { nicNames, withoutDefaultRoutes } from './nic.ts';
import type { NeighbourContext } from './neighbours.ts';
import { meetNeighbours } from './neighbours.ts';
import type { CniRequest } from './request.ts';
import { addResult, addressResult, versionResult } from './result.ts';

/** What happens to a pod's interface, for events and metrics. */
export interface CniObserver {
  /** ADD succeeded or failed; `port` when it got that far. */
  added(request: CniRequest, port: PortSpec | undefined, error: unknown): void;
  removed(request: CniRequest, error: unknown): void;
  /** Milliseconds spent waiting for the plan, and for OVN. */
  waited(what: 'address' | 'route' | 'connectivity', ms: number): void;
}

export interface Unready {
  readonly why: string;
  /** The pods that are there suffer as well. */
  readonly disconnected: boolean;
}

/** A signal that aborts when the time is over, unless it is cancelled before: a timer is not left behind by each call. */
export interface Deadline {
  readonly signal: AbortSignal;
  readonly cancel: () => void;
}

export interface CommandContext extends AttachContext, NeighbourContext {
  readonly tables: PlanTables;
  /** Of the port's tunnels, '' for the node's default; undefined when the node has no such network. */
  readonly tunnelAddress: (port: PortSpec) => string | undefined;
  /** MTU of pods whose subnet states none; undefined until the node's own is known. */
  readonly defaultMtu: () => number | undefined;
  /** Why the node cannot serve pods, undefined when it can: the answer to STATUS. */
  readonly unready: () => Unready | undefined;
  readonly deadline: (ms: number) => Deadline;
  /** Milliseconds until ADD gives up. */
  readonly addDeadlineMs: number;
  /** Milliseconds until DEL gives up waiting for Open vSwitch's database. */
  readonly delDeadlineMs: number;
  /** Monotonic, in milliseconds. */
  readonly now: () => number;
  readonly netnsKind: (path: string) => NetnsKind;
  readonly observer: CniObserver;
}

type Answer = Record<string, unknown> | undefined;

/** As Kube-OVN words it, for which its users look: there an attachment without a subnet is told of the pod's own network. */
const providerText = (provider: string): string => (provider.endsWith('.ovn') ? `ovn (${provider})` : provider);

/** An ADD under way, so that a DEL of the same container can end it first. */
interface Adding {
  readonly abort: AbortController;
  readonly done: Promise<unknown>;
}

const attachmentKey = ({ containerId, ifname }: CniRequest): string => `${containerId}/${ifname}`;
const podKey = ({ pod, containerId }: CniRequest): string =>
  pod.name === '' ? containerId : `${pod.namespace}/${pod.name}`;

export class Commands {
  readonly #context: CommandContext;
  readonly #lock = new KeyedLock();
  readonly #adding = new Map<string, Adding>();

  constructor(context: CommandContext) {
    this.#context = context;
  }

  /** The object for standard output, undefined for none; throws CniError. `signal` aborts when the caller has gone. */
  async execute(request: CniRequest, signal: AbortSignal): Promise<Answer> {
    switch (request.command) {
      case 'ADD':
        return await this.#add(request, signal);
      case 'DEL':
        return await this.#del(request);
      case 'CHECK':
        return await this.#check(request);
      case 'GC':
        return await this.#gc(request);
      case 'STATUS':
        return this.#status();
      default:
        return versionResult(request.conf.cniVersion);
    }
  }

  async #add(request: CniRequest, caller: AbortSignal): Promise<Answer> {
    if (request.pod.name === '')
      throw new CniError(CNI_CODE.invalidEnvironment, 'CNI_ARGS names no pod (K8S_POD_NAMESPACE, K8S_POD_NAME)');
    const key = attachmentKey(request);
    await this.#end(key);
    const abort = new AbortController();
    const deadline = this.#context.deadline(this.#context.addDeadlineMs);
    const work = this.#addUntil(request, AbortSignal.any([abort.signal, caller, deadline.signal]));
    const done = work.catch(() => undefined);
    this.#adding.set(key, { abort, done });
    try {
      return await work;
    } finally {
      deadline.cancel();
      if (this.#adding.get(key)?.done === done) this.#adding.delete(key);
    }
  }

  async #addUntil(request: CniRequest, signal: AbortSignal): Promise<Answer> {
    let port: PortSpec | undefined;
    try {
      const query: PortQuery = { ...request.pod, provider: request.conf.provider, ifname: request.ifname };
      port = await this.#port(request, query, signal);
      const answer = request.ipam
        ? await this.#addAddresses(request, query, port, signal)
        : await this.#addInterface(request, query, port, signal);
      this.#context.observer.added(request, port, undefined);
      return answer;
    } catch (error) {
      this.#context.observer.added(request, port, error);
      throw error;
    }
  }

  /** An interface that is new to a running pod must not get the port of another one before its own is in the plan. */
  async #port(request: CniRequest, query: PortQuery, signal: AbortSignal): Promise<PortSpec> {
    const { replica, tables } = this.#context;
    if (!request.ipam) await this.#ready(signal);
    const isFree = ({ ifaceId }: PortSpec): boolean =>
      replica.ofIfaceId(ifaceId).every(({ row }) => {
        const ids = mapOf(row, 'external_ids');
        return ids.get(CONTAINER) !== request.containerId || ids.get(IFNAME) === request.ifname;
      });
    const missing = `no address allocated to pod ${query.namespace}/${query.name} provider ${providerText(query.provider)}`;
    return await this.#wait('address', missing, signal, tables.portWhen(query, signal, isFree));
  }

  /** For another plugin's interface. The one that is to lead out of the pod takes the place of the one that does. */
  async #addAddresses(request: CniRequest, query: PortQuery, found: PortSpec, signal: AbortSignal): Promise<Answer> {
    const result = addressResult(request, await this.#announced(query, found, signal));
    await step('making room for a default route', withoutDefaultRoutes(this.#context.run, request, found));
    return result;
  }

  async #addInterface(request: CniRequest, query: PortQuery, found: PortSpec, signal: AbortSignal): Promise<Answer> {
    const { replica } = this.#context;
    const port = { ...found, mtu: this.#mtu(query, found), encapIp: this.#encapIp(found) };
    this.#requireNetns(request);
    const uuid = await this.#lock.run(podKey(request), async () => {
      signal.throwIfAborted();
      return await attach(this.#context, request, port);
    });
    try {
      await Promise.all([
        this.#announced(query, port, signal),
        this.#wait('connectivity', 'OVN has not installed the port yet', signal, replica.installed(uuid, signal)),
      ]);
      await meetNeighbours(this.#context, request, port);
    } catch (error) {
      await this.#lock.run(podKey(request), () => undo(this.#context, request));
      throw error;
    }
    return addResult(request, port, { host: nicNames(request.containerId, request.ifname).host, mtu: port.mtu });
  }

  /** The MTU to use, of an interface that we can make. */
  #mtu({ provider }: PortQuery, { mac, mtu, nicType }: PortSpec): number {
    if (mac === '')
      throw new CniError(CNI_CODE.invalidConfig, `${provider} gives addresses alone: it is for "ipam" of a plugin`);
    if (nicType !== 'veth-pair' && nicType !== '')
      throw new CniError(CNI_CODE.unsupportedField, `unsupported pod_nic_type: "${nicType}"`);
    const used = mtu === 0 ? this.#context.defaultMtu() : mtu;
    if (used === undefined) throw new CniError(CNI_CODE.tryAgain, 'the MTU of the tunnel interface is not known yet');
    return used;
  }

  #encapIp(port: PortSpec): string {
    const address = this.#context.tunnelAddress(port);
    if (address !== undefined) return address;
    const message = `network "${port.nodeNetwork}" not found: annotation node_networks of the node has no address of it, and subnet ${port.subnet} is for it`;
    throw new CniError(CNI_CODE.tryAgain, message, '', { stage: 'node-network' });
  }

  #requireNetns({ netns }: CniRequest): void {
    const kind = this.#context.netnsKind(netns);
    if (kind === 'absent') throw new CniError(CNI_CODE.unknownContainer, `there is no network namespace ${netns}`);
    if (kind === 'node')
      throw new CniError(CNI_CODE.invalidEnvironment, `CNI_NETNS is the node's own network namespace: "${netns}"`);
  }

  /** The port once users can read of it; the plan may have changed its mind before that. */
  async #announced(query: PortQuery, port: PortSpec, signal: AbortSignal): Promise<PortSpec> {
    const wait = this.#context.tables.portWhen(query, signal, ({ announced }) => announced);
    const announced = await this.#wait('route', "the API server has not taken the pod's annotations yet", signal, wait);
    if (announced.mac !== port.mac || announced.addresses.join() !== port.addresses.join())
      throw new CniError(CNI_CODE.tryAgain, "the pod's address has changed meanwhile");
    return announced;
  }

  /** Counts a wait, and words its end by deadline. What fails for other reasons keeps its own words. */
  async #wait<T>(
    what: 'address' | 'route' | 'connectivity',
    missing: string,
    signal: AbortSignal,
    work: Promise<T>,
  ): Promise<T> {
    const { now, observer } = this.#context;
    const started = now();
    try {
      return await work;
    } catch (error) {
      const cause = signal.aborted
        ? `${missing}: ${signal.reason instanceof Error ? signal.reason.message : String(signal.reason)}`
        : `${missing}: ${String(error)}`;
      throw new CniError(CNI_CODE.tryAgain, cause, '', { cause: error, stage: `wait-${what}` });
    } finally {
      observer.waited(what, now() - started);
    }
  }

  /** Ends an ADD of the same attachment, and waits until it has undone itself. */
  async #end(key: string): Promise<void> {
    const adding = this.#adding.get(key);
    adding?.abort.abort(new Error('the attachment was asked for again or deleted'));
    await adding?.done;
  }

  async #del(request: CniRequest): Promise<Answer> {
    if (request.ipam) return undefined;
    try {
      await this.#end(attachmentKey(request));
      await this.#ovsRead();
      await this.#lock.run(podKey(request), () => detach(this.#context, request.containerId, request.ifname));
      this.#context.observer.removed(request, undefined);
    } catch (error) {
      this.#context.observer.removed(request, error);
      throw error;
    }
    return undefined;
  }

  #ready(signal: AbortSignal): Promise<void> {
    const ready = this.#context.replica.ready(signal);
    return this.#wait('connectivity', "Open vSwitch's database does not answer", signal, ready);
  }

  async #ovsRead(): Promise<void> {
    const { signal, cancel } = this.#context.deadline(this.#context.delDeadlineMs);
    try {
      await this.#ready(signal);
    } finally {
      cancel();
    }
  }

  async #check(request: CniRequest): Promise<Answer> {
    const { replica, tables, delDeadlineMs, deadline } = this.#context;
    const previous = expected(request);
    const query = { ...request.pod, provider: request.conf.provider, ifname: request.ifname };
    checkAssigned(tables.port(query), previous);
    if (request.ipam) return undefined;
    const { signal, cancel } = deadline(delDeadlineMs);
    try {
      await this.#ready(signal);
      const uuid = checkPort(this.#context, request);
      this.#requireNetns(request);
      await checkInside(this.#context, request, previous);
      // An ovn-controller that has just started installs its flows anew.
      await this.#wait('connectivity', 'OVN has not installed the port', signal, replica.installed(uuid, signal));
    } finally {
      cancel();
    }
    return undefined;
  }

  /** Removes what the runtime no longer knows of this network. Other networks' interfaces are not its to judge. */
  async #gc({ conf, ipam }: CniRequest): Promise<Answer> {
    if (ipam || conf.validAttachments === undefined) return undefined;
    await this.#ovsRead();
    const valid = new Set(conf.validAttachments.map(({ containerId, ifname }) => `${containerId}/${ifname}`));
    const stale = [...this.#context.replica.interfaces()].flatMap(([, row]) => {
      const ids = mapOf(row, 'external_ids');
      const [containerId, ifname] = [ids.get(CONTAINER), ids.get(IFNAME)];
      if (containerId === undefined || ifname === undefined || ids.get(NETWORK) !== conf.name) return [];
      const pod = `${ids.get('pod_namespace') ?? ''}/${ids.get('pod_name') ?? ''}`;
      return valid.has(`${containerId}/${ifname}`) ? [] : [{ pod, containerId, ifname }];
    });
    const results = await Promise.allSettled(
      stale.map(({ pod, containerId, ifname }) =>
        this.#lock.run(pod, () => detach(this.#context, containerId, ifname)),
      ),
    );
    const failures = results.flatMap((result) => (result.status === 'rejected' ? [String(result.reason)] : []));
    if (failures.length > 0) throw new CniError(CNI_CODE.stepFailed, failures.slice(0, 5).join('; '));
    return undefined;
  }

  #status(): Answer {
    const unready = this.#context.unready();
    if (unready === undefined) return undefined;
    throw new CniError(unready.disconnected ? CNI_CODE.disconnected : CNI_CODE.unavailable, unready.why);
  }
}
