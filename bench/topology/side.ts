// The product, or the raw client, on an OVN of its own: the whole topology at once, then one event after the other. A time
// ends when northd says that the southbound database has all that was in the northbound one (nb_cfg came back as sb_cfg).
import { readFile } from 'node:fs/promises';
import { startOvn } from '../../test/ovn-central.ts';
import type { OvnCentral } from '../../test/ovn-central.ts';
import { Product } from '../nb/product.ts';
import { RawClient, writePods } from '../nb/raw.ts';
import { feed, rowsOf, timed } from '../nb/rounds.ts';
import { enterBase, podEvents } from '../nb/scene.ts';
import type { Shape } from '../nb/scene.ts';
import { bindings, installed } from '../nb/southbound.ts';
import { RowReader } from './rows.ts';
import type { Rows } from './rows.ts';
import type { Script, Step } from './script.ts';

/** MB. */
export interface Memory {
  readonly northd: number;
  readonly northbound: number;
  readonly southbound: number;
}

export interface Side {
  /** Of the whole topology, ms. */
  readonly ms: number;
  readonly memory: Memory;
  /** One event, ms. */
  readonly take: (step: Step) => Promise<number>;
  readonly rows: () => Promise<Rows>;
  readonly stop: () => Promise<void>;
}

export interface Topology {
  readonly shape: Shape;
  readonly pods: number;
  readonly script: Script;
}

/** Asks northd, and hears when it is done. */
class Southbound {
  readonly #client: RawClient;
  #asked: number;
  #done = 0;
  #look = (): void => undefined;

  private constructor(client: RawClient, asked: number) {
    this.#client = client;
    this.#asked = asked;
  }

  static async open({ nb }: OvnCentral): Promise<Southbound> {
    const heard: ((value: number) => void)[] = [];
    const client = await RawClient.open(nb.remote, ([, tables]) => {
      for (const value of sbCfg(tables)) for (const each of heard) each(value);
    });
    const [result] = (await client.transact([
      { op: 'select', table: 'NB_Global', where: [], columns: ['nb_cfg'] },
    ])) as {
      rows: { nb_cfg: number }[];
    }[];
    const southbound = new Southbound(client, result?.rows[0]?.nb_cfg ?? 0);
    heard.push((value) => southbound.#hear(value));
    await client.request('monitor_cond', ['OVN_Northbound', 'done', { NB_Global: [{ columns: ['sb_cfg'] }] }]);
    return southbound;
  }

  /** Resolves when all that is committed now is in the southbound database. */
  async settled(): Promise<void> {
    this.#asked += 1;
    const asked = this.#asked;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#look = () => void (this.#done >= asked && resolve());
    await this.#client.transact([{ op: 'update', table: 'NB_Global', where: [], row: { nb_cfg: asked } }]);
    this.#look();
    await promise;
  }

  close(): void {
    this.#client.close();
  }

  #hear(value: number): void {
    this.#done = Math.max(this.#done, value);
    this.#look();
  }
}

/** In an update of `monitor_cond`. */
function sbCfg(tables: unknown): number[] {
  const rows = (tables as { NB_Global?: Record<string, { modify?: { sb_cfg?: number } }> }).NB_Global ?? {};
  return Object.values(rows).flatMap(({ modify }) => modify?.sb_cfg ?? []);
}

async function residentOf(pid: number | undefined): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024;
}

const memoryOf = async ({ nb, sb, northdPid }: OvnCentral): Promise<Memory> => ({
  northd: await residentOf(northdPid),
  northbound: await residentOf(nb.pid),
  southbound: await residentOf(sb.pid),
});

/** How one of the two writes: everything, and then event by event. Each resolves when the last transaction is answered. */
interface Writer {
  readonly all: () => Promise<void>;
  readonly one: (step: Step) => Promise<void>;
  readonly close: () => Promise<void> | void;
}

async function side(pods: number, writerOn: (remote: string) => Promise<Writer>): Promise<Side> {
  const ovn = await startOvn(installed());
  await ovn.settled();
  const writer = await writerOn(ovn.nb.remote);
  const southbound = await Southbound.open(ovn);
  const bound = await bindings(ovn);
  const ms = await timed(async () => {
    await writer.all();
    await bound.until(pods);
    await southbound.settled();
  });
  bound.close();
  const take = (step: Step): Promise<number> =>
    timed(async () => {
      await writer.one(step);
      await southbound.settled();
    });
  const rows = async (): Promise<Rows> => {
    const client = await RawClient.open(ovn.nb.remote);
    try {
      return await (await RowReader.open(client)).read();
    } finally {
      client.close();
    }
  };
  const stop = async (): Promise<void> => {
    southbound.close();
    await writer.close();
    await ovn.stop();
  };
  return { ms, memory: await memoryOf(ovn), take, rows, stop };
}

/** Connected, and with nothing to do. */
export async function productSide({ shape, pods }: Topology): Promise<Side> {
  const events = podEvents(0, pods, shape);
  return await side(pods, async (remote) => {
    const product = new Product([remote]);
    await product.start(() => undefined);
    const { graph, world } = product;
    return {
      all: async () => {
        graph.enter(() => enterBase(world, shape));
        await feed(product, events);
        await product.committed();
      },
      one: async ({ enter }) => {
        graph.enter(() => enter(world));
        await product.committed();
      },
      close: () => product.stop(),
    };
  });
}

/** The rows without pods in one transaction, then 100 pods per transaction. */
export async function rawSide({ shape, pods, script }: Topology): Promise<Side> {
  const rows = rowsOf(0, pods, shape);
  return await side(pods, async (remote) => {
    const client = await RawClient.open(remote);
    return {
      all: async () => {
        await client.transact(script.base);
        await writePods(client, rows, { batch: 100, inFlight: 4 });
      },
      one: async ({ operations }) => void (await client.transact(operations)),
      close: () => client.close(),
    };
  });
}
