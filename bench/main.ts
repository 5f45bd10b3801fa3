// `npm run bench -- [cni|ipam] [--json]`: figures as a table on standard output, or one JSON object per line; what goes on
// meanwhile is told on standard error. Exit status 1 when a goal is missed.
import { cniFigures } from './cni.ts';
import { lines, table } from './compare.ts';
import type { Figure } from './compare.ts';
import { ipamFigures } from './ipam.ts';

const USAGE = 'npm run bench -- [cni|ipam] [--json]     all of them when none is named';

type Note = (text: string) => void;

const suites: Readonly<Record<string, (note: Note) => Promise<Figure[]> | Figure[]>> = {
  ipam: ipamFigures,
  cni: cniFigures,
};

const note: Note = (text) => void process.stderr.write(`${text}\n`);

async function main(args: readonly string[]): Promise<number> {
  const json = args.includes('--json');
  const named = args.filter((arg) => arg !== '--json');
  if (named.some((name) => !(name in suites))) {
    note(USAGE);
    return 2;
  }
  const figures: Figure[] = [];
  for (const [name, suite] of Object.entries(suites)) {
    if (named.length > 0 && !named.includes(name)) continue;
    const some = await suite(note);
    figures.push(...some);
    console.log(json ? lines(some) : `${table(some)}\n`);
  }
  return figures.some(({ holds }) => holds === false) ? 1 : 0;
}

process.exitCode = await main(process.argv.slice(2));
