// A start with nothing to change (G6), and the memory that it takes (G16). Each round is a process of its own
// (restart-side.ts), since a restart finds nothing compiled and nothing warm, whoever starts.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { contest, figure } from '../compare.ts';
import { containerEnvironment, containerFlags } from '../container-flags.ts';
import type { Figure } from '../compare.ts';
import { RawClient, writePods } from './raw.ts';
import { onServer, prepare, rowsOf } from './rounds.ts';
import { SHAPE } from './scene.ts';
import type { Shape } from './scene.ts';
import { counted } from './throughput.ts';

/** What a process says at its end. */
export interface Restart {
  readonly ms: number;
  readonly transactions: number;
  /** MB. */
  readonly rss: number;
  readonly heap: number;
}

const PAIRS = 5;
const run = promisify(execFile);
const program = new URL('restart-side.ts', import.meta.url).pathname;
const flags = ['--expose-gc', '--max-old-space-size=4096'];

/** One side of a round, started on a database that has the rows. */
type Start = (name: 'product' | 'raw' | 'memory') => Promise<Restart>;

async function withPods<T>(pods: number, shape: Shape, work: (side: Start) => Promise<T>): Promise<T> {
  return await onServer(async ({ remote }) => {
    await prepare([remote], shape);
    const client = await RawClient.open(remote);
    await writePods(client, rowsOf(0, pods, shape), { batch: 100, inFlight: 4 });
    client.close();
    return await work(async (name) => {
      // The product runs with the flags and the environment of its container, which trade time for memory.
      const [own, environment] = name === 'raw' ? [[], {}] : [await containerFlags(), await containerEnvironment()];
      const args = [...flags, ...own, program, name, remote, String(pods), JSON.stringify(shape)];
      const { stdout } = await run(process.execPath, args, { env: { ...process.env, ...environment } });
      return JSON.parse(stdout) as Restart;
    });
  });
}

const thousands = (pods: number): string => pods.toLocaleString('en');

export function restart(pods: number): () => Promise<Figure[]> {
  return () =>
    withPods(pods, SHAPE, async (side) => {
      let written = 0;
      const pairs = await contest({
        pairs: PAIRS,
        product: async () => {
          const { ms, transactions } = await side('product');
          written = Math.max(written, transactions);
          return [ms];
        },
        raw: async () => [(await side('raw')).ms],
      });
      const name = `G6 restart at ${thousands(pods)} pods`;
      const writes = counted(`${name}, transactions`, 'in all', { product: written, raw: 1, limit: 0 });
      return [figure(name, pairs, 50, { percentile: 50, ratio: 2 }), writes];
    });
}

/** RSS after the start, when the garbage of it is gone; the raw side holds the expected rows and the ones it has read. */
export function memory(pods: number, limit: number, shape: Shape = SHAPE): () => Promise<Figure[]> {
  return () =>
    withPods(pods, shape, async (side) => {
      const product = await side('memory');
      const raw = await side('raw');
      const name = `G16 memory at ${thousands(pods)} pods`;
      return [
        counted(`${name}, RSS`, 'MB', { product: product.rss, raw: raw.rss, limit }),
        counted(`${name}, heap`, 'MB', { product: product.heap, raw: raw.heap, limit }),
      ];
    });
}
