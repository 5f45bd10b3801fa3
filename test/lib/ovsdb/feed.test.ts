// Whenever a consumer takes what is there, it gets from the state that it had to the state that is, row by row.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { applyDifference } from '../../../lib/ovsdb/difference.ts';
import { ChangeFeed } from '../../../lib/ovsdb/feed.ts';
import { parseSchema } from '../../../lib/ovsdb/schema.ts';
import type { Row, RowChange } from '../../../lib/ovsdb/types.ts';

const { columns } = parseSchema({
  name: 'D',
  tables: { t: { columns: { n: { type: 'integer' }, s: { type: { key: 'integer', min: 0, max: 'unlimited' } } } } },
}).tables.get('t')!;

const row = fc.record({ n: fc.nat(2), s: fc.uniqueArray(fc.nat(3)).map((atoms) => new Set(atoms)) });
/** A row that becomes another one, or goes; or the consumer takes. */
const step = fc.oneof(
  fc.record({ uuid: fc.constantFrom('a', 'b', 'c'), row: fc.option(row, { nil: undefined }) }),
  fc.constant('take' as const),
);

function change(rows: Map<string, Row>, uuid: string, next: Row | undefined): RowChange | undefined {
  const old = rows.get(uuid);
  if (next === undefined) rows.delete(uuid);
  else rows.set(uuid, next);
  if (old === undefined && next === undefined) return undefined;
  // A difference that is not looked at unless the change comes alone.
  const both = old !== undefined && next !== undefined;
  return { table: 't', uuid, ...(old && { old }), ...(next && { new: next }), ...(both && { difference: next }) };
}

/** A consumer that applies what it takes, and checks that it can. */
class Consumer {
  readonly rows = new Map<string, Row>();
  readonly #feed: ChangeFeed;

  constructor(feed: ChangeFeed) {
    this.#feed = feed;
  }

  /** `merged` names the rows that have changed more than once since the last time. */
  take(merged: ReadonlySet<string>): void {
    for (const change of this.#feed.take()) {
      expect(this.rows.get(change.uuid)).toEqual(change.old);
      if (change.new === undefined) this.rows.delete(change.uuid);
      else this.rows.set(change.uuid, change.new);
      if (merged.has(change.uuid)) checkDifference(change);
    }
  }
}

function checkDifference({ old, new: next, difference }: RowChange): void {
  expect(difference !== undefined).toBe(old !== undefined && next !== undefined);
  for (const [name, value] of Object.entries(difference ?? {})) {
    expect(applyDifference(columns.get(name)!, old![name]!, value)).toEqual(next![name]);
  }
}

describe('a feed', () => {
  it('leads from what was taken to what is there, whatever happened between', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const feed = new ChangeFeed(() => columns);
        const consumer = new Consumer(feed);
        const rows = new Map<string, Row>();
        const [once, merged] = [new Set<string>(), new Set<string>()];
        for (const what of [...steps, 'take' as const]) {
          if (what === 'take') {
            consumer.take(merged);
            expect(consumer.rows).toEqual(rows);
            for (const set of [once, merged]) set.clear();
          } else {
            const changed = change(rows, what.uuid, what.row);
            if (changed === undefined) continue;
            (once.has(what.uuid) ? merged : once).add(what.uuid);
            feed.push([changed]);
          }
        }
      }),
    );
  });

  it('waits for a change, and ends when nothing is left', async () => {
    const feed = new ChangeFeed(() => columns);
    const waiting = feed.next();
    feed.push([{ table: 't', uuid: 'a', new: { n: 1 } }]);
    expect(await waiting).toHaveLength(1);
    feed.push([{ table: 't', uuid: 'a', old: { n: 1 } }]);
    feed.end();
    expect(await feed.next()).toEqual([{ table: 't', uuid: 'a', old: { n: 1 } }]);
    expect(await feed.next()).toBeUndefined();
  });

  it('tells nothing of what came and went', async () => {
    const feed = new ChangeFeed(() => columns);
    feed.push([{ table: 't', uuid: 'a', new: { n: 1 } }]);
    feed.push([{ table: 't', uuid: 'a', old: { n: 1 } }]);
    feed.push([{ table: 't', uuid: 'b', old: { n: 1 }, new: { n: 2 }, difference: { n: 2 } }]);
    feed.push([{ table: 't', uuid: 'b', old: { n: 2 }, new: { n: 1 }, difference: { n: 1 } }]);
    expect(feed.take()).toEqual([]);
    feed.end();
    expect(await feed.next()).toBeUndefined();
  });
});
