// `npm run bench -- ovsdb`: the OVSDB client beside a socket with JSON.stringify and JSON.parse, on real servers.
import { startServer } from '../test/ovsdb-server.ts';
import type { OvsdbServer } from '../test/ovsdb-server.ts';
import type { Figure } from './compare.ts';
import { copies } from './ovsdb/dump.ts';
import { notifications } from './ovsdb/notify.ts';
import { reconnects } from './ovsdb/reconnect.ts';
import { fill } from './ovsdb/scene.ts';
import { transactions } from './ovsdb/transact.ts';

type Note = (text: string) => void;

async function on<T>(
  switches: number,
  each: number,
  run: (server: OvsdbServer, parents: string[]) => Promise<T>,
): Promise<T> {
  const server = await startServer();
  try {
    return await run(server, await fill(server, switches, each));
  } finally {
    await server.dispose();
  }
}

/** G18 of the performance goals: a first copy takes at most this many times the server and JSON.parse. */
const COPY = 1.3;

const write = async (note: Note): Promise<Figure[]> =>
  await on(100, 0, (server, parents) => transactions(server, parents, note));

async function notify(note: Note): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const ports of [100, 10_000]) {
    note(`ovsdb: a switch of ${ports} ports`);
    figures.push(await on(1, ports, (server, [parent = '']) => notifications({ server, parent, ports })));
  }
  return figures;
}

async function copy(note: Note): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const [rows, pairs] of [
    [10_000, 11],
    [100_000, 5],
  ] as const) {
    note(`ovsdb: first copy of ${rows} ports`);
    figures.push(await on(100, rows / 100, (server) => copies(server, { rows, pairs, goal: COPY })));
  }
  return figures;
}

const cases: Readonly<Record<string, (note: Note) => Promise<Figure[]>>> = {
  write,
  notify,
  copy,
  reconnect: reconnects,
};

/** Names by which one may ask for less than everything. */
export const ovsdbCases: readonly string[] = Object.keys(cases);

export async function ovsdbFigures(note: Note, named: readonly string[] = []): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const [name, run] of Object.entries(cases)) {
    if (named.length === 0 || named.includes(name)) figures.push(...(await run(note)));
  }
  return figures;
}
