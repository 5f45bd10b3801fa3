// Assignments between a fake API and a fake rest of the operator, which builds rows for what is assigned and takes its
// time to remove them.
import { readFileSync } from 'node:fs';
import { Graph } from '../../../lib/graph/graph.ts';
import { parseIp } from '../../../lib/net/index.ts';
import type { Demand, IpRow, Pool, PoolUsage, Space, Unassigned, Usage } from '../../../operator/api/tables.ts';
import { podRef } from '../../../operator/api/refs.ts';
import { Assignments } from '../../../operator/ipam/assignments.ts';
import { Ipam } from '../../../operator/ipam/ipam.ts';
import { Allocator, loadAllocator } from '../../../operator/ipam/module.ts';
import { assignmentLimits } from '../../../operator/ipam/options.ts';
import type { AssignmentOptions } from '../../../operator/ipam/options.ts';
import { wasmPath } from '../../../policies/build.ts';
import { FakeApi } from './fake-api.ts';
import { FakeClock } from './fake-clock.ts';

export const holdDownMs = 5_000;

export const newAllocator = (): Allocator => new Allocator(loadAllocator(readFileSync(wasmPath('ipam'))));

/** Random bytes that repeat from run to run; `seed` is a 31-bit integer. */
export const seededBytes = (seed = 1): ((count: number) => Uint8Array) => {
  let state = seed;
  return (count) =>
    Uint8Array.from({ length: count }, () => {
      state = (state * 1_103_515_245 + 12_345) & 0x7fffffff;
      return state >> 16;
    });
};

export const network = (name: string, cidrs: readonly string[], excludeIps: readonly string[] = []): Space => ({
  name,
  cidrs,
  gateways: [],
  excludeIps,
  reserved: [],
  mac: '',
  deleting: false,
});

export const podDemand = (name: string, uid: string, subnets: readonly string[] = ['s']): Demand => ({
  ip: `${name}.ns`,
  owner: podRef('ns', name),
  uid,
  node: 'node1',
  subnets,
  podName: name,
  namespace: 'ns',
  podType: '',
  labels: {},
});

/** What the allocator writes. */
interface Told {
  unassigned: Unassigned;
  usage: Usage;
  poolUsage: PoolUsage;
}

/** One process of the operator and the world around it. */
export class Cluster {
  readonly clock = new FakeClock();
  readonly api = new FakeApi();
  readonly demands = new Map<string, Demand>();
  readonly networks = new Map<string, Space>();
  readonly pools = new Map<string, Pool>();
  /** Addresses of which rows are in NB, by the name of the IP object. */
  readonly built = new Map<string, readonly string[]>();
  readonly failures: string[] = [];
  restored = false;
  assignments: Assignments;
  readonly #rows = new Map<string, IpRow>();
  #graph: Graph<Told>;
  #processes = 0;

