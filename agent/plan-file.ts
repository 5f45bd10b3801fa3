// The last plan on the node's disk: with it an agent serves what is assigned while the operator is away. Written whole
// and atomically, at most one write under way; what changes meanwhile goes into the next.
import { readFile } from 'node:fs/promises';
import { writeAtomically } from './files.ts';
import { PLAIN_WAY_OUT } from './items.ts';
import type { Item } from './items.ts';

/** Of this file's shape; another one is not read. */
const FORMAT = 1;

export interface KeptPlan {
  /** 64-bit integers as text. */
  readonly epoch: string;
  readonly revision: string;
  readonly complete: boolean;
  readonly items: readonly (readonly [string, Item])[];
}

export const NO_PLAN: KeptPlan = { epoch: '0', revision: '0', complete: false, items: [] };

/** With the fields that an agent before this one did not know. */
const whole = (item: Item): Item => (item.kind === 'subnet' ? { ...PLAIN_WAY_OUT, ...item } : item);

/** A text that was not written by this version counts as none: the operator has everything. */
export function parsePlan(text: string): KeptPlan {
  try {
    const kept = JSON.parse(text) as KeptPlan & { format?: unknown };
    const sound = kept.format === FORMAT && Array.isArray(kept.items) && /^\d+$/.test(kept.epoch);
    if (!sound) return NO_PLAN;
    const items = kept.items.map(([key, item]) => [key, whole(item)] as const);
    return { epoch: kept.epoch, revision: kept.revision, complete: kept.complete, items };
  } catch {
    return NO_PLAN;
  }
}

export async function readPlan(path: string): Promise<KeptPlan> {
  try {
    return parsePlan(await readFile(path, 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return NO_PLAN;
    throw error;
  }
}

export class PlanFile {
  readonly #path: string;
  readonly #content: () => KeptPlan;
  readonly #log: { warn(fields: object, message: string): void };
  #writing: Promise<void> | undefined;
  #stale = false;

  constructor(path: string, content: () => KeptPlan, log: { warn(fields: object, message: string): void }) {
    this.#path = path;
    this.#content = content;
    this.#log = log;
  }

  /** The plan has changed. */
  save(): void {
    this.#stale = true;
    this.#writing ??= this.#write();
  }

  /** Resolves when everything is written. */
  async flushed(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
  }

  async #write(): Promise<void> {
    while (this.#stale) {
      this.#stale = false;
      // Read at the moment of writing: many changes make one write.
      const text = JSON.stringify({ format: FORMAT, ...this.#content() });
      try {
        await writeAtomically(this.#path, text, 0o600);
      } catch (error) {
        this.#log.warn({ path: this.#path, error: String(error) }, 'the plan cannot be kept on disk');
      }
    }
    // At once, not when the promise has settled: what is saved in between would not be written.
    this.#writing = undefined;
  }
}
