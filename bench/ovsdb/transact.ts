// The way out: inserts of ports with their mutate, by the typed client and by raw, one after the other and many at once.
import { typed } from '../../lib/ovsdb/index.ts';
import type { Operation } from '../../lib/ovsdb/index.ts';
import type { Tables } from '../../operator/nb/schema.gen.ts';
import type { OvsdbServer } from '../../test/ovsdb-server.ts';
import { contest, figure } from '../compare.ts';
import type { Figure } from '../compare.ts';
import { RawClient } from '../nb/raw.ts';
import { product } from './product.ts';
import { DATABASE, empty, newPorts, wireInsert, wireMutate } from './scene.ts';
import type { Port } from './scene.ts';

interface Case {
  readonly name: string;
  /** Ports of a transaction, transactions in flight at most, transactions of a round. */
  readonly batch: number;
  readonly inFlight: number;
  readonly rounds: number;
  /** How many times the time of raw it may take. */
  readonly goal: number;
}

const cases: readonly Case[] = [
  { name: 'one port per transaction, serial', batch: 1, inFlight: 1, rounds: 1500, goal: 1.3 },
  { name: 'one port per transaction, 64 in flight', batch: 1, inFlight: 64, rounds: 4000, goal: 1.3 },
  { name: '10 ports per transaction, 16 in flight', batch: 10, inFlight: 16, rounds: 500, goal: 1.3 },
  { name: '100 ports per transaction, 4 in flight', batch: 100, inFlight: 4, rounds: 50, goal: 1.3 },
];

const PAIRS = 5;
const nb = typed<Tables>();

const operations = (parent: string, ports: readonly Port[]): Operation[] => [
  ...ports.map(({ uuid, name, address, pairs }) =>
    nb.insert(
      'Logical_Switch_Port',
      { name, addresses: new Set([address]), port_security: new Set([address]), external_ids: new Map(pairs) },
      { uuid },
    ),
  ),
  nb.mutate('Logical_Switch', parent, ['ports', 'insert', new Set(ports.map(({ uuid }) => uuid))]),
];

/** Milliseconds per port. */
async function round(each: Case, send: (at: number) => Promise<unknown>): Promise<number[]> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < each.rounds) await send(next++);
  };
  const started = performance.now();
  await Promise.all(Array.from({ length: each.inFlight }, lane));
  return [(performance.now() - started) / (each.rounds * each.batch)];
}

async function measured(each: Case, server: OvsdbServer, parents: readonly string[]): Promise<Figure> {
  const { session, next } = product(server.remote, false);
  const ready = next();
  session.start();
  await ready;
  const client = await RawClient.open(server.remote);
  const portsOf = (): Port[][] => Array.from({ length: each.rounds }, () => newPorts(each.batch));
  const parent = (at: number): string => parents[at % parents.length] ?? '';
  const sides = {
    product: async () => {
      const ports = portsOf();
      const times = await round(each, (at) => session.transact(operations(parent(at), ports[at] ?? [])));
      await empty(server);
      return times;
    },
    raw: async () => {
      const ports = portsOf();
      const times = await round(each, (at) =>
        client.transact(
          [...(ports[at] ?? []).map(wireInsert), wireMutate(parent(at), 'insert', ports[at] ?? [])],
          DATABASE,
        ),
      );
      await empty(server);
      return times;
    },
  };
  // The first rounds are the compiler's.
  await sides.product();
  await sides.raw();
  const pairs = await contest({ pairs: PAIRS, ...sides });
  await session.stop();
  client.close();
  const { product: ours, raw, ...rest } = figure(each.name, pairs, 50, { percentile: 50, ratio: each.goal });
  return { ...rest, case: 'us/port', unit: 'us', product: ours * 1000, raw: raw * 1000 };
}

export async function transactions(
  server: OvsdbServer,
  parents: readonly string[],
  note: (text: string) => void,
): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const each of cases) {
    note(`ovsdb: ${each.name}`);
    figures.push(await measured(each, server, parents));
  }
  return figures;
}
