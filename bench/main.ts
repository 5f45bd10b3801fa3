// `npm run bench -- [cni|ipam|reflector|nb [case ...]] [--json]`: figures as a table on standard output, or one JSON object per line;
// what goes on meanwhile is told on standard error. Exit status 1 when a goal is missed.
import { apiFigures } from './api.ts';
import { cniCases, cniFigures } from './cni.ts';
import { lines, table } from './compare.ts';
import type { Figure } from './compare.ts';
import { datapathFigures } from './datapath.ts';
import { gatewayFigures } from './gateway.ts';
import { graphFigures } from './graph.ts';
import { ipamCases, ipamFigures } from './ipam.ts';
import { nbCases, nbFigures } from './nb.ts';
import { ovsdbCases, ovsdbFigures } from './ovsdb.ts';
import { policyCases, policyFigures } from './policy.ts';
import { reflectorFigures } from './reflector.ts';
import { serviceCases, serviceFigures } from './services.ts';
import { soakFigures } from './soak.ts';
import { topologyFigures } from './topology.ts';

const USAGE = `npm run bench -- [cni|ipam|graph|ovsdb|nb|policy|services|reflector|api|soak|topology|gateway|datapath] [case ...] [--json]     all but soak, topology, gateway and datapath when none is named
cases of cni: ${cniCases.join(' ')}
cases of ipam: ${ipamCases.join(' ')}
cases of nb: ${nbCases.join(' ')}
cases of ovsdb: ${ovsdbCases.join(' ')}
cases of policy: ${policyCases.join(' ')}
cases of services: ${serviceCases.join(' ')}
flags of gateway: --minutes=10 --interval=30 --subnets=250
flags of soak: --pods=10000 --minutes=30 --rate=20 --load=100 --api=real|simulated`;

type Note = (text: string) => void;

/** `cases`: those that were named; none means all. */
type Suite = (note: Note, cases: readonly string[]) => Promise<Figure[]> | Figure[];

const suites: Readonly<Record<string, Suite>> = {
  ipam: ipamFigures,
  graph: (told) => graphFigures(told),
  ovsdb: ovsdbFigures,
  cni: cniFigures,
  nb: nbFigures,
  policy: policyFigures,
  services: serviceFigures,
  reflector: reflectorFigures,
  api: (told) => apiFigures(told),
  soak: soakFigures,
  topology: (told) => topologyFigures(told),
  gateway: gatewayFigures,
  datapath: (told) => datapathFigures(told),
};

/** Half an hour, and some minutes: only when they are named. */
const onRequest = new Set(['soak', 'topology', 'gateway', 'datapath']);

/** Suites with flags of their own. */
const flagged = new Set(['soak', 'gateway']);

/** Names of parts of a suite, which may be asked for without the rest of it. */
const parts: Readonly<Record<string, readonly string[]>> = {
  cni: cniCases,
  ipam: ipamCases,
  nb: nbCases,
  ovsdb: ovsdbCases,
  policy: policyCases,
  services: serviceCases,
};

const note: Note = (text) => void process.stderr.write(`${text}\n`);

async function main(args: readonly string[]): Promise<number> {
  const json = args.includes('--json');
  const words = args.filter((arg) => arg !== '--json');
  const named = words.filter((word) => word in suites);
  const known = new Set(named.flatMap((name) => parts[name] ?? []));
  const flags = named.some((name) => flagged.has(name)) ? words.filter((word) => word.startsWith('--')) : [];
  if (words.some((word) => !(word in suites) && !known.has(word) && !flags.includes(word))) {
    note(USAGE);
    return 2;
  }
  const figures: Figure[] = [];
  for (const [name, suite] of Object.entries(suites)) {
    if (named.length > 0 ? !named.includes(name) : onRequest.has(name)) continue;
    const some = await suite(note, flagged.has(name) ? flags : words.filter((word) => parts[name]?.includes(word)));
    figures.push(...some);
    console.log(json ? lines(some) : `${table(some)}\n`);
  }
  return figures.some(({ holds }) => holds === false) ? 1 : 0;
}

process.exitCode = await main(process.argv.slice(2));
