// `npm run bench -- nb [case ...]`: from events in memory to rows in the databases, the control plane in process.
import type { Figure } from './compare.ts';
import { single } from './nb/latency.ts';
import { memory, restart } from './nb/restart.ts';
import { southbound } from './nb/southbound.ts';
import { burst, raft } from './nb/throughput.ts';

type Note = (text: string) => void;

/** Cases by name; those of 100,000 pods take minutes, and run only when they are named. */
const cases: Readonly<Record<string, (note: Note) => Promise<Figure[]>>> = {
  g1: burst,
  g3: single,
  g6: restart(10_000),
  memory: memory(10_000, 250),
  raft,
  g2: southbound,
  'g6-large': restart(100_000),
  'memory-large': memory(100_000, 1200),
};

const large = (name: string): boolean => name.endsWith('-large');

/** Names by which one may ask for less than everything. */
export const nbCases: readonly string[] = Object.keys(cases);

export async function nbFigures(note: Note, named: readonly string[] = []): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const [name, run] of Object.entries(cases)) {
    if (named.length === 0 ? large(name) : !named.includes(name)) continue;
    note(`nb: ${name}`);
    figures.push(...(await run(note)));
  }
  return figures;
}
