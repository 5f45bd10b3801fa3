// The agent, put together: plan -> tables -> what the node should be -> drivers; and beside it the CNI server, which reads
// the same tables. Everything that touches the process or the clock comes in from main.ts.
//
//   leader ==gRPC==> PlanState -> PlanTables -+-> desired.ts -> NodeLoop -> ovs, link, route, ipset, iptables
//                                             +-> Commands <- CniServer <== shim
//   Open_vSwitch ==monitor==> OvsReplica -----+-> readiness -> conflist, condition, STATUS
import { access } from 'node:fs/promises';
import type { RowChange } from '../lib/ovsdb/types.ts';
import type { AttachContext } from './cni/attach.ts';
import { detach } from './cni/attach.ts';
import type { Deadline } from './cni/commands.ts';
import { Commands } from './cni/commands.ts';
import { CniServer } from './cni/server.ts';
import { writeConflist } from './conflist.ts';
import * as desired from './desired.ts';
import { NODE_PORT, TAKEN, TUNNEL_BRIDGE } from './desired.ts';
import { parseIpJson } from './drivers/batch.ts';
import type { Want } from './drivers/driver.ts';
import { EncapDriver, encapWant, tunnelAddress } from './drivers/encap.ts';
import { IpsetDriver } from './drivers/ipset.ts';
import { IptablesDriver, knowsRandomFully } from './drivers/iptables.ts';
import type { Link } from './drivers/link.ts';
import { LinkDriver, readLinks } from './drivers/link.ts';
import type { RowIds, Transactor } from './drivers/ovs-port.ts';
import type { OvsReplica } from './drivers/ovs-replica.ts';
import { mapOf } from './drivers/ovs-replica.ts';
import { OvsDriver } from './drivers/ovs.ts';
import { RouteDriver } from './drivers/route.ts';
import { configureFailed, configured, removeFailed } from './events.ts';
import type { Metrics } from './metrics.ts';
import type { Failure } from './node-loop.ts';
import { NodeLoop } from './node-loop.ts';
import { netnsKind } from './netns.ts';
import type { KeptPlan } from './plan-file.ts';
import { PlanFile } from './plan-file.ts';
import { PlanState } from './plan-state.ts';
import { Plan } from './plan.ts';
import type { Leader } from './plan.ts';
import { disconnected, unready } from './readiness.ts';
import type { Run } from './run.ts';
import type { Settings } from './settings.ts';
import { orphans } from './sweep.ts';
import { PlanTables } from './tables.ts';
import { NodeWatch } from './watch-node.ts';

export interface Log {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

/** What the agent takes from its process. */
export interface Surroundings {
  readonly settings: Settings;
  readonly run: Run;
  readonly ovs: Transactor;
  readonly replica: OvsReplica;
  readonly ids: RowIds;
  /** Path of the node's network namespace. */
  readonly hostNetns: string;
  readonly kept: KeptPlan;
  readonly token: () => Promise<string>;
  readonly version: string;
  readonly metrics: Metrics;
  readonly log: Log;
  /** Monotonic, in milliseconds. */
  readonly now: () => number;
  readonly setTimeout: (callback: () => void, ms: number) => unknown;
  readonly clearTimeout: (timer: unknown) => void;
  readonly deadline: (ms: number) => Deadline;
  readonly random: () => number;
}

/** A look at everything that changes without an event. */
const RESYNC_MS = 60_000;
const DEL_DEADLINE_MS = 10_000;
const CALLS_AT_ONCE = 512;
/** A node that is not ready for less than this has not lost its network: an agent or Open vSwitch restarts. */
const GRACE_MS = 15_000;

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

export class Agent {
  readonly #around: Surroundings;
  readonly #tables = new PlanTables();
  readonly #state: PlanState;
  readonly #file: PlanFile;
  readonly #plan: Plan;
  readonly #loop: NodeLoop;
  readonly #watch: NodeWatch;
  readonly #attach: AttachContext;
  readonly #server: CniServer;
  #links: ReadonlyMap<string, Link> = new Map();
  #randomFully = false;
  #nicBusy = false;
  #conflistWritten = false;
  #condition = '';
  #unreadySince: number | undefined;
  #grace: unknown;
  #chassis = '';
  #told = '';

