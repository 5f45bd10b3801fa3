// A connection of a cluster's leader that comes back: inside the last hundred transactions, and outside of them.
import { startCluster } from '../../test/ovsdb-server.ts';
import type { OvsdbServer } from '../../test/ovsdb-server.ts';
import { contest, figure, medianInterval } from '../compare.ts';
import type { Figure } from '../compare.ts';
import { RawClient } from '../nb/raw.ts';
import { product } from './product.ts';
import { fill, monitorParams, newPorts, wireInsert, wireMutate } from './scene.ts';

const PAIRS = 9;
/** G18, milliseconds. */
const LIMIT = 10;

async function change(server: OvsdbServer, parent: string, count: number): Promise<void> {
  const client = await RawClient.open(server.remote);
  for (const port of newPorts(count)) await client.transact([wireInsert(port), wireMutate(parent, 'insert', [port])]);
  client.close();
}

interface Missed {
  readonly gap: number;
  readonly continued: boolean;
  readonly limit?: number;
}

async function measured(leader: OvsdbServer, parent: string, { gap, continued, limit }: Missed): Promise<Figure> {
  const { session, next } = product(leader.remote, true);
  const first = next();
  session.start();
  await first;
  const ours = async (): Promise<number[]> => {
    session.setRemotes([]);
    await change(leader, parent, gap);
    const synced = next();
    const started = performance.now();
    session.setRemotes([leader.remote]);
    if ((await synced) !== continued) throw new Error(`continued: ${!continued}`);
    return [performance.now() - started];
  };
  const raw = async (): Promise<number[]> => {
    const [, since] = await copied(leader);
    await change(leader, parent, gap);
    const started = performance.now();
    const [found] = await copied(leader, since);
    if (found !== continued) throw new Error(`found: ${found}`);
    return [performance.now() - started];
  };
  await ours();
  await raw();
  const pairs = await contest({ pairs: PAIRS, product: ours, raw });
  await session.stop();
  const result = figure(`reconnect after ${gap} transactions`, pairs, 50);
  const least = medianInterval(pairs.flatMap((pair) => pair.product)).low;
  return {
    ...result,
    case: continued ? 'continued' : 'copied anew',
    ...(limit !== undefined && { limit, holds: least <= limit }),
  };
}

/** Whether the copy was continued, and the last transaction in it. */
async function copied(server: OvsdbServer, since?: string): Promise<[boolean, string]> {
  const client = await RawClient.open(server.remote);
  const [found, last] = (await client.request('monitor_cond_since', monitorParams(since))) as [boolean, string];
  client.close();
  return [found, last];
}

export async function reconnects(note: (text: string) => void): Promise<Figure[]> {
  note('ovsdb: reconnects to a cluster of three with 10,000 ports');
  const cluster = await startCluster({ electionTimer: 10_000 });
  try {
    const leader = await cluster.leader();
    const [parent = ''] = await fill(leader, 100, 100);
    return [
      await measured(leader, parent, { gap: 50, continued: true, limit: LIMIT }),
      await measured(leader, parent, { gap: 150, continued: false }),
    ];
  } finally {
    await cluster.stop();
  }
}
