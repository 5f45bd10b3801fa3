// The allocator module (policies/ipam) as its host sees it: offsets are bigint below 2^64 here and two words there.
// The only file that knows scratch records and handles. Must not know addresses.
import { loadModule } from '../../lib/wasm/index.ts';
import type { LoadedModule, ModuleExports } from '../../lib/wasm/index.ts';

/** Exports of policies/ipam/assembly/index.ts. */
interface Exports {
  scratch(): number;
  scratch_records(): number;
  create(lastLow: number, lastHigh: number): number;
  destroy(pool: number): number;
  close(pool: number): number;
  allocate(pool: number): number;
  claim(pool: number, low: number, high: number): number;
  release(pool: number, low: number, high: number): number;
  used(pool: number, low: number, high: number): number;
  in_use(pool: number): number;
  in_closed(pool: number): number;
  batch(pool: number, count: number): number;
  ranges(pool: number, low: number, high: number): number;
  high_water(): number;
}

const functions = [
  'scratch',
  'scratch_records',
  'create',
  'destroy',
  'close',
  'allocate',
  'claim',
  'release',
  'used',
  'in_use',
  'in_closed',
  'batch',
  'ranges',
  'high_water',
] as const satisfies readonly (keyof Exports)[];

/** 256 MiB: an IPv4 /8 with every address assigned takes a tenth of it. */
const MEMORY_CAP = 256 * 1024 * 1024;

const RECORD_BYTES = 16;
const WORDS = RECORD_BYTES / 4;

/** Statuses that an operation on an existing pool can give, in the module's numbering. */
const statuses = ['ok', 'full', 'used', 'unused', 'outside', 'noPool', 'noMemory'] as const;
export type PoolStatus = (typeof statuses)[number];

/** Handle of a pool inside the module. Void after `destroy`; the holder must forget it. */
export type PoolHandle = number & { readonly brand: 'PoolHandle' };

/** Both ends included. */
export interface OffsetRange {
  readonly first: bigint;
  readonly last: bigint;
}

/** The module ran out of its declared memory, or was given a handle that it does not know. */
export class PoolFailure extends Error {
  readonly status: PoolStatus;

  constructor(step: string, status: PoolStatus) {
    super(`allocator module: ${step}: ${status}`);
    this.name = 'PoolFailure';
    this.status = status;
  }
}

/** Checks the bytes of policies/ipam/build/ipam.wasm. Throws ModuleRefused. */
export function loadAllocator(bytes: Uint8Array): LoadedModule<Exports> {
  return loadModule<Exports>(bytes, { functions, abiVersion: 1, memoryCap: MEMORY_CAP });
}

/** One instance of the module. Calls are synchronous, tens of nanoseconds; nothing here allocates in the module but pools. */
export class Allocator {
  readonly #exports: Exports & ModuleExports;
  readonly #scratch: number;
  readonly #records: number;
  /** The scratch area as words and as offsets; made anew when the memory has grown. */
  #words = new Uint32Array();
  #offsets = new BigUint64Array();
  /** One offset as a number and as its two words: a store and two loads, where arithmetic on bigint makes garbage. */
  readonly #whole = new BigUint64Array(1);
  readonly #halves = new Uint32Array(this.#whole.buffer);

  constructor(module: LoadedModule<Exports>) {
    this.#exports = module.instance();
    this.#scratch = this.#exports.scratch();
    this.#records = this.#exports.scratch_records();
  }

  /** A pool of the offsets 0 to `last`. */
  create(last: bigint): PoolHandle {
    this.#whole[0] = last;
    const pool = this.#exports.create(this.#low, this.#high);
    if (pool === 0) throw new PoolFailure('create', 'noMemory');
    return pool as PoolHandle;
  }

  destroy(pool: PoolHandle): void {
    this.#must('destroy', this.#exports.destroy(pool));
  }

  /** Offsets that are given on request only, do not return to the pool and do not count as using. */
  close(pool: PoolHandle, range: OffsetRange): void {
    this.#view();
    this.#offsets[0] = range.first;
    this.#offsets[1] = range.last;
    this.#must('close', this.#exports.close(pool));
  }

  /** The lowest offset that was never used, else the lowest released; undefined when the pool is full. */
  allocate(pool: PoolHandle): bigint | undefined {
    const status = this.#status(this.#exports.allocate(pool));
    if (status === 'full') return undefined;
    if (status !== 'ok') throw new PoolFailure('allocate', status);
    this.#view();
    return this.#offsets[0];
  }

