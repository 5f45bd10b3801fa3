// Whenever a consumer takes what is there, it gets from the state that it had to the state that is, row by row.
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { applyDifference, rowDifference } from '../../../lib/ovsdb/difference.ts';
import { ChangeFeed } from '../../../lib/ovsdb/feed.ts';
import { parseSchema } from '../../../lib/ovsdb/schema.ts';
import type { Row, RowChange } from '../../../lib/ovsdb/types.ts';

const { columns } = parseSchema({
  name: 'D',
  tables: { t: { columns: { n: { type: 'integer' }, s: { type: { key: 'integer', min: 0, max: 'unlimited' } } } } },
}).tables.get('t')!;

const row = fc.tuple(fc.nat(2), fc.uniqueArray(fc.nat(3))).map(([n, s]) => ({ n, s: new Set(s) }));
const written = fc.record({ uuid: fc.constantFrom('a', 'b'), row: fc.option(row, { nil: undefined, freq: 2 }) });
/** A row that becomes another one, or goes; or the consumer takes. */
const step = fc.oneof({ arbitrary: written, weight: 4 }, { arbitrary: fc.constant('take' as const), weight: 1 });
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

const same = (a: unknown, b: unknown): boolean => isDeepStrictEqual(a, b);

/** What a replica would tell. */
function change(rows: Map<string, Row>, uuid: string, next: Row | undefined): RowChange | undefined {
  const old = rows.get(uuid);
  if (next === undefined) rows.delete(uuid);
  else rows.set(uuid, next);
  const difference = old && next && rowDifference(columns, old, next);
  if (difference === undefined && (old === undefined) === (next === undefined)) return undefined;
  return { table: 't', uuid, ...(old && { old }), ...(next && { new: next }), ...(difference && { difference }) };
}

/** What is wrong with a change, for a consumer that has `rows`; afterwards it has the change too. */
function faults(rows: Map<string, Row>, { uuid, old, new: next, difference = {} }: RowChange): string[] {
  const wrong = same(rows.get(uuid), old) ? [] : [`the old row of ${uuid}`];
  if (next === undefined) rows.delete(uuid);
  else rows.set(uuid, next);
  if (old === undefined || next === undefined) return wrong;
  const applied = Object.entries(difference).map(([name, value]) => [
    name,
    applyDifference(columns.get(name)!, old[name]!, value),
  ]);
  return same({ ...old, ...Object.fromEntries(applied) }, next) ? wrong : [...wrong, `the difference of ${uuid}`];
}

/** Everything that went wrong. */
function run(steps: readonly Step[]): string[] {
  const feed = new ChangeFeed(() => columns);
  const [rows, taken] = [new Map<string, Row>(), new Map<string, Row>()];
  return [...steps, 'take' as const].flatMap((what) => {
    if (what !== 'take') {
      const changed = change(rows, what.uuid, what.row);
      if (changed !== undefined) feed.push([changed]);
      return [];
    }
    const wrong = feed.take().flatMap((changed) => faults(taken, changed));
    return same(taken, rows) ? wrong : [...wrong, 'the rows'];
  });
}

describe('a feed', () => {
  it('leads from what was taken to what is there, whatever happened between', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        expect(run(steps)).toEqual([]);
      }),
      { numRuns: 500 },
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
