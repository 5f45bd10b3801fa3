// A view that remembers what was looked at. The mirrors run a moment behind the API server, so that an object may seem to
// be missing that was made a moment ago, and one to be in the way that is gone: before anything is refused, the few
// objects that decided are read from the API server itself, and the question is asked again with what it says.
import type { Meta } from '../api/tables.ts';
import type { View, WebhookIndexes, WebhookTables } from './checks/check.ts';
import { natKey } from './checks/check.ts';
import type { NatRow } from './checks/check.ts';
import type { Input } from './state.ts';
import { computedFrom, inputIndexes, inputs } from './state.ts';

/** An object by the table that it is projected into. */
export interface Origin {
  readonly table: Input;
  readonly key: string;
}

/** What the API server says of an object: its row, or that there is none. */
export interface Reading extends Origin {
  readonly row: unknown;
}

const text = ({ table, key }: Origin): string => `${table} ${key}`;

export class Sight implements View {
  readonly #view: View;
  readonly #readings: ReadonlyMap<string, Reading>;
  readonly #seen = new Map<string, Origin>();

  /** `readings` go before what `view` has. */
  constructor(view: View, readings: readonly Reading[] = []) {
    this.#view = view;
    this.#readings = new Map(readings.map((reading) => [text(reading), reading]));
  }

  /** The objects that were looked at, in that order, those too that are not there. */
  get seen(): Origin[] {
    return [...this.#seen.values()];
  }

  get<N extends keyof WebhookTables>(name: N, key: string): WebhookTables[N] | undefined {
    const known = this.#view.get(name, key);
    const table = originOf(name);
    if (table === undefined) return known;
    const reading = this.#look({ table, key: originKey(table, key) });
    if (!reading) return known;
    // What is computed of a row is not computed anew: only that it goes with the row is certain.
    if (table !== name) return reading.row === undefined ? undefined : known;
    return reading.row as WebhookTables[N] | undefined;
  }

  at<N extends keyof WebhookIndexes>(name: N, key: string): readonly WebhookIndexes[N][] {
    const rows = this.#view.at(name, key);
    const table = originOf(name);
    if (table === undefined || rows.length === 0) return rows;
    return rows.flatMap((row) => {
      const reading = this.#look({ table, key: keyOfRow(table, row) });
      if (!reading) return [row];
      if (reading.row === undefined) return [];
      return [name in inputIndexes ? (reading.row as WebhookIndexes[N]) : row];
    });
  }

  #look(origin: Origin): Reading | undefined {
    const id = text(origin);
    this.#seen.set(id, origin);
    return this.#readings.get(id);
  }
}

const isInput = (name: string): name is Input => inputs.some((input) => input === name);

const sources: Readonly<Record<string, Input>> = { ...inputIndexes, ...computedFrom };

const originOf = (name: string): Input | undefined => (isInput(name) ? name : sources[name]);

/** Holdings are called after their Vips with a word before it. */
const originKey = (table: Input, key: string): string => (table === 'vip' ? key.replace(/^vip\//, '') : key);

function keyOfRow(table: Input, row: unknown): string {
  if (table === 'nat') return natKey((row as NatRow).kind, (row as NatRow).meta.name);
  const { meta, name = '' } = row as { readonly meta?: Meta; readonly name?: string };
  return originKey(table, meta?.name ?? name);
}
