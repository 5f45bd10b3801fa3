// The evaluation against ovn-trace, on what a real ovn-northd made of the same rows: networks and connections at random,
// the first packet and its answer. KUBELOOM_SEED repeats a run.
import { describe, expect, it } from 'vitest';
import { installations, startOvn, type OvnCentral } from '../../ovn-central.ts';
import { operations } from '../../worlds/transaction.ts';
import { Comparison } from './comparison.ts';
import { Random, tuple, world } from './generate.ts';
import { Oracle, Untraceable } from './oracle.ts';
import type { Rows } from './rows.ts';

const seed = Number(process.env['KUBELOOM_SEED'] ?? 1);
const worlds = 20;
const tuplesPerWorld = 50;

const rootTables = [
  'Logical_Switch',
  'Logical_Router',
  'Port_Group',
  'Address_Set',
  'Load_Balancer',
  'Load_Balancer_Group',
];

/** Puts the rows in place of those of the world before, and waits for northd. */
async function enter(ovn: OvnCentral, { facts }: Rows): Promise<void> {
  await ovn.nb.transact(rootTables.map((table) => ({ op: 'delete', table, where: [] })));
  const drop = facts.some(({ row }) => row === 'NB_Global');
  const column = ['options', 'delete', ['set', ['default_acl_drop']]];
  const added = ['options', 'insert', ['map', [['default_acl_drop', 'true']]]];
  await ovn.nb.transact([
    { op: 'mutate', table: 'NB_Global', where: [], mutations: drop ? [column, added] : [column] },
    ...operations(facts.filter(({ row }) => row !== 'NB_Global')),
  ]);
  await ovn.settled();
}

// Tiers of ACLs came with OVN 23.06.
const tiered = installations().filter(({ root }) => root !== '');

describe.skipIf(tiered.length === 0)('the evaluation', () => {
  it('says of 1,000 connections what ovn-trace says', { timeout: 240_000 }, async () => {
    const [installation] = tiered;
    if (installation === undefined) throw new Error('no installation');
    console.log(`seed of the networks: ${seed}`);
    const ovn = await startOvn(installation);
    try {
      const counts = new Map<string, number>();
      for (let number = 0; number < worlds; number++) {
        const random = new Random(seed + number);
        const made = world(random);
        await enter(ovn, made.rows);
        const oracle = await Oracle.start(ovn);
        const comparison = new Comparison(oracle, made);
        for (let at = 0; at < tuplesPerWorld; at++) {
          const asked = tuple(random, made);
          const compared = await comparison.connection(asked).catch((error: unknown) => {
            if (error instanceof Untraceable) return 'none';
            throw new Error(`KUBELOOM_SEED=${seed}, network ${number}, ${JSON.stringify(asked)}`, { cause: error });
          });
          counts.set(compared, (counts.get(compared) ?? 0) + 1);
        }
        await oracle.stop();
      }
      console.log(Object.fromEntries(counts));
      expect([...counts.values()].reduce((a, b) => a + b, 0)).toBe(worlds * tuplesPerWorld);
      expect(counts.get('both')).toBeGreaterThan((worlds * tuplesPerWorld) / 2);
    } finally {
      await ovn.stop();
    }
  });
});