  constructor(around: Surroundings) {
    this.#around = around;
    const { settings, run, ovs, replica, ids, hostNetns, kept, log } = around;
    for (const [key, item] of kept.items) this.#tables.apply(key, item);
    this.#state = new PlanState(this.#tables, kept);
    this.#file = new PlanFile(settings.planFile, () => this.#content(), log);
    this.#plan = this.#newPlan();
    this.#loop = this.#newLoop();
    this.#watch = new NodeWatch({
      ...around,
      links: () => [NODE_PORT, TUNNEL_BRIDGE, ...(desired.tunnelLink(this.#node())?.name ?? '').split(' ')],
      changed: () => this.#loop.mark('link', 'route'),
    });
    const checksumInSoftware = settings.datapathType === 'netdev';
    this.#attach = { run, ovs, replica, ids, hostNetns, log, checksumInSoftware };
    this.#server = this.#newServer();
    replica.onChange((changes) => this.#ovsChanged(changes));
  }

  /** Why pods cannot be served, undefined when they can. */
  unready(): string | undefined {
    const { replica } = this.#around;
    return unready({
      planComplete: this.#state.complete,
      node: this.#tables.node()?.item,
      replica,
      links: this.#links,
      nicProblem: this.#nicBusy ? `interface ${this.#around.settings.iface} carries routes of the node` : '',
    });
  }

  /** Serves CNI calls, and starts to bring the node to what the kept plan says. */
  async start(): Promise<void> {
    const { run, settings, log } = this.#around;
    this.#links = await readLinks(run);
    this.#randomFully = knowsRandomFully(await run(['iptables-nft-save', '--version']).catch(() => ''));
    this.#nicBusy = await this.#leadsElsewhere();
    if (this.#nicBusy)
      log.warn(
        { iface: settings.iface },
        'the tunnel interface has routes of its own and is left alone: use another one',
      );
    await this.#server.start();
    this.#watch.start();
    this.#loop.start();
  }

  /** The leader was found, or another one. */
  lead(leader: Leader): void {
    this.#plan.lead(leader);
  }

  async stop(): Promise<void> {
    this.#around.clearTimeout(this.#grace);
    this.#plan.stop();
    this.#watch.stop();
    await this.#server.stop();
    await this.#loop.stop();
    await this.#file.flushed();
  }

  #content(): KeptPlan {
    const { epoch, revision, complete } = this.#state;
    return { epoch, revision, complete, items: [...this.#tables.entries()] };
  }

  #node(): desired.NodeState {
    const bridge = this.#around.replica.byName('Bridge', TUNNEL_BRIDGE)?.row;
    return {
      settings: this.#around.settings,
      complete: this.#state.complete,
      node: this.#tables.node(),
      subnets: this.#tables.subnets(),
      peers: this.#tables.peers(),
      links: this.#links,
      taken: (mapOf(bridge, 'external_ids').get(TAKEN) ?? '').split(' ').filter((address) => address !== ''),
      randomFully: this.#randomFully,
      nicBusy: this.#nicBusy,
    };
  }

  #newPlan(): Plan {
    const { token, version, replica, metrics } = this.#around;
    return new Plan({
      ...this.#around,
      state: this.#state,
      token,
      agentVersion: version,
      chassis: () => mapOf(replica.root()?.row, 'external_ids').get('system-id') ?? '',
      revised: () => {
        metrics.planItems(this.#tables.size);
        this.#file.save();
        this.#loop.mark();
      },
      connection: (following) => {
        metrics.planConnected(following);
        this.#told = '';
        this.#condition = '';
        this.#loop.mark();
      },
    });
  }

  #newLoop(): NodeLoop {
    const { run, ovs, replica, ids, metrics } = this.#around;
    const links = new LinkDriver(run, (read) => this.#linksRead(read));
    return new NodeLoop({
      ...this.#around,
      steps: [
        { driver: new OvsDriver(ovs, replica, ids), want: () => desired.ovsWant(this.#node()) },
        { driver: new EncapDriver(ovs, replica), want: () => this.#encapWant() },
        { driver: links, want: () => desired.linkWant(this.#node()) },
        { driver: new RouteDriver(run), want: () => desired.routeWant(this.#node()) },
        { driver: new IpsetDriver(run), want: () => desired.ipsetWant(this.#node()) },
        { driver: new IptablesDriver(run), want: () => desired.iptablesWant(this.#node()) },
      ],
      resyncMs: RESYNC_MS,
      settled: (failures) => this.#settled(failures),
      applied: (driver, ok) => metrics.applied(driver, ok),
    });
  }

  #encapWant(): Want | undefined {
    if (!this.#state.complete) return undefined;
    return encapWant(this.#tables.ports(), desired.networksOf(this.#tables.node()?.item), this.#around.replica);
  }

  #newServer(): CniServer {
    const { settings, now, deadline, replica, metrics, hostNetns } = this.#around;
    const commands = new Commands({
      ...this.#attach,
      tables: this.#tables,
      tunnelAddress: (port) => tunnelAddress(port, desired.networksOf(this.#tables.node()?.item)),
      defaultMtu: () => desired.defaultMtu(this.#node()),
      unready: () => {
        const why = this.unready();
        return why === undefined ? undefined : { why, disconnected: disconnected(replica) };
      },
      deadline,
      addDeadlineMs: settings.addDeadlineMs,
      delDeadlineMs: DEL_DEADLINE_MS,
      now,
      neighbour: settings.neighbour,
      detectsConflicts: settings.detectsConflicts,
      netnsKind: (path) => netnsKind(path, hostNetns),
      observer: {
        added: (request, port, error) =>
          this.#plan.report(
            error === undefined && port !== undefined
              ? configured(request, port, settings.nodeName)
              : configureFailed(request, error, settings.nodeName),
          ),
        removed: (request, error) => {
          if (error !== undefined) this.#plan.report(removeFailed(request, error, settings.nodeName));
        },
        waited: (what, ms) => metrics.waited(what, ms / 1000),
      },
    });
    void this.#sweep(replica);
    return new CniServer({
      ...this.#around,
      socket: settings.socket,
      execute: (request, signal) => commands.execute(request, signal),
      atOnce: CALLS_AT_ONCE,
      answered: (command, status, ms) => metrics.answered(command, status, ms / 1000),
    });
  }

  /** Clears ports of namespaces that are gone, once, as soon as the database has been read. */
  async #sweep(replica: OvsReplica): Promise<void> {
    const { log } = this.#around;
    try {
      await replica.ready(new AbortController().signal);
      for (const { containerId, ifname } of await orphans(replica, exists)) {
        log.info({ containerId, ifname }, 'removing the port of a pod whose namespace is gone');
        await detach(this.#attach, containerId, ifname);
      }
    } catch (error) {
      log.warn({ error: String(error) }, 'ports of vanished pods could not be removed; their DEL will');
    }
  }

  /** Routes other than the kernel's own over the tunnel interface would be lost with its addresses. */
  async #leadsElsewhere(): Promise<boolean> {
    const nic = desired.tunnelLink(this.#node());
    const { settings, run } = this.#around;
    if (settings.datapathType !== 'netdev' || settings.iface === '' || nic === undefined) return false;
    const routes = await Promise.all(
      ['-4', '-6'].map((family) => run(['ip', '-j', family, 'route', 'show', 'table', 'main', 'dev', nic.name])),
    );
    return routes.flatMap(parseIpJson).some((route) => route['protocol'] !== 'kernel');
  }

  #linksRead(links: ReadonlyMap<string, Link>): void {
    const before = JSON.stringify([...this.#links.values()]);
    this.#links = links;
    if (JSON.stringify([...links.values()]) !== before) this.#loop.mark();
  }

  /** A pod's port changes the database too, and concerns no driver. */
  #ovsChanged(changes: readonly RowChange[]): void {
    const { replica, log } = this.#around;
    const nic = desired.tunnelLink(this.#node())?.name ?? '';
    const ours = ({ table, old, new: now }: RowChange): boolean =>
      table === 'Open_vSwitch' || [NODE_PORT, TUNNEL_BRIDGE, 'br-int', nic].includes((now ?? old)?.['name'] as string);
    if (changes.length === 0 || changes.some(ours)) this.#loop.mark('ovs');
    const chassis = mapOf(replica.root()?.row, 'external_ids').get('system-id') ?? '';
    if (chassis === this.#chassis || chassis === '') return;
    this.#chassis = chassis;
    log.info({ chassis }, 'chassis');
    this.#plan.report({ chassis: { system_id: chassis } });
  }

  #settled(failures: readonly Failure[]): void {
    const all = [...this.#state.malformed, ...failures];
    const told = JSON.stringify([this.#state.revision, all]);
    if (told !== this.#told && this.#state.complete) this.#plan.applied(this.#state.revision, all);
    this.#told = told;
    void this.#judge();
  }

  /** Writes the conflist when the node is ready for the first time, and reports the node's condition when it changes. */
  async #judge(): Promise<void> {
    const { settings, log } = this.#around;
    const why = this.unready();
    try {
      if (why === undefined && !this.#conflistWritten) {
        this.#conflistWritten = true;
        const written = !settings.nonPrimary && (await writeConflist(settings.conflist, settings.socket));
        log.info({ path: settings.conflist, written }, 'the node serves pods');
      }
    } catch (error) {
      this.#conflistWritten = false;
      log.warn({ path: settings.conflist, error: String(error) }, 'the CNI configuration cannot be written');
      return;
    }
    if (settings.nonPrimary || this.#withinGrace(why)) return;
    this.#reportCondition(why);
  }

  /** Whether to wait before telling that the node is not ready; judges again when the time is over. */
  #withinGrace(why: string | undefined): boolean {
    const { now, setTimeout, clearTimeout } = this.#around;
    clearTimeout(this.#grace);
    this.#unreadySince = why === undefined ? undefined : (this.#unreadySince ?? now());
    const left = this.#unreadySince === undefined ? 0 : this.#unreadySince + GRACE_MS - now();
    if (left > 0) this.#grace = setTimeout(() => void this.#judge(), left);
    return left > 0;
  }

  #reportCondition(why: string | undefined): void {
    const condition =
      why === undefined
        ? { status: 'False', reason: 'JoinSubnetGatewayReachable', message: `${NODE_PORT} is installed by OVN` }
        : { status: 'True', reason: 'JoinSubnetGatewayUnreachable', message: why };
    const text = JSON.stringify(condition);
    // Before the first plan there is nobody to tell, and nothing that the node has lost.
    if (text === this.#condition || !this.#state.complete) return;
    this.#condition = text;
    this.#plan.report({ condition: { type: 'NetworkUnavailable', ...condition } });
  }
}
