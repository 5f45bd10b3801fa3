// The agent, put together: plan -> tables -> what the node should be -> drivers; and beside it the CNI server, which reads
// the same tables. Everything that touches the process or the clock comes in from main.ts.
//
//   leader ==gRPC==> PlanState -> PlanTables -+-> desired.ts, routing.ts, netfilter.ts -> NodeLoop -> drivers
//      ^----- Reach <- Probes (ping) <--------+
//                                             +-> Commands <- CniServer <== shim
//   Open_vSwitch ==monitor==> OvsReplica -----+-> readiness -> conflist, condition, STATUS
import type { RowChange } from '../lib/ovsdb/types.ts';
import type { AttachContext } from './cni/attach.ts';
import { detach } from './cni/attach.ts';
import type { Deadline } from './cni/commands.ts';
import { Commands } from './cni/commands.ts';
import { CniServer } from './cni/server.ts';
import { NodeCondition } from './condition.ts';
import { writeConflist } from './conflist.ts';
import * as desired from './desired.ts';
import type { Want } from './drivers/driver.ts';
import { EncapDriver, encapWant, tunnelAddress } from './drivers/encap.ts';
import { GatewayDriver } from './drivers/gateway.ts';
import { IpsetDriver, IpsetSweep } from './drivers/ipset.ts';
import { IptablesDriver, detectBackend, knowsRandomFully } from './drivers/iptables.ts';
import type { Backend } from './drivers/iptables.ts';
import type { Link } from './drivers/link.ts';
import { LinkDriver, readLinks } from './drivers/link.ts';
import type { RowIds, Transactor } from './drivers/ovs-port.ts';
import type { OvsReplica } from './drivers/ovs-replica.ts';
import { mapOf } from './drivers/ovs-replica.ts';
import { OvsDriver } from './drivers/ovs.ts';
import { RouteDriver } from './drivers/route.ts';
import { RuleDriver } from './drivers/rule.ts';
import { configureFailed, configured, removeFailed } from './events.ts';
import { exists } from './files.ts';
import { Gateways } from './gateways.ts';
import type { GatewayCount, Metrics } from './metrics.ts';
import type { Failure } from './node-loop.ts';
import { NodeLoop } from './node-loop.ts';
import { netnsKind } from './netns.ts';
import { NodeWatch } from './node-watch.ts';
import type { KeptPlan } from './plan-file.ts';
import { PlanFile } from './plan-file.ts';
import { PlanState } from './plan-state.ts';
import { Plan } from './plan.ts';
import type { Leader } from './plan.ts';
import { ProbeProxy } from './probe-proxy.ts';
import { Probes } from './probes.ts';
import { isCutOff, JOIN_GATEWAY, Reach } from './reach.ts';
import { disconnected, unready } from './readiness.ts';
import type { Run } from './run.ts';
import type { Settings } from './settings.ts';
import { orphans } from './sweep.ts';
import { Steady } from './state.ts';
import type { NodeState } from './state.ts';
import { PlanTables } from './tables.ts';
import { leadsElsewhere } from './tunnel-nic.ts';
import { wants } from './wants.ts';

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

/** A look at everything, for what changes without an event. */
const RESYNC_MS = 300_000;
const DEL_DEADLINE_MS = 10_000;
const CALLS_AT_ONCE = 512;

export class Agent {
  readonly #around: Surroundings;
  readonly #tables = new PlanTables();
  readonly #state: PlanState;
  readonly #file: PlanFile;
  readonly #plan: Plan;
  readonly #loop: NodeLoop;
  readonly #iptables: IptablesDriver;
  readonly #probes: Probes;
  readonly #probeProxy: ProbeProxy | undefined;
  readonly #reach: Reach;
  readonly #condition: NodeCondition;
  readonly #steady = new Steady();
  readonly #gateways = new Gateways();
  #watch: NodeWatch | undefined;
  readonly #attach: AttachContext;
  readonly #server: CniServer;
  #links: ReadonlyMap<string, Link> = new Map();
  #randomFully = false;
  #nicBusy = false;
  #joinLost: boolean | undefined;
  #proxySets: ReadonlySet<string> = new Set();
  #conflistWritten = false;
  #chassis = '';
  #told = '';

