// What happens to a clustered database under load: compaction, another schema, a restart of all members, an older copy.
// No row lost or doubled but by the older copy, and no copy ever empty or partial on the way.
import { copyFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { eventually } from '../../../eventually.ts';
import type { OvsdbCluster } from '../../../ovsdb-server.ts';
import { outcomeOf, startScene } from './scene.ts';
import type { Outcome, Scene } from './scene.ts';

const GOAL = 3000;
const ends: (() => unknown)[] = [];

afterAll(async () => {
  for (const end of ends.toReversed()) await end();
});

async function scene(): Promise<Scene> {
  const at = await startScene();
  ends.push(at.end);
  return at;
}

async function all(
  cluster: OvsdbCluster,
  act: (member: OvsdbCluster['members'][number]) => Promise<unknown>,
): Promise<void> {
  await Promise.all(cluster.members.map(act));
}

/** Rows of the database after the load has ended, with both copies equal to it. */
async function remaining({ load, cluster }: Scene): Promise<readonly string[]> {
  await load.rows(50);
  return await load.quiesce(await cluster.leader());
}

function expectNothingLost({ load }: Scene, names: readonly string[]): void {
  expect(names).toEqual([...load.acknowledged].sort());
  expect(load.wrong).toEqual([]);
  expect([load.writer.losses, load.reader.losses]).toEqual([0, 0]);
}

const tell = (fault: string, { took }: Outcome): void =>
  console.log(`${fault}: new writes ${Math.round(took)} ms after a member named the leader`);

describe.concurrent('a clustered database under load', { timeout: 120_000 }, () => {
  it('is compacted by every member', async () => {
    const at = await scene();
    for (const member of at.cluster.members) await member.appctl('ovsdb-server/compact', member.database);
    // A leader that is about to compact gives the leadership away; members whose log begins anew can still resume a copy.
    const names = await remaining(at);
    expectNothingLost(at, names);
    expect(at.load.writer.synced.slice(1)).not.toContain(false);
    expect(at.load.reader.synced.slice(1)).not.toContain(false);
  });

  it('is converted to another schema under a live session', async () => {
    const at = await scene();
    const { database } = at.leader;
    const schema = JSON.parse(await at.leader.client('get-schema', at.leader.remote, database)) as {
      version: string;
      tables: Record<string, { columns: Record<string, unknown> }>;
    };
    schema.version = '99.0.0';
    schema.tables['Logical_Switch']!.columns['colour'] = { type: 'string' };
    const file = join(at.leader.directory, 'next.ovsschema');
    await writeFile(file, JSON.stringify(schema));
    const since = performance.now();
    await at.leader.client('convert', at.leader.remote, file);
    await at.load.written(performance.now());
    expect(performance.now() - since).toBeLessThan(10_000);
    const names = await remaining(at);
    expectNothingLost(at, names);
    expect([at.load.writer, at.load.reader].map(({ session }) => session.schema?.version)).toEqual([
      '99.0.0',
      '99.0.0',
    ]);
    await at.load.writer.session.transact([
      { op: 'insert', table: 'Logical_Switch', row: { name: 'new', colour: 'green' } },
    ]);
    expect(await at.leader.dump('Logical_Switch', ['name', 'colour'])).toContainEqual({ name: 'new', colour: 'green' });
  });

  it('loses all its members at once, and they come back', async () => {
    const at = await scene();
    const outcome = await outcomeOf(at, async () => {
      await all(at.cluster, async (member) => await member.kill());
      await all(at.cluster, async (member) => await member.start());
    });
    tell('all members restarted', outcome);
    expect(outcome.took).toBeLessThan(GOAL);
    expectNothingLost(at, await remaining(at));
  });

  it('is put back to an older copy, all members of it', async () => {
    const at = await scene();
    const { load, cluster } = at;
    await all(cluster, async (member) => await member.kill());
    const base = [...load.acknowledged];
    await all(cluster, async (member) => await copyFile(member.file, `${member.file}.old`));
    await all(cluster, async (member) => await member.start());
    await load.rows(200);
    const size = load.acknowledged.size;
    await eventually(() => load.reader.size >= size, { within: 20_000, what: 'the reader to have what will be lost' });
    expect([load.writer.losses, load.reader.losses]).toEqual([0, 0]);
    await all(cluster, async (member) => await member.kill());
    const before = new Set(load.acknowledged);
    await all(cluster, async (member) => await copyFile(`${member.file}.old`, member.file));

    const outcome = await outcomeOf(at, async () => await all(cluster, async (member) => await member.start()));
    tell('older copy', outcome);
    expect(outcome.took).toBeLessThan(GOAL);
    const names = await remaining(at);
    const later = [...load.acknowledged].filter((name) => !before.has(name));
    // What was written between the copy and its return is gone; rows that were under way when it was made may be in it.
    expect(names).toEqual(expect.arrayContaining([...base, ...later]));
    expect(names.length).toBeLessThan(load.acknowledged.size);
    expect(names.filter((name) => !load.acknowledged.has(name))).toEqual([]);
    expect(load.wrong).toEqual([]);
    // Both consumers saw one difference, in which rows went and others came.
    expect([load.writer.losses, load.reader.losses]).toEqual([1, 1]);
  });
});
