// The bench's helper on the node: runs in the namespaces and the control group of the agent, so that both sides have the same
// tools, files and share of the processor. Orders come on standard input, answers go to standard output.
import { createInterface } from 'node:readline';
import { Api } from './api.ts';
import type { Contestant, Job } from './contestant.ts';
import { Database } from './databases.ts';
import { metricsOf } from './metrics.ts';
import { Namespaces } from './namespaces.ts';
import { Product } from './product.ts';
import { programsStarted } from './programs.ts';
import type { Answer, Kind, Order, RoundResult, Setup, Side } from './protocol.ts';
import { Raw } from './raw.ts';

const OPEN_VSWITCH = 'unix:/run/openvswitch/db.sock';

/** Milliseconds of ADDs without their waits, how many there were, and how many programs they have started. */
interface Own {
  readonly ms: number;
  readonly adds: number;
  readonly processes: number;
}

interface Bed {
  readonly sides: Readonly<Record<Side, Contestant>>;
  readonly own: Readonly<Record<Side, () => Promise<Own>>>;
}

async function setUp(setup: Setup): Promise<Bed> {
  const nb = new Database(setup.northbound, 'OVN_Northbound', {
    NB_Global: ['nb_cfg', 'hv_cfg'],
    Logical_Router: ['name'],
    Logical_Switch: ['name'],
    Logical_Switch_Port: ['name'],
  });
  const vs = new Database(OPEN_VSWITCH, 'Open_vSwitch', {
    Open_vSwitch: ['external_ids'],
    Bridge: ['name'],
    Interface: ['name', 'external_ids'],
  });
  await Promise.all([nb.ready, vs.ready]);
  const [api, namespaces] = [new Api(setup.api), new Namespaces()];
  const product = new Product(setup, api, nb, namespaces);
  const raw = new Raw(setup, api, { nb, vs }, namespaces);
  await Promise.all([product.start(), raw.start()]);
  return {
    sides: { product, raw },
    own: {
      product: metricsOf,
      raw: () => Promise.resolve({ ...raw.own, processes: programsStarted() }),
    },
  };
}

async function inTurn(jobs: readonly Job[]): Promise<number[]> {
  const times: number[] = [];
  for (const job of jobs) {
    const started = performance.now();
    await job();
    times.push(performance.now() - started);
  }
  return times;
}

async function atOnce(jobs: readonly Job[]): Promise<number[]> {
  const started = performance.now();
  await Promise.all(jobs.map((job) => job()));
  return [performance.now() - started];
}

async function round({ sides, own }: Bed, side: Side, kind: Kind, count: number): Promise<RoundResult> {
  const contestant = sides[side];
  const assigned = kind === 'assigned' || kind === 'burst';
  const jobs = await (assigned ? contestant.assigned(count) : contestant.bound(count, kind === 'bound-api'));
  const before = await own[side]();
  const times = await (kind === 'burst' ? atOnce(jobs) : inTurn(jobs));
  const after = await own[side]();
  await contestant.clean();
  const adds = after.adds - before.adds;
  if (adds !== count) throw new Error(`${count} ADDs were asked for and ${adds} counted`);
  return { times, own: (after.ms - before.ms) / adds, processes: (after.processes - before.processes) / adds };
}

const say = (answer: Answer): void => void process.stdout.write(`${JSON.stringify(answer)}\n`);

let bed: Bed | undefined;

async function obey(order: Order): Promise<Answer> {
  if ('setup' in order) {
    bed = await setUp(order.setup);
    return { ready: true };
  }
  if (bed === undefined) throw new Error('not set up yet');
  return { result: await round(bed, order.side, order.round, order.count) };
}

for await (const line of createInterface({ input: process.stdin })) {
  try {
    say(await obey(JSON.parse(line) as Order));
  } catch (error) {
    say({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
}
process.exit(0);