  constructor(around: Surroundings) {
    this.#around = around;
    const { settings, run, ovs, replica, ids, hostNetns, kept, log } = around;
    for (const [key, item] of kept.items) this.#tables.apply(key, item);
    this.#state = new PlanState(this.#tables, kept);
    this.#file = new PlanFile(settings.planFile, () => this.#content(), log);
    this.#plan = this.#newPlan();
    this.#iptables = new IptablesDriver(run);
    this.#loop = this.#newLoop();
    this.#probes = new Probes({ ...around, heard: () => this.#heard() });
    if (settings.tproxy)
      this.#probeProxy = new ProbeProxy({ ...around, tables: this.#tables, changed: () => this.#loop.mark() });
    this.#reach = new Reach({ ...around, probes: this.#probes, report: (report) => this.#plan.report(report) });
    this.#condition = new NodeCondition({
      ...around,
      why: () => this.#unavailable(),
      report: (report) => this.#plan.report(report),
    });
    const checksum = settings.datapathType === 'netdev' ? settings.checksum : undefined;
    this.#attach = { run, ovs, replica, ids, hostNetns, log, checksum };
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

  /** What has left and come by this node for each subnet, as the kernel has counted it. */
  async gatewayCounts(): Promise<GatewayCount[]> {
    const want = wants.iptables(this.#node());
    const families = ([4, 6] as const).filter((family) => want?.has(`${family}/filter`) === true);
    const counted = await this.#iptables.counters(families);
    return [...counted].flatMap(([family, counts]) => counts.map((count) => ({ family, ...count })));
  }

  /** Serves CNI calls, and starts to bring the node to what the kept plan says. */
  async start(): Promise<void> {
    const { run, settings, log } = this.#around;
    this.#links = await readLinks(run);
    this.#randomFully = knowsRandomFully(await run(['iptables-nft-save', '--version']).catch(() => ''));
    this.#nicBusy = await leadsElsewhere(this.#node(), run);
    if (this.#nicBusy)
      log.warn(
        { iface: settings.iface },
        'the tunnel interface has routes of its own and is left alone: use another one',
      );
    await this.#server.start();
    this.#watch = this.#newWatch(await detectBackend(run));
    this.#watch.start();
    this.#probeProxy?.start();
    this.#loop.start();
  }

  /** The leader was found, or another one. */
  lead(leader: Leader): void {
    this.#plan.lead(leader);
  }

  async stop(): Promise<void> {
    this.#condition.stop();
    this.#plan.stop();
    this.#watch?.stop();
    this.#probes.stop();
    this.#probeProxy?.stop();
    await this.#server.stop();
    await this.#loop.stop();
    await this.#file.flushed();
  }

  #content(): KeptPlan {
    const { epoch, revision, complete } = this.#state;
    return { epoch, revision, complete, items: [...this.#tables.entries()] };
  }

  #node(): NodeState {
    const bridge = this.#around.replica.byName('Bridge', desired.TUNNEL_BRIDGE)?.row;
    return this.#steady.of({
      settings: this.#around.settings,
      complete: this.#state.complete,
      node: this.#tables.node(),
      subnets: this.#tables.subnets(),
      peers: this.#tables.peers(),
      passed: this.#tables.passed(),
      gateways: this.#gateways.of(this.#tables.gateways(), this.#around.replica),
      captured: this.#probeProxy?.captured,
      links: this.#links,
      taken: (mapOf(bridge, 'external_ids').get(desired.TAKEN) ?? '').split(' ').filter((address) => address !== ''),
      randomFully: this.#randomFully,
      proxySets: this.#proxySets,
      nicBusy: this.#nicBusy,
    });
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
        this.#probeProxy?.look();
        this.#loop.mark();
      },
      connection: (following) => {
        metrics.planConnected(following);
        this.#told = '';
        this.#condition.forget();
        this.#reach.connection(following);
        this.#loop.mark();
      },
    });
  }

  #newLoop(): NodeLoop {
    const { run, settings, ovs, replica, ids, metrics } = this.#around;
    const links = new LinkDriver(run, (read) => this.#linksRead(read));
    return new NodeLoop({
      ...this.#around,
      steps: [
        { driver: new OvsDriver(ovs, replica, ids), want: () => wants.ovs(this.#node()) },
        { driver: new EncapDriver(ovs, replica), want: () => this.#encapWant() },
        { driver: links, want: () => wants.link(this.#node()) },
        { driver: new RouteDriver(run), want: () => wants.route(this.#node()) },
        { driver: new RuleDriver(run), want: () => wants.rule(this.#node()) },
        { driver: new IpsetDriver(run, (names) => this.#proxySetsRead(names)), want: () => wants.ipset(this.#node()) },
        { driver: this.#iptables, want: () => wants.iptables(this.#node()) },
        { driver: new IpsetSweep(run), want: () => wants.ipset(this.#node()) },
        { driver: new GatewayDriver(run, settings.neighbour), want: () => wants.gateway(this.#node()) },
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

  #newWatch(backend: Backend): NodeWatch {
    return new NodeWatch({
      ...this.#around,
      netfilterWatch: this.#around.settings.netfilterWatch,
      legacy: backend === 'legacy',
      links: () => wants.links(this.#node()),
      changed: (...drivers) => this.#loop.mark(...drivers),
    });
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

  #linksRead(links: ReadonlyMap<string, Link>): void {
    const before = JSON.stringify([...this.#links.values()]);
    this.#links = links;
    if (JSON.stringify([...links.values()]) !== before) this.#loop.mark();
  }

  #proxySetsRead(names: readonly string[]): void {
    if (names.length === this.#proxySets.size && names.every((name) => this.#proxySets.has(name))) return;
    this.#proxySets = new Set(names);
    this.#loop.mark();
  }

  /** Once a second for each address that is asked. */
  #heard(): void {
    this.#reach.tell();
    if (this.#probes.verdict(JOIN_GATEWAY)?.lost !== this.#joinLost) void this.#judge();
  }

  /** Why traffic of pods does not pass; undefined when it does. */
  #unavailable(): string | undefined {
    this.#joinLost = this.#probes.verdict(JOIN_GATEWAY)?.lost;
    const lost = `the gateway of the join subnet does not answer ${desired.NODE_PORT}`;
    return this.unready() ?? (this.#joinLost === true ? lost : undefined);
  }

  /** A pod's port changes the database too, and tells at most where a gateway is. */
  #ovsChanged(changes: readonly RowChange[]): void {
    const { replica, log } = this.#around;
    const own = [desired.NODE_PORT, desired.TUNNEL_BRIDGE, 'br-int', desired.tunnelLink(this.#node())?.name ?? ''];
    const ours = ({ table, old, new: now }: RowChange): boolean =>
      table === 'Open_vSwitch' || own.includes((now ?? old)?.['name'] as string);
    if (changes.length === 0 || changes.some(ours)) this.#loop.mark('ovs');
    else if (this.#tables.gateways().length > 0) this.#loop.mark();
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
    this.#reach.want(wants.asked(this.#node()), isCutOff(this.#node()));
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
    // Before the first plan there is nobody to tell, and nothing that the node has lost.
    if (!settings.nonPrimary && this.#state.complete) this.#condition.judge();
  }
}
