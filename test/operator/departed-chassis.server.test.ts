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
async function chassis(name: string, hostname: string, config: Readonly<Record<string, string>> = {}): Promise<void> {
  const encap = { type: 'geneve', ip: `192.0.2.${name.length}`, chassis_name: name };
  const row = { name, hostname, encaps: ['named-uuid', 'encap'], other_config: ['map', Object.entries(config)] };
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

it('are removed with their tunnels, and those of others stay', async () => {
  await chassis('a', 'n1');
  await chassis('bb', 'n2');
  await chassis('ccc', 'elsewhere', { 'is-remote': 'true' });
  departed.start();
  await chassis('dddd', 'unheard');
  known.delete('n2');
  gone.add('n2');
  refusals = 1;
  departed.look();
  await eventually(async () => !(await names('Chassis')).includes('bb'), { within: 20_000 });
  expect(await names('Chassis')).toEqual(['a', 'ccc', 'dddd']);
  expect(await names('Chassis_Private')).toEqual(['a', 'ccc', 'dddd']);
  expect(await sb.dump('Encap', ['chassis_name'])).toHaveLength(3);
});

it('are not when the API server still has the node, of which nothing was heard yet', async () => {
  known.delete('unheard');
  departed.look();
  // One that comes later is asked for later, and is gone.
  await chassis('eeeee', 'late');
  await eventually(async () => !(await names('Chassis')).includes('eeeee'), { within: 20_000 });
  expect(await names('Chassis')).toEqual(['a', 'ccc', 'dddd']);
});
