// What the differ knows of one owner, one row, or everything: for people who ask why something did not happen.
import type { Differ } from './differ.ts';
import type { Owner, RowId } from './fact.ts';
import type { Item } from './item.ts';
import type { Tracker } from './tracker.ts';
import type { Value } from '../ovsdb/types.ts';

/** Plain JSON. Sets are arrays, maps are objects. */
export interface DeltaDump {
  readonly desired: readonly unknown[];
  readonly actual: readonly unknown[];
  readonly pending: readonly Item[];
  readonly parked: Readonly<Record<string, readonly RowId[]>>;
  readonly frozen: Readonly<Record<string, string>>;
  readonly failing: Readonly<Record<string, string>>;
  readonly conflicts: Readonly<Record<string, readonly Owner[]>>;
}

/** `key` is an owner, a row id or a row's UUID; without it everything is told, at the cost of everything. */
export function dump(tracker: Tracker, differ: Differ, key?: string): DeltaDump {
  const concerns = (...names: readonly (string | undefined)[]): boolean => key === undefined || names.includes(key);
  const { desired, actual, aliases, items } = tracker;
  const facts = [...desired.sources()].flatMap((source) =>
    [...desired.facts(source)].map((fact) => ({ source, fact })),
  );
  const rows = [...actual.rows()].map(([uuid, { table, row }]) => ({ uuid, id: aliases.derived(uuid), table, row }));
  const named = <V>(entries: Iterable<readonly [string, V]>): Record<string, V> =>
    Object.fromEntries([...entries].filter(([name]) => concerns(name)));
  return {
    desired: facts.filter(({ fact }) => concerns(fact.owner, fact.id)).map(plain),
    actual: rows.filter(({ uuid, id }) => concerns(uuid, id, actual.owner(uuid))).map(plain),
    pending: [...items.values()].filter((item) => concerns(item.row, ...item.owners)),
    parked: named([...differ.parked].map(([owner, ids]) => [owner, [...ids]] as const)),
    frozen: named(
      [...tracker.frozen.owners()].map((owner) => [owner, tracker.frozen.errorsOf(owner).join('; ')] as const),
    ),
    failing: named(differ.failing),
    conflicts: Object.fromEntries(
      [...tracker.conflicts].filter(([at, owners]) => concerns(at.split(' ')[0], ...owners)),
    ),
  };
}

function plain(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (_, part: Value | bigint | object) => {
      if (part instanceof Map) return Object.fromEntries(part) as unknown;
      if (part instanceof Set) return [...part] as unknown;
      return typeof part === 'bigint' ? part.toString() : part;
    }),
  );
}
