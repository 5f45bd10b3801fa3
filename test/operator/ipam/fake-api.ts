// The API server's IP objects as a map, with everything that can go wrong between it and us: a call is carried out when
// the test says so, answered or not, and the watch lags as far behind as the test lets it.
import { WriteRefused, finalizer, reservedLabel } from '../../../operator/ipam/writer.ts';
import type { CreateAnswer, IpWriter, NewIp } from '../../../operator/ipam/writer.ts';
import type { IpRow } from '../../../operator/api/tables.ts';

/** ok; carried out but the answer is lost; not carried out, connection lost; refused by the server. */
export type Outcome = 'ok' | 'lost' | 'unavailable' | 'refused';

interface Call {
  readonly what: string;
  readonly carryOut: () => unknown;
  readonly resolve: (answer: never) => void;
  readonly reject: (error: Error) => void;
}

export type WatchEvent = readonly [name: string, row: IpRow | undefined];

export class FakeApi {
  readonly objects = new Map<string, IpRow>();
  readonly calls: Call[] = [];
  readonly log: string[] = [];
  /** Called with every object that a create is about to make. */
  onCreate: (ip: NewIp) => void = () => {};
  /** Called with every object whose finalizer is about to go. */
  onFinish: (row: IpRow) => void = () => {};
  #events: WatchEvent[] = [];
  #uid = 0;
  #time = 1_700_000_000_000;

  /** A connection of one process; another process gets its own, so that a crash cuts only one. */
  writer(): IpWriter {
    const call = <T>(what: string, carryOut: () => T): Promise<T> =>
      new Promise<T>((resolve, reject) => {
        this.calls.push({ what, carryOut, resolve, reject });
      });
    return {
      create: (ip) => call(`create ${ip.name}`, () => this.#create(ip)),
      adopt: (ip, uid) => call(`adopt ${ip.name}`, () => this.#adopt(ip, uid)),
      remove: (name, uid) => call(`remove ${name}`, () => this.removeByHand(name, uid)),
      dropFinalizer: (name, uid) => call(`finish ${name}`, () => this.#finish(name, uid)),
    };
  }

  /** Deals with a call that is under way. */
  answer(at: number, outcome: Outcome): void {
    const [call] = this.calls.splice(at, 1);
    if (!call) return;
    this.log.push(`${call.what} ${outcome}`);
    if (outcome === 'refused') return call.reject(new WriteRefused('refused by a webhook'));
    if (outcome === 'unavailable') return call.reject(new Error('connection refused'));
    const result = call.carryOut();
    if (outcome === 'lost') call.reject(new Error('connection reset'));
    else call.resolve(result as never);
  }

  /** The process at the other end is gone: its calls are carried out or not, and nobody hears of it. */
  abandon(carriedOut: boolean): void {
    for (const call of this.calls.splice(0)) if (carriedOut) call.carryOut();
  }

  /** The next events of the watch, in order. */
  events(count: number): WatchEvent[] {
    return this.#events.splice(0, count);
  }

  /** A consistent list; the watch goes on from here. */
  list(): IpRow[] {
    this.#events = [];
    return [...this.objects.values()];
  }

  /** An object that somebody else wrote. */
  put(row: IpRow): void {
    this.#write(row);
  }

  removeByHand(name: string, uid?: string): void {
    const row = this.objects.get(name);
    if (!row || (uid !== undefined && row.meta.uid !== uid) || row.meta.deleting) return;
    this.#settle({ ...row, meta: { ...row.meta, deleting: true } });
  }

  newUid(): string {
    return `uid-${String(this.#uid++).padStart(6, '0')}`;
  }

  now(): number {
    // Seconds, as creationTimestamp has them: several objects are equally old.
    this.#time += 300;
    return Math.floor(this.#time / 1000) * 1000;
  }

  #create(ip: NewIp): CreateAnswer {
    const present = this.objects.get(ip.name);
    if (present) return { outcome: 'exists', row: present };
    this.onCreate(ip);
    const row: IpRow = {
      meta: {
        name: ip.name,
        namespace: '',
        uid: this.newUid(),
        generation: 1,
        deleting: false,
        finalizers: [finalizer],
        labels: labelsOf(ip),
        annotations: {},
      },
      created: this.now(),
      subnet: ip.subnet,
      podName: ip.podName,
      namespace: ip.namespace,
      podType: ip.podType,
      node: ip.node,
      addresses: ip.addresses,
      mac: ip.mac,
      ownerUid: ip.ownerUid,
      controllerUid: ip.controllerUid ?? '',
    };
    this.#write(row);
    return { outcome: 'created', row };
  }

  #adopt(ip: NewIp, uid: string): void {
    const row = this.objects.get(ip.name);
    if (!row || row.meta.uid !== uid) return;
    const finalizers = [...new Set([...row.meta.finalizers, finalizer])];
    this.#write({
      ...row,
      ownerUid: ip.ownerUid,
      addresses: ip.addresses,
      controllerUid: ip.controllerUid ?? '',
      node: ip.node,
      mac: ip.mac,
      meta: { ...row.meta, finalizers, labels: labelsOf(ip) },
    });
  }

  #finish(name: string, uid: string): void {
    const row = this.objects.get(name);
    if (!row || row.meta.uid !== uid) return;
    this.onFinish(row);
    this.#settle({ ...row, meta: { ...row.meta, finalizers: row.meta.finalizers.filter((one) => one !== finalizer) } });
  }

  #settle(row: IpRow): void {
    if (row.meta.deleting && row.meta.finalizers.length === 0) {
      this.objects.delete(row.meta.name);
      this.#events.push([row.meta.name, undefined]);
    } else this.#write(row);
  }

  #write(row: IpRow): void {
    this.objects.set(row.meta.name, row);
    this.#events.push([row.meta.name, row]);
  }
}

const labelsOf = (ip: NewIp): IpRow['meta']['labels'] => ({ [reservedLabel]: String(ip.ownerUid === '') });
