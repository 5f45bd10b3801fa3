// What a client pays for being told of a change: processor time per update while another process adds and removes ports.
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { OvsdbServer } from '../../test/ovsdb-server.ts';
import { contest, figure, medianInterval } from '../compare.ts';
import type { Figure } from '../compare.ts';
import { RawClient } from '../nb/raw.ts';
import { product } from './product.ts';
import { monitorParams } from './scene.ts';
import type { Work } from './writer.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const COUNT = 1000;
const PAIRS = 5;
/** G18, microseconds per notification. */
const LIMIT = 50;

export interface Place {
  readonly server: OvsdbServer;
  readonly parent: string;
  /** Ports that the switch has. */
  readonly ports: number;
}

/**
 * Runs `work` in the writer; gives microseconds of our own processor time per change. `settled` resolves when all that was
 * written before has been heard of.
 */
async function cost(work: Work, settled: () => Promise<unknown>): Promise<number> {
  const child = fork(join(import.meta.dirname, 'writer.ts'));
  try {
    await once(child, 'spawn');
    // What the first copy left behind is not the price of an update.
    collect();
    const before = process.cpuUsage();
    child.send(work);
    await Promise.race([once(child, 'message'), ended(child)]);
    await settled();
    const { user, system } = process.cpuUsage(before);
    return (user + system) / (2 * work.count);
  } finally {
    child.kill();
  }
}

const object = (value: unknown): object => (typeof value === 'object' && value !== null ? value : {});

async function ended(child: ChildProcess): Promise<void> {
  await once(child, 'exit');
  throw new Error('the writer has ended');
}

/** Updates of others come before the reply to a transaction of one's own. */
const nothing = { op: 'comment', comment: 'settled' } as const;

export async function notifications({ server, parent, ports }: Place): Promise<Figure> {
  const work: Work = { remote: server.remote, parent, count: COUNT };
  const ours = async (): Promise<number[]> => {
    const { session, replica, next } = product(server.remote, true);
    const synced = next();
    session.start();
    await synced;
    const before = replica?.size('Logical_Switch_Port');
    const micros = await cost(work, () => session.transact([nothing]));
    if (replica?.size('Logical_Switch_Port') !== before) throw new Error('the copy has not followed');
    await session.stop();
    return [micros];
  };
  const raw = async (): Promise<number[]> => {
    let heard = 0;
    const client = await RawClient.open(
      server.remote,
      (params) => (heard += 'Logical_Switch_Port' in object(params.at(-1)) ? 1 : 0),
    );
    await client.request('monitor_cond_since', monitorParams());
    const micros = await cost(work, () => client.transact([nothing]));
    if (heard === 0) throw new Error('raw has heard nothing');
    client.close();
    return [micros];
  };
  await ours();
  await raw();
  const pairs = await contest({ pairs: PAIRS, product: ours, raw });
  const least = medianInterval(pairs.flatMap(({ product }) => product)).low;
  const name = `update of a switch with ${ports} ports`;
  return { ...figure(name, pairs, 50), case: 'CPU', unit: 'us', limit: LIMIT, holds: least <= LIMIT };
}
