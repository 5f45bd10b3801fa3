// A leader in a process of its own, for tests that stop the process: `node leader.ts REMOTE`. Each line of its input is the
// name of a logical switch that it wants from then on; each line of its output says what it came to.
import { createInterface } from 'node:readline';
import { eventually } from '../../eventually.ts';
import { logicalSwitch, object } from './facts.ts';
import { bench } from './harness.ts';

const [remote = ''] = process.argv.slice(2);
const server = { remote, database: 'OVN_Northbound' };
const say = (line: string): void => void process.stdout.write(`${line}\n`);

const leader = await bench(server, {
  leaderOnly: false,
  fence: { table: 'NB_Global', column: 'external_ids', key: 'kubeloom-epoch' },
  onDeposed: () => say(`deposed after ${leader.differ.counters.refusals} refusals`),
});
say('ready');
for await (const name of createInterface({ input: process.stdin })) {
  const owner = object(name);
  void leader.want({ [name]: [logicalSwitch(owner, name)] });
  void eventually(() => leader.tracker.applied(owner)).then(
    () => say(`wrote ${name}`),
    () => undefined,
  );
}
process.exit(0);
