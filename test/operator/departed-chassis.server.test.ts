// Chassis of nodes that are gone, in a real southbound database.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { DepartedChassis } from '../../operator/departed-chassis.ts';
import { systemClock } from '../../operator/kube/clock.ts';
import { eventually } from '../eventually.ts';
import { startServer } from '../ovsdb-server.ts';
import { memoryLog } from './kube/fake.ts';

let sb: Awaited<ReturnType<typeof startServer>>;
const known = new Set(['n1', 'n2', 'unheard']);
const gone = new Set<string>(['late']);
let refusals = 0;
const departed = new DepartedChassis({
  clock: systemClock,
  log: memoryLog(),
  isNode: (name) => known.has(name),
  isGone: async (name) => {
    if (refusals-- > 0) throw new Error('the API server is away');
    return gone.has(name);
  },
});

/** As its ovn-controller enters it. */
async function chassis(name: string, hostname: string): Promise<void> {
  const encap = { type: 'geneve', ip: `192.0.2.${name.length}`, chassis_name: name };
  const row = { name, hostname, encaps: ['named-uuid', 'encap'] };
  await sb.transact([
    { op: 'insert', table: 'Encap', 'uuid-name': 'encap', row: encap },
    { op: 'insert', table: 'Chassis', 'uuid-name': 'chassis', row },
    { op: 'insert', table: 'Chassis_Private', row: { name, chassis: ['named-uuid', 'chassis'] } },
  ]);
}

const names = async (table: string): Promise<string[]> =>
  (await sb.dump(table, ['name'])).map(({ name }) => String(name)).toSorted();

beforeAll(async () => {
  sb = await startServer({ schema: '/usr/share/ovn/ovn-sb.ovsschema' });
  departed.setRemotes([sb.remote]);
});
afterAll(async () => {
  await departed.stop();
  await sb.dispose();
});

/** Names of those that are known to be, or to have been, a node's. */
const marked = async (): Promise<string[]> =>
  (await sb.dump('Chassis', ['name', 'external_ids']))
    .filter(({ external_ids: ids }) => (ids as { vendor?: string }).vendor === 'kube-ovn')
    .map(({ name }) => String(name))
    .toSorted();

it('are removed with their tunnels, and those of others stay', async () => {
  await chassis('a', 'n1');
  await chassis('bb', 'n2');
  await chassis('ccc', 'elsewhere');
  departed.start();
  await chassis('dddd', 'unheard');
  await eventually(async () => (await marked()).length === 3);
  expect(await marked()).toEqual(['a', 'bb', 'dddd']);
  known.delete('n2');
  gone.add('n2').add('elsewhere');
  refusals = 1;
  departed.look();
  await eventually(async () => !(await names('Chassis')).includes('bb'), { within: 20_000 });
  expect(await names('Chassis')).toEqual(['a', 'ccc', 'dddd']);
  expect(await names('Chassis_Private')).toEqual(['a', 'ccc', 'dddd']);
  expect(await sb.dump('Encap', ['chassis_name'])).toHaveLength(3);
});

it('are not when the API server still has the node, of which nothing was heard yet', async () => {
  known.add('late');
  await chassis('eeeee', 'late');
  await eventually(async () => (await marked()).includes('eeeee'));
  known.delete('unheard');
  departed.look();
  // One that is asked for later is gone.
  known.delete('late');
  departed.look();
  await eventually(async () => !(await names('Chassis')).includes('eeeee'), { within: 20_000 });
  expect(await names('Chassis')).toEqual(['a', 'ccc', 'dddd']);
});
