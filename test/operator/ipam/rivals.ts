// Two processes of the operator at one API: one leads, the other takes in everything and waits. Each has a watch of its
// own, which lags, tells some things twice, and keeps order only within one object. Rows in NB are the leader's alone.
import { Graph } from '../../../lib/graph/graph.ts';
import type { Demand, IpRow, Pool, PoolUsage, Space, Unassigned, Usage } from '../../../operator/api/tables.ts';
import { Assignments } from '../../../operator/ipam/assignments.ts';
import { Ipam } from '../../../operator/ipam/ipam.ts';
import { assignmentLimits } from '../../../operator/ipam/options.ts';
import { holdDownMs, newAllocator, seededBytes, untilQuiet } from './cluster.ts';
import { FakeApi } from './fake-api.ts';
import type { WatchEvent } from './fake-api.ts';
import { FakeClock } from './fake-clock.ts';

interface Told {
  unassigned: Unassigned;
  usage: Usage;
  poolUsage: PoolUsage;
}

interface Process {
  readonly graph: Graph<Told>;
  readonly assignments: Assignments;
  readonly rows: Map<string, IpRow>;
  /** What its watch has not told it yet. */
  events: WatchEvent[];
  restored: boolean;
}

export class Rivals {
  readonly clock = new FakeClock();
  readonly api = new FakeApi();
  readonly demands = new Map<string, Demand>();
  /** Addresses of which rows are in NB, by the name of the IP object. */
  readonly built = new Map<string, readonly string[]>();
  readonly #networks: readonly Space[];
  readonly #pools: readonly Pool[];
  #started = 0;
  #processes: [Process, Process];
  #leader: 0 | 1 = 0;

  constructor(networks: readonly Space[], pools: readonly Pool[]) {
    this.#networks = networks;
    this.#pools = pools;
    this.#processes = [this.#process(), this.#process()];
    this.#lead();
  }

  get leader(): Process {
    return this.#processes[this.#leader];
  }

  get unassigned(): Record<string, Unassigned> {
    return Object.fromEntries(this.leader.graph.dump('unassigned')) as Record<string, Unassigned>;
  }

  demand(demand: Demand): void {
    this.demands.set(demand.ip, demand);
    for (const { assignments } of this.#processes) assignments.inputs.demand.replace(`demand/${demand.ip}`, [demand]);
  }

  noDemand(ip: string): void {
    this.demands.delete(ip);
    for (const { assignments } of this.#processes) assignments.inputs.demand.replace(`demand/${ip}`, []);
  }

  /** The watch of one process tells the next about an object: of those whose turn it is, this one; once or twice. */
  tell(which: 0 | 1, at: number, times: 1 | 2): void {
    this.#share();
    const process = this.#processes[which];
    const { events } = process;
    const next = events.filter(([name], place) => events.findIndex(([other]) => other === name) === place);
    const event = next[at % Math.max(1, next.length)];
    if (!event) return;
    process.events = events.filter((other) => other !== event);
    for (let time = 0; time < times; time++) this.#row(process, ...event);
  }

  /** NB confirms the removal of what is no longer wanted for this IP object. */
  confirm(name: string): void {
    if (!this.#wanted(name)) this.built.delete(name);
    this.leader.assignments.recheck(name);
  }

  /** The leader loses its lease, or dies; what it has sent may be carried out later. The other one takes over. */
  handOver(dies: boolean): void {
    if (dies) {
      this.leader.assignments.close();
      this.#processes[this.#leader] = this.#process();
    } else this.leader.assignments.stop();
    this.#leader = this.#leader === 0 ? 1 : 0;
    this.#lead();
  }

  close(): void {
    for (const { assignments } of this.#processes) assignments.close();
  }

  /** Everything goes well, for long enough that nothing is left to do. */
  async quiet(): Promise<void> {
    await untilQuiet(this, () => {
      this.#share();
      for (const which of [0, 1] as const) while (this.#processes[which].events.length > 0) this.tell(which, 0, 1);
      for (const name of this.built.keys()) this.confirm(name);
    });
  }

  /** A consistent list, then it leads. */
  #lead(): void {
    this.#share();
    const { leader } = this;
    leader.events = [];
    const names = new Set([...leader.rows.keys(), ...this.api.objects.keys()]);
    for (const name of names) this.#row(leader, name, this.api.objects.get(name));
    leader.restored = true;
    leader.assignments.start();
    leader.assignments.run();
  }

  #share(): void {
    const events = this.api.events(Infinity);
    for (const process of this.#processes) process.events.push(...events);
  }

  #row(process: Process, name: string, row: IpRow | undefined): void {
    if (row) process.rows.set(name, row);
    else process.rows.delete(name);
    process.assignments.inputs.ip.replace(`ip/${name}`, row ? [row] : []);
    if (process !== this.leader) return;
    for (const [other, { addresses }] of process.rows) if (this.#wanted(other)) this.built.set(other, addresses);
  }

  #wanted(name: string): boolean {
    const row = this.leader.rows.get(name);
    if (!row || row.meta.deleting || this.leader.assignments.losesTo(name)) return false;
    return row.ownerUid !== '' && this.demands.get(name)?.uid === row.ownerUid;
  }

  #process(): Process {
    const { clock } = this;
    const graph = new Graph<Told>({
      clock: { now: () => clock.now(), defer: (fn) => void clock.after(0, fn) },
      sliceMs: 5,
    });
    const random = seededBytes(++this.#started * 7919);
    const process: Process = {
      graph,
      rows: new Map(),
      events: [],
      restored: false,
      assignments: new Assignments({
        ipam: (changed) => new Ipam({ allocator: newAllocator(), now: () => clock.now(), random, holdDownMs, changed }),
        writer: this.api.writer(),
        clock,
        limits: { ...assignmentLimits, writes: 4 },
        enter: (fn) => graph.enter(fn),
        unassigned: graph.table('unassigned'),
        usage: graph.table('usage'),
        poolUsage: graph.table('poolUsage'),
        restored: () => process.restored,
        cleared: (row) => !this.built.has(row.meta.name),
      }),
    };
    const { inputs } = process.assignments;
    for (const net of this.#networks) inputs.space.replace(`network/${net.name}`, [net]);
    for (const pool of this.#pools) inputs.pool.replace(`pool/${pool.name}`, [pool]);
    for (const demand of this.demands.values()) inputs.demand.replace(`demand/${demand.ip}`, [demand]);
    for (const [name, row] of this.api.objects) this.#rowOfNew(process, name, row);
    return process;
  }

  /** A new process lists before it watches. */
  #rowOfNew(process: Process, name: string, row: IpRow): void {
    process.rows.set(name, row);
    process.assignments.inputs.ip.replace(`ip/${name}`, [row]);
  }
}
