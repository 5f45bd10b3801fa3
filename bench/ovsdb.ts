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

export async function ovsdbFigures(note: Note): Promise<Figure[]> {
  const figures = await on(100, 0, (server, parents) => transactions(server, parents, note));
  note('ovsdb: a switch of 100 ports');
  figures.push(await on(1, 100, (server, [parent = '']) => notifications({ server, parent, ports: 100 })));
  note('ovsdb: a switch of 10,000 ports');
  figures.push(await on(1, 10_000, (server, [parent = '']) => notifications({ server, parent, ports: 10_000 })));
  note('ovsdb: first copies');
  figures.push(await on(100, 100, (server) => copies(server, { rows: 10_000, pairs: 11, goal: COPY })));
  figures.push(await on(100, 1000, (server) => copies(server, { rows: 100_000, pairs: 5, goal: COPY })));
  figures.push(...(await reconnects(note)));
  return figures;
}
