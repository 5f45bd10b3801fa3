// Random transactions while the connection is cut at random bytes, and now and then the server is restarted, after which no
// copy can be continued: what a consumer knows is the copy after every call, and in the end the copy is what the server has.
import { join } from 'node:path';
import { Transform } from 'node:stream';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Session } from '../../../../lib/ovsdb/index.ts';
import type { Operation, Replica, Row, RowChange } from '../../../../lib/ovsdb/index.ts';
import { eventually } from '../../../eventually.ts';
import { startServer } from '../../../ovsdb-server.ts';
import { Interposer } from '../interposer.ts';
import { plainRows } from '../live.ts';

const TABLES = { Thing: ['name', 'size', 'tags'] };

let server: Awaited<ReturnType<typeof startServer>>;
let interposer: Interposer;
/** Bytes that the next connection brings before it is cut. */
let allowed = Infinity;

beforeAll(async () => {
  server = await startServer({ schema: join(import.meta.dirname, 'thing.ovsschema') });
  const path = join(server.directory, 'interposed.sock');
  interposer = await Interposer.listen(path, server.remote.slice('unix:'.length), { answers: cutting });
});

afterAll(async () => {
  interposer.close();
  await server.dispose();
});

/** Fewer bytes than a beginning takes leave the next connection more, so that the session gets through in the end. */
function cutting(): Transform | undefined {
  if (allowed === Infinity) return undefined;
  let left = allowed;
  allowed += 400;
  return new Transform({
    transform(chunk: Buffer, _, done) {
      if (left < 0) return done();
      this.push(chunk.subarray(0, left));
      if (chunk.length > left) this.push(null);
      left -= chunk.length > left ? Infinity : chunk.length;
      done();
    },
  });
}

/** A consumer that knows only what it was told. */
class Consumer {
  readonly session: Session;
  readonly replica: Replica;
  readonly rows = new Map<string, Row>();
  readonly wrong: string[] = [];
  /** Calls of `changed` since the connection was lost, before `synced` told that the copy is right. */
  #resync = 0;
  #live = false;
  synced = 0;

  constructor(remote: string) {
    this.session = new Session({ remotes: [remote], database: 'Things', longestPause: 0 });
    this.replica = this.session.monitor(
      { tables: TABLES },
      {
        changed: (changes) => this.#changed(changes),
        synced: () => {
          [this.#resync, this.#live] = [0, true];
          this.synced += 1;
        },
        lost: () => (this.#live = false),
      },
    );
    this.session.start();
  }

  #changed(changes: readonly RowChange[]): void {
    if (!this.#live) this.#resync += 1;
    this.#expect(this.#resync < 2, 'a resync in more than one step');
    for (const change of changes) this.#fold(change);
    const copy = [...this.replica.rows('Thing')];
    const equal = copy.length === this.rows.size && copy.every(([uuid, row]) => this.rows.get(uuid) === row);
    this.#expect(equal, 'the copy is not the sum of what was told');
  }

  #fold({ uuid, old, new: row, difference }: RowChange): void {
    this.#expect(this.rows.get(uuid) === old, `${uuid}: not what it was`);
    this.#expect(old !== row, `${uuid}: a change of nothing`);
    const both = old !== undefined && row !== undefined;
    this.#expect(!both || Object.keys(difference ?? {}).length > 0, `${uuid}: a change without a difference`);
    if (row === undefined) this.rows.delete(uuid);
    else this.rows.set(uuid, row);
  }

  #expect(holds: boolean, otherwise: string): void {
    if (!holds) this.wrong.push(otherwise);
  }
}

const name = fc.constantFrom('a', 'b', 'c', 'd');
const tags = fc.uniqueArray(fc.constantFrom('x', 'y', 'z'), { maxLength: 3 }).map((list) => new Set(list));
const operation: fc.Arbitrary<Operation> = fc.oneof(
  fc.record({
    op: fc.constant('insert' as const),
    table: fc.constant('Thing'),
    row: fc.record({ name, size: fc.nat(9), tags }),
  }),
  fc.record({
    op: fc.constant('update' as const),
    table: fc.constant('Thing'),
    where: name.map((value) => [['name', '==', value] as const]),
    row: fc.record({ size: fc.nat(9), tags }, { requiredKeys: [] }),
  }),
  fc.record({
    op: fc.constant('mutate' as const),
    table: fc.constant('Thing'),
    where: name.map((value) => [['name', '==', value] as const]),
    mutations: fc
      .tuple(fc.constantFrom('insert' as const, 'delete' as const), tags)
      .map(([mutator, set]) => [['tags', mutator, set] as const]),
  }),
  fc.record({
    op: fc.constant('delete' as const),
    table: fc.constant('Thing'),
    where: name.map((value) => [['name', '==', value] as const]),
  }),
);

type Step = { readonly run: readonly Operation[] } | { readonly cutAfter: number } | 'restart';
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.array(operation, { minLength: 1, maxLength: 4 }).map((run) => ({ run })) },
  { weight: 4, arbitrary: fc.nat(2500).map((cutAfter) => ({ cutAfter })) },
  { weight: 1, arbitrary: fc.constant('restart' as const) },
);

describe('a copy through random transactions and cuts', () => {
  it('is what the consumer was told after every call, and what the server has in the end', async () => {
    const runs = fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 40 }), async (steps) => {
      allowed = Infinity;
      const writer = new Session({ remotes: [server.remote], database: 'Things', longestPause: 0 });
      writer.start();
      const reader = new Consumer(interposer.remote);
      const ready = async (session: Session): Promise<unknown> =>
        await eventually(() => session.state === 'ready', { every: 1 });
      try {
        for (const next of steps) {
          await ready(writer);
          if (next === 'restart') {
            await server.kill();
            await server.start();
          } else if ('cutAfter' in next) {
            allowed = next.cutAfter;
            interposer.cut();
          } else await writer.transact(next.run);
        }
        allowed = Infinity;
        const before = reader.synced;
        interposer.cut();
        await eventually(() => reader.synced > before && reader.session.state === 'ready', { every: 1 });
        expect(reader.wrong).toEqual([]);
        const rows = plainRows(reader.replica, 'Thing');
        expect(rows).toEqual(await server.dump('Thing', ['_uuid', ...TABLES.Thing]));
      } finally {
        await reader.session.stop();
        await writer.stop();
      }
    });
    await fc.assert(runs, { numRuns: 60 });
  });
});