  constructor() {
    [this.#graph, this.assignments] = this.#process();
  }

  get unassigned(): Record<string, Unassigned> {
    return Object.fromEntries(this.#graph.dump('unassigned')) as Record<string, Unassigned>;
  }

  get usage(): Record<string, Usage> {
    return Object.fromEntries(this.#graph.dump('usage')) as Record<string, Usage>;
  }

  get poolUsage(): Record<string, PoolUsage> {
    return Object.fromEntries(this.#graph.dump('poolUsage')) as Record<string, PoolUsage>;
  }

  demand(demand: Demand): void {
    this.demands.set(demand.ip, demand);
    this.assignments.inputs.demand.replace(`demand/${demand.ip}`, [demand]);
  }

  noDemand(ip: string): void {
    this.demands.delete(ip);
    this.assignments.inputs.demand.replace(`demand/${ip}`, []);
  }

  network(net: Space): void {
    this.networks.set(net.name, net);
    this.assignments.inputs.space.replace(`network/${net.name}`, [net]);
  }

  pool(pool: Omit<Pool, 'namespaces'>): void {
    const whole: Pool = { ...pool, namespaces: [] };
    this.pools.set(pool.name, whole);
    this.assignments.inputs.pool.replace(`pool/${pool.name}`, [whole]);
  }

  keep(name: string, isKept: boolean): void {
    this.assignments.inputs.kept.replace(`kept/${name}`, isKept ? [{ ip: name }] : []);
  }

  noPool(name: string): void {
    this.pools.delete(name);
    this.assignments.inputs.pool.replace(`pool/${name}`, []);
  }

  noNetwork(name: string): void {
    this.networks.delete(name);
    this.assignments.inputs.space.replace(`network/${name}`, []);
  }

  /** Delivers events of the watch; the operator builds and withdraws rows as they say. */
  watch(count: number): void {
    for (const [name, row] of this.api.events(count)) this.#row(name, row);
  }

  /** NB confirms the removal of what is no longer wanted for this IP object. */
  confirm(name: string): void {
    if (!this.#wanted(name)) this.built.delete(name);
    this.assignments.recheck(name);
  }

  /** The consistent list has arrived. */
  restore(): void {
    const rows = this.api.list();
    for (const name of this.#rows.keys()) if (!rows.some((row) => row.meta.name === name)) this.#row(name, undefined);
    for (const row of rows) this.#row(row.meta.name, row);
    this.restored = true;
    this.assignments.run();
  }

  /** Everything goes well, for long enough that nothing is left to do. */
  async quiet(): Promise<void> {
    await untilQuiet(this, () => {
      this.watch(Infinity);
      for (const name of this.built.keys()) this.confirm(name);
    });
  }

  /** The process dies; its calls are carried out or not. Another one starts, with nothing but the API and NB. */
  restart(carriedOut: boolean): void {
    this.assignments.close();
    this.api.abandon(carriedOut);
    this.#rows.clear();
    this.restored = false;
    [this.#graph, this.assignments] = this.#process();
    for (const net of this.networks.values()) this.network(net);
    for (const pool of this.pools.values()) this.pool(pool);
    for (const demand of this.demands.values()) this.demand(demand);
    this.assignments.start();
  }

  #process(): [Graph<Told>, Assignments] {
    const { clock } = this;
    const graph = new Graph<Told>({
      clock: { now: () => clock.now(), defer: (fn) => void clock.after(0, fn) },
      sliceMs: 5,
    });
    // Two processes never draw the same MACs: what a dead one had begun may be carried out late.
    this.#processes += 1;
    const random = seededBytes(this.#processes * 7919);
    const ipam: AssignmentOptions['ipam'] = (changed) =>
      new Ipam({ allocator: newAllocator(), now: () => clock.now(), random, holdDownMs, changed });
    const assignments: Assignments = new Assignments({
      ipam,
      writer: this.api.writer(),
      clock,
      limits: { ...assignmentLimits, writes: 4 },
      enter: (fn) => graph.enter(fn),
      unassigned: graph.table('unassigned'),
      usage: graph.table('usage'),
      poolUsage: graph.table('poolUsage'),
      restored: () => this.restored,
      cleared: (row) => !this.built.has(row.meta.name),
      failed: (step, name, error) => this.failures.push(`${step} ${name}: ${String(error)}`),
    });
    return [graph, assignments];
  }

  #row(name: string, row: IpRow | undefined): void {
    if (row) this.#rows.set(name, row);
    else this.#rows.delete(name);
    this.assignments.inputs.ip.replace(`ip/${name}`, row ? [row] : []);
    for (const other of this.#rows.keys()) this.#build(other);
  }

  #build(name: string): void {
    const row = this.#rows.get(name);
    if (row && this.#wanted(name)) this.built.set(name, row.addresses);
  }

  /** What a reconciler decides: rows for an assignment that is not going, has the better right and names this owner. */
  #wanted(name: string): boolean {
    const row = this.#rows.get(name);
    if (!row || row.meta.deleting || this.assignments.losesTo(name)) return false;
    return row.ownerUid !== '' && this.demands.get(name)?.uid === row.ownerUid;
  }
}

/** Whether an address text lies in the open part of a /24 such as `10.0.0.0/24`, for checks that share no code. */
export const lastOctet = (address: string): number => Number((parseIp(address)?.value ?? 0n) & 0xffn);

/** A cluster whose allocator leads, with one subnet `s` of five addresses to give. */
export function ledCluster(): Cluster {
  const cluster = new Cluster();
  cluster.network(network('s', ['10.0.0.0/29'], ['10.0.0.1']));
  cluster.assignments.start();
  cluster.restore();
  return cluster;
}

/**
 * Everything goes well, for long enough that nothing is left to do: calls are answered, and `rest` does what the rest of
 * the cluster does meanwhile. Throws when it never ends.
 */
export async function untilQuiet(
  { api, clock }: { readonly api: FakeApi; readonly clock: FakeClock },
  rest: () => void,
): Promise<void> {
  let still = 0;
  for (let round = 0; still < 3; round++) {
    if (round > 2_000) throw new Error(`never quiet: ${api.log.slice(-20).join('; ')}`);
    const before = api.log.length;
    await clock.advance(40_000);
    while (api.calls.length > 0) {
      api.answer(0, 'ok');
      await clock.advance(1);
    }
    rest();
    still = api.log.length === before ? still + 1 : 0;
  }
}
