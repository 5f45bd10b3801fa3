// The edge between demands and IP objects: an address is written to the API before anything is built with it, and free
// only when everything that was built with it is gone. Effects are here, decisions in step.ts; the rest of the operator
// sees the result as rows of table `ip`. Must not write while another process may lead.
//
//   demand ---\                                              /--> unassigned, usage
//   ip --------> what changed -> step per name -> writer ---<
//   space, pool, kept ^                                       \--> IP objects --watch--> ip
//                      \--- completed writes, timers, freed addresses
import type { Sink } from '../../lib/graph/types.ts';
import { ipRef } from '../api/refs.ts';
import type { Demand, IpRow, Kept, Pool, Space } from '../api/tables.ts';
import { attempt, completed, fits } from './attempts.ts';
import { Awaited } from './awaited.ts';
import { Explanations } from './explanations.ts';
import { Flights } from './flights.ts';
import type { Ipam } from './ipam.ts';
import { Ledger } from './ledger.ts';
import type { AssignmentOptions } from './options.ts';
import { keys, sink } from './sink.ts';
import { stepOf } from './step.ts';
import type { Action, Reservation } from './step.ts';
import { ToldUsage } from './told-usage.ts';
import { UsageReport } from './usage-report.ts';
import { Waiters } from './waiters.ts';
import type { Place } from './waiters.ts';
import { WriteRefused, isSame, newIp } from './writer.ts';
import type { CreateAnswer, NewIp } from './writer.ts';

/** A reservation as it goes through its stages. */
type Reserved = { -readonly [K in keyof Reservation]: Reservation[K] };

export class Assignments {
  readonly #options: AssignmentOptions;
  readonly #ipam: Ipam;
  readonly #ledger: Ledger;
  readonly #flights: Flights;
  readonly #report: UsageReport;
  readonly #explanations: Explanations;
  readonly #waiters = new Waiters();
  readonly #demands = new Map<string, Demand>();
  readonly #kept = new Set<string>();
  readonly #leaving = new Set<string>();
  readonly #reserved = new Map<string, Reserved>();
  readonly #awaited: Awaited;
  readonly #dirty = new Set<string>();
  /** Subnets with changes that are not yet told, and whose waiters are not yet woken. */
  readonly #changed = new Set<string>();
  #cancelRun: (() => void) | undefined;
  #cancelExpiry: (() => void) | undefined;
  /** Counts up with every start and stop: what was begun in an earlier term has no say. */
  #term = 0;
  #started = false;

