// A burst of pods through ovn-northd: until every port has its binding in the southbound database (G2). Nobody waits for
// nb_cfg: the bindings are counted by a monitor, the same on both sides.
import { installations, startOvn } from '../../test/ovn-central.ts';
import type { Installation, OvnCentral } from '../../test/ovn-central.ts';
import { contest, figure } from '../compare.ts';
import type { Figure } from '../compare.ts';
import { RawClient, writePods } from './raw.ts';
import { feed, prepare, rowsOf, startProduct, timed } from './rounds.ts';
import { podEvents, SHAPE } from './scene.ts';

const PODS = 10_000;
const PAIRS = 5;

type Tables = Readonly<
  Record<string, Readonly<Record<string, { readonly insert?: object; readonly initial?: object }>>>
>;

export interface Bindings {
  /** Resolves when there are so many more than at the beginning. */
  readonly until: (more: number) => Promise<void>;
  readonly close: () => void;
}

/** Counts rows of Port_Binding from now on. */
export async function bindings({ sb }: OvnCentral): Promise<Bindings> {
  let count = 0;
  let look = (): void => undefined;
  const take = (tables: Tables): void => {
    for (const row of Object.values(tables['Port_Binding'] ?? {})) if (row.insert ?? row.initial) count += 1;
    look();
  };
  const client = await RawClient.open(sb.remote, ([, tables]) => take(tables as Tables));
  const wanted = { Port_Binding: [{ columns: ['logical_port'], select: { modify: false } }] };
  take((await client.request('monitor_cond', ['OVN_Southbound', 'bindings', wanted])) as Tables);
  const before = count;
  const until = (more: number): Promise<void> => {
    const { promise, resolve } = Promise.withResolvers<void>();
    look = () => void (count >= before + more && resolve());
    look();
    return promise;
  };
  return { until, close: () => client.close() };
}

/** The OVN of the images when a cluster has been built here, else this machine's. */
export function installed(): Installation {
  const [installation] = installations().toReversed();
  if (installation === undefined) throw new Error('there is no OVN');
  return installation;
}

async function onOvn(round: (ovn: OvnCentral) => Promise<number>): Promise<number> {
  const ovn = await startOvn(installed());
  try {
    return await round(ovn);
  } finally {
    await ovn.stop();
  }
}

const product = (): Promise<number> =>
  onOvn(async (ovn) => {
    const events = podEvents(0, PODS, SHAPE);
    const started = await startProduct([ovn.nb.remote], SHAPE);
    await ovn.settled();
    const bound = await bindings(ovn);
    const ms = await timed(async () => {
      await feed(started, events);
      await bound.until(PODS);
    });
    bound.close();
    await started.stop();
    return ms;
  });

const raw = (): Promise<number> =>
  onOvn(async (ovn) => {
    const rows = rowsOf(0, PODS, SHAPE);
    await prepare([ovn.nb.remote], SHAPE);
    await ovn.settled();
    const bound = await bindings(ovn);
    const client = await RawClient.open(ovn.nb.remote);
    const ms = await timed(async () => {
      await writePods(client, rows, { batch: 100, inFlight: 4 });
      await bound.until(PODS);
    });
    bound.close();
    client.close();
    return ms;
  });

export async function southbound(note: (text: string) => void): Promise<Figure[]> {
  note(`nb: OVN ${installed().name}`);
  const pairs = await contest({
    pairs: PAIRS,
    product: async () => [await product()],
    raw: async () => [await raw()],
  });
  return [figure('G2 burst of 10,000 pods to SB', pairs, 50, { percentile: 50, ratio: 1.15 })];
}