  /** Assigns this offset: `ok`, `used` or `outside`. */
  claim(pool: PoolHandle, offset: bigint): PoolStatus {
    this.#whole[0] = offset;
    return this.#answer('claim', this.#exports.claim(pool, this.#low, this.#high));
  }

  /** Frees this offset: `ok`, `unused` or `outside`. */
  release(pool: PoolHandle, offset: bigint): PoolStatus {
    this.#whole[0] = offset;
    return this.#answer('release', this.#exports.release(pool, this.#low, this.#high));
  }

  used(pool: PoolHandle, offset: bigint): boolean {
    this.#whole[0] = offset;
    return this.#exports.used(pool, this.#low, this.#high) === 1;
  }

  /** Assigned offsets that are not closed, and those that are. */
  counts(pool: PoolHandle): { open: number; closed: number } {
    return { open: this.#exports.in_use(pool), closed: this.#exports.in_closed(pool) };
  }

  /** Assigns many offsets, about 1,000 per call; the statuses in the order of the offsets. */
  claimAll(pool: PoolHandle, offsets: readonly bigint[]): PoolStatus[] {
    const out: PoolStatus[] = [];
    for (let at = 0; at < offsets.length; at += this.#records) {
      this.#claimSome(pool, offsets.slice(at, at + this.#records), out);
    }
    return out;
  }

  #claimSome(pool: PoolHandle, offsets: readonly bigint[], out: PoolStatus[]): void {
    const before = this.#view();
    for (const [at, offset] of offsets.entries()) {
      before[at * WORDS] = 1;
      this.#whole[0] = offset;
      before[at * WORDS + 1] = this.#low;
      before[at * WORDS + 2] = this.#high;
    }
    this.#exports.batch(pool, offsets.length);
    const after = this.#view();
    for (let at = 0; at < offsets.length; at++) out.push(this.#answer('batch', after[at * WORDS + 3] ?? -1));
  }

  /** The assigned, not closed offsets as ranges in order. */
  ranges(pool: PoolHandle): OffsetRange[] {
    const out: OffsetRange[] = [];
    let from: bigint | undefined = 0n;
    while (from !== undefined) from = this.#someRanges(pool, from, out);
    return out;
  }

  /** Appends what fits the scratch area; where to go on, undefined when all is there. */
  #someRanges(pool: PoolHandle, from: bigint, out: OffsetRange[]): bigint | undefined {
    this.#whole[0] = from;
    const count = this.#exports.ranges(pool, this.#low, this.#high);
    this.#view();
    const values = this.#offsets;
    for (let at = 0; at < count; at++) {
      const range = { first: values[at * 2] ?? 0n, last: values[at * 2 + 1] ?? 0n };
      const previous = out.at(-1);
      if (previous && previous.last + 1n === range.first) out[out.length - 1] = { ...range, first: previous.first };
      else out.push(range);
    }
    const end = out.at(-1)?.last ?? 0n;
    return count < this.#records || end === 0xffffffffffffffffn ? undefined : end + 1n;
  }

  /** Bytes of module memory that were ever needed at one time. */
  get highWater(): number {
    return this.#exports.high_water();
  }

  /** Growing a memory detaches its buffer and empties views on it. */
  #view(): Uint32Array {
    if (this.#words.length === 0) {
      const { buffer } = this.#exports.memory;
      this.#words = new Uint32Array(buffer, this.#scratch, this.#records * WORDS);
      this.#offsets = new BigUint64Array(buffer, this.#scratch, (this.#records * WORDS) / 2);
    }
    return this.#words;
  }

  get #low(): number {
    return this.#halves[0] ?? 0;
  }

  get #high(): number {
    return this.#halves[1] ?? 0;
  }

  #status(code: number): PoolStatus {
    return statuses[code] ?? 'noPool';
  }

  #answer(step: string, code: number): PoolStatus {
    const status = this.#status(code);
    if (status === 'noPool' || status === 'noMemory') throw new PoolFailure(step, status);
    return status;
  }

  #must(step: string, code: number): void {
    const status = this.#status(code);
    if (status !== 'ok') throw new PoolFailure(step, status);
  }
}