  constructor(options: AssignmentOptions) {
    this.#options = options;
    const { clock, limits } = options;
    this.#ipam = options.ipam((subnet, freed) => {
      for (const held of freed) for (const name of this.#waiters.wanting(subnet, held)) this.#touch(name);
      this.#changed.add(subnet);
      this.#schedule();
    });
    this.#ledger = new Ledger(this.#ipam);
    this.#awaited = new Awaited(clock, limits.confirmMs);
    this.#flights = new Flights({
      clock,
      limit: limits.writes,
      pauseMs: limits.pauseMs,
      pauseCapMs: limits.pauseCapMs,
    });
    this.#explanations = new Explanations(options);
    const told = new ToldUsage(this.#ipam, options);
    this.#report = new UsageReport({ clock, periodMs: limits.usageMs, tell: (subnet) => told.tell(subnet) });
  }

  /** Inputs: wire each with a derivation that yields its table's value as it is. They take in all the time, leader or not. */
  readonly inputs: {
    readonly demand: Sink<Demand>;
    readonly ip: Sink<IpRow>;
    readonly space: Sink<Space>;
    readonly pool: Sink<Pool>;
    readonly kept: Sink<Kept>;
  } = {
    demand: sink((key, row) => this.#demandChanged(key, row)),
    ip: sink((key, row) => this.#ipChanged(key, row)),
    space: sink((key, row) => this.#spaceChanged(key, row)),
    pool: sink((key, row) => this.#poolChanged(key, row)),
    kept: keys(this.#kept, (key) => this.#touch(key)),
  };

  /** Begins to write; this process leads. Nothing is allocated before `restored()`. */
  start(): void {
    if (this.#started) return;
    this.#started = true;
    this.#term++;
    for (const name of this.#demands.keys()) this.#dirty.add(name);
    for (const name of this.#ledger.names()) this.#dirty.add(name);
    this.#schedule();
  }

  /** Stops at once: no write begins after this. Unanswered ones may still be carried out; their objects will be seen. */
  stop(): void {
    if (!this.#started) return;
    this.#started = false;
    this.#term++;
    this.#flights.stop();
    for (const name of this.#reserved.keys()) this.#unreserve(name);
    this.#awaited.clear();
    this.#explanations.clear();
    this.#dirty.clear();
  }

  /** Stops everything, timers too. */
  close(): void {
    this.stop();
    this.#report.stop();
    this.#unschedule();
    this.#cancelExpiry?.();
  }

  /** To be called when `cleared` may answer differently for this IP object. */
  recheck(name: string): void {
    this.#touch(name);
  }

  /** Works off what has changed. Runs by itself soon after a change; the graph may call it when it is quiet. */
  run(): void {
    this.#unschedule();
    this.#ipam.expire();
    if (!this.#options.restored()) return;
    do {
      for (const name of this.#dirty) {
        this.#dirty.delete(name);
        this.#step(name);
      }
      this.#settleSubnets();
    } while (this.#dirty.size > 0);
    this.#unschedule();
    this.#armExpiry();
  }

  /** The IP object that holds an address of this one with better right: this one counts for nothing and will go. */
  losesTo(name: string): IpRow | undefined {
    return this.#ledger.winner(name);
  }

  /** For metrics: what is under way. */
  get counts(): { readonly waiting: number; readonly reserved: number; readonly writes: number } {
    return { waiting: this.#explanations.size, reserved: this.#reserved.size, writes: this.#flights.flying };
  }

  #demandChanged(name: string, demand: Demand | undefined): void {
    if (demand) this.#demands.set(name, demand);
    else this.#demands.delete(name);
    this.#touch(name);
  }

  #spaceChanged(name: string, space: Space | undefined): void {
    if (space?.deleting) this.#leaving.add(name);
    else this.#leaving.delete(name);
    if (space) {
      const { cidrs, excludeIps, gateways, reserved, mac } = space;
      this.#ipam.setSubnet(name, { cidrs, exclude: excludeIps, gateways, reserved, mac });
    } else this.#ipam.removeSubnet(name);
    this.#reshaped(name);
  }

  #poolChanged(name: string, pool: Pool | undefined): void {
    const before = this.#ipam.subnetOfPool(name);
    if (pool) this.#ipam.setPool(pool);
    else this.#ipam.removePool(name);
    if (before !== undefined) this.#reshaped(before);
    if (pool) this.#reshaped(pool.subnet);
  }

  /** Other addresses can be given now: whoever waits looks again. */
  #reshaped(subnet: string): void {
    for (const waiting of this.#waiters.all(subnet)) this.#touch(waiting);
    this.#changed.add(subnet);
    this.#schedule();
  }

  #ipChanged(name: string, row: IpRow | undefined): void {
    const reserved = this.#reserved.get(name);
    if (row && reserved) {
      // The row is what the API holds, whatever we had in mind.
      if (reserved.ip.subnet === row.subnet) this.#reserved.delete(name);
      else this.#unreserve(name);
    }
    this.#awaited.seen(name, row);
    for (const touched of this.#ledger.change(name, row)) this.#touch(touched);
  }

  #touch(name: string): void {
    if (!this.#started) return;
    this.#dirty.add(name);
    this.#schedule();
  }

  #schedule(): void {
    this.#cancelRun ??= this.#options.clock.after(0, () => this.run());
  }

  #unschedule(): void {
    this.#cancelRun?.();
    this.#cancelRun = undefined;
  }

  #step(name: string): void {
    const row = this.#ledger.row(name);
    const demand = this.#demands.get(name);
    const step = stepOf({
      demand,
      row,
      reservation: this.#reserved.get(name),
      kept: this.#kept.has(name),
      fits: row !== undefined && demand !== undefined && fits(this.#ipam, row, demand),
      winner: this.#ledger.winner(name),
      cleared: row !== undefined && row.meta.deleting && this.#options.cleared(row),
    });
    if (step.action.do !== 'allocate' && step.action.do !== 'reserve') {
      this.#leave(name);
      this.#explanations.tell(name, step.waiting && { ip: name, owner: demand?.owner ?? ipRef(name), ...step.waiting });
    }
    this.#act(name, step.action);
  }

  #act(name: string, action: Action): void {
    const { writer } = this.#options;
    switch (action.do) {
      case 'nothing':
        break;
      case 'forget':
        this.#unreserve(name);
        this.#dirty.add(name);
        break;
      case 'allocate':
        this.#allocate(name, action.demand);
        break;
      case 'create':
        this.#create(name);
        break;
      case 'reserve':
        this.#reserve(name, action);
        break;
      case 'adopt':
        this.#write(name, action, () => writer.adopt(this.#adopted(action.row, action.demand), action.row.meta.uid));
        break;
      case 'remove':
        this.#write(name, action, () => writer.remove(name, action.row.meta.uid));
        break;
      case 'finish':
        this.#write(name, action, () => writer.dropFinalizer(name, action.row.meta.uid));
    }
  }

  /** Reserves the first address that will do, or queues the name at all places where one may become free. */
  #allocate(name: string, demand: Demand): void {
    const outcome = attempt(this.#ipam, demand, (subnet) => this.#leaving.has(subnet));
    if ('why' in outcome) {
      this.#pass(this.#waiters.add(name, outcome.places));
      this.#explanations.tell(name, { ip: name, owner: demand.owner, ...outcome.why });
      return;
    }
    this.#reserved.set(name, { ip: outcome, stage: 'untried' });
    this.#leave(name);
    this.#explanations.tell(name, undefined);
    this.#create(name);
  }

  /** Gives an object that was made by hand what it lacks. */
  #reserve(name: string, action: Action & { row: IpRow }): void {
    const outcome = completed(this.#ipam, action.row);
    if ('why' in outcome) {
      this.#pass(this.#waiters.add(name, outcome.places));
      this.#explanations.tell(name, { ip: name, owner: this.#demands.get(name)?.owner ?? ipRef(name), ...outcome.why });
      return;
    }
    this.#leave(name);
    this.#explanations.tell(name, undefined);
    this.#write(name, action, () => this.#options.writer.adopt(outcome, action.row.meta.uid));
  }

  #leave(name: string): void {
    this.#pass(this.#waiters.delete(name));
  }

  /** Out of these queues. It may have been woken for room that it does not take: whoever is behind it is to look again. */
  #pass(places: readonly Place[]): void {
    for (const { subnet } of places) this.#changed.add(subnet);
  }

  /** One attempt to create the object of a reservation. */
  #create(name: string): void {
    const reserved = this.#reserved.get(name);
    if (!reserved || !this.#flights.idle(name)) return;
    const attempt = async (): Promise<void> => {
      if (this.#reserved.get(name) !== reserved) return;
      const untried = reserved.stage === 'untried';
      reserved.stage = 'doubtful';
      try {
        this.#created(name, reserved, await this.#options.writer.create(reserved.ip));
      } catch (error) {
        if (untried && error instanceof WriteRefused) reserved.stage = 'untried';
        throw this.#failed('create', name, error);
      }
    };
    this.#flights.start(name, attempt, () => this.#touch(name));
  }

  #created(name: string, reserved: Reserved, answer: CreateAnswer): void {
    if (this.#reserved.get(name) !== reserved) return;
    if (!isSame(answer.row, reserved.ip)) {
      // Somebody's object has the name. Its row will say whose; until it is there another attempt is as good as any.
      this.#unreserve(name);
      throw new Error(`IP ${name} exists for ${answer.row.namespace}/${answer.row.podName}`);
    }
    reserved.stage = 'accepted';
    this.#awaited.add(name, { row: answer.row, action: 'create' }, () => {
      if (this.#reserved.get(name) !== reserved) return;
      // Made and gone again before the watch could tell, or the watch is stuck: ask once more.
      reserved.stage = 'doubtful';
      this.#touch(name);
    });
  }

  /** One attempt of a write to an existing object; after success nothing is repeated until its row has changed. */
  #write(name: string, action: Action & { row: IpRow }, write: () => Promise<void>): void {
    if (this.#awaited.has(name, action.row, action.do) || !this.#flights.idle(name)) return;
    const term = this.#term;
    const attempt = async (): Promise<void> => {
      if (this.#ledger.row(name) !== action.row) return;
      try {
        await write();
      } catch (error) {
        throw this.#failed(action.do, name, error);
      }
      if (term !== this.#term || this.#ledger.row(name) !== action.row) return;
      this.#awaited.add(name, { row: action.row, action: action.do }, () => this.#touch(name));
    };
    this.#flights.start(name, attempt, () => this.#touch(name));
  }

  #failed(step: string, name: string, error: unknown): unknown {
    this.#options.failed?.(step, name, error);
    return error;
  }

  /** Gives a reservation's address back at once: nothing was built with it. */
  #unreserve(name: string): void {
    const reserved = this.#reserved.get(name);
    if (!reserved) return;
    this.#reserved.delete(name);
    this.#ipam.release(reserved.ip.subnet, name, true);
  }

  #adopted(row: IpRow, demand: Demand): NewIp {
    const mac = row.mac === '' && demand.wish?.mac !== '' ? this.#ipam.freeMac(row.subnet) : row.mac;
    return newIp(demand, { subnet: row.subnet, addresses: row.addresses, mac });
  }

  /** After changes of subnets: tells their use, and wakes as many waiters as there is room for. */
  #settleSubnets(): void {
    for (const subnet of this.#changed) {
      this.#changed.delete(subnet);
      this.#report.changed(subnet);
      if (!this.#started) continue;
      for (const name of this.#waiters.served(subnet, ({ full, pool }) => this.#ipam.room(subnet, full, pool)))
        this.#dirty.add(name);
    }
  }

  #armExpiry(): void {
    this.#cancelExpiry?.();
    const next = this.#ipam.nextExpiry;
    const { clock } = this.#options;
    this.#cancelExpiry = next === undefined ? undefined : clock.after(next - clock.now(), () => this.run());
  }
}
