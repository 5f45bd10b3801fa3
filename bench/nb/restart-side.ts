// One side of one round of a restart, as a program: `product|raw|memory REMOTE PODS SHAPE`; prints what it took as JSON. For
// `memory` the objects are made one by one as they enter, so that the process holds what an operator would.
import { frugal } from '../../operator/memory.ts';
import { columns } from '../../operator/nb/columns.ts';
import { Product } from './product.ts';
import { RawClient, wireRow } from './raw.ts';
import type { Restart } from './restart.ts';
import { rowsOf, timed } from './rounds.ts';
import { enterBase, enterPod, podEvent, podEvents } from './scene.ts';
import type { Shape } from './scene.ts';

declare const gc: () => void;

const MB = 2 ** 20;

function told(ms: number, transactions: number): Restart {
  gc();
  gc();
  const { rss, heapUsed } = process.memoryUsage();
  return { ms, transactions, rss: Math.round(rss / MB), heap: Math.round(heapUsed / MB) };
}

interface Round {
  readonly remote: string;
  readonly pods: number;
  readonly shape: Shape;
}

async function product({ remote, pods, shape }: Round, lazily: boolean): Promise<Restart> {
  const events = lazily ? [] : podEvents(0, pods, shape);
  const started = new Product([remote]);
  const ms = await timed(() =>
    started.start((world) => {
      enterBase(world, shape);
      for (let at = 0; at < pods; at++) enterPod(world, events[at] ?? podEvent(at, shape));
    }),
  );
  frugal();
  const result = told(ms, started.transactions);
  await started.stop();
  return result;
}

type Row = Readonly<Record<string, unknown>>;
type Tables = Readonly<Record<string, Readonly<Record<string, { readonly initial: Row }>>>>;

/** OVSDB writes maps and sets in an order of its own, and leaves out what is empty. */
function same(wanted: unknown, found: unknown = ['set', []]): boolean {
  if (!Array.isArray(wanted) || !Array.isArray(found) || typeof wanted[1] === 'string') {
    return wanted === found || JSON.stringify(wanted) === JSON.stringify(found);
  }
  const [a, b] = [wanted[1], found[1]] as [unknown[], unknown[]];
  if (a.length !== b.length) return false;
  const texts = new Set(b.map((each) => JSON.stringify(each)));
  return a.every((each) => texts.has(JSON.stringify(each)));
}

async function raw({ remote, pods, shape }: Round): Promise<Restart> {
  const rows = rowsOf(0, pods, shape);
  const expected = new Map(rows.map(({ port }): [string, Row] => [port.id, wireRow(port.columns)]));
  let differing = 0;
  const ms = await timed(async () => {
    const client = await RawClient.open(remote);
    const schema = (await client.request('get_schema', ['OVN_Northbound'])) as {
      tables: Record<string, { columns: object }>;
    };
    const wanted = Object.entries(columns).map(([table, names]): [string, object] => {
      const known = names.filter((name) => name in (schema.tables[table]?.columns ?? {}));
      return [table, [{ columns: known }]];
    });
    const zero = '00000000-0000-0000-0000-000000000000';
    const request = ['OVN_Northbound', 'restart', Object.fromEntries(wanted), zero];
    const [, , tables] = (await client.request('monitor_cond_since', request)) as [boolean, string, Tables];
    const found = tables['Logical_Switch_Port'] ?? {};
    for (const [id, row] of expected) {
      const initial = found[id]?.initial ?? {};
      if (!Object.entries(row).every(([name, value]) => same(value, initial[name]))) differing += 1;
    }
    client.close();
  });
  if (differing > 0) throw new Error(`${differing} rows are not as expected`);
  return told(ms, 0);
}

const [name, remote = '', pods = '0', shape = '{}'] = process.argv.slice(2);
const round: Round = { remote, pods: Number(pods), shape: JSON.parse(shape) as Shape };
const result = name === 'raw' ? await raw(round) : await product(round, name === 'memory');
process.stdout.write(JSON.stringify(result));
