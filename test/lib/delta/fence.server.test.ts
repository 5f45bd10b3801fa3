// The fence on a raft cluster: a leader that was paused between its lease check and its send has lost.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { OvsdbCluster, OvsdbServer } from '../../ovsdb-server.ts';
import { startCluster } from '../../ovsdb-server.ts';
import { eventually } from '../../eventually.ts';
import { addressSet, logicalSwitch, object } from './facts.ts';
import { bench, rows, wipe } from './harness.ts';
import type { Bench, BenchOptions } from './harness.ts';

const fence = { table: 'NB_Global', column: 'external_ids', key: 'kubeloom-epoch' };
const [first, second] = [object('first'), object('second')];
let cluster: OvsdbCluster;
let leader: OvsdbServer;
const benches: Bench[] = [];

beforeAll(async () => {
  cluster = await startCluster();
});
afterAll(async () => {
  await cluster.stop();
});
beforeEach(async () => {
  leader = await cluster.leader();
  await wipe(leader);
});
afterEach(async () => {
  await Promise.all(benches.splice(0).map((each) => each.stop()));
});

async function open(options: BenchOptions = {}): Promise<Bench> {
  const made = await bench(leader, { fence, remotes: cluster.remotes, ...options });
  benches.push(made);
  return made;
}

const epoch = async (): Promise<unknown> => {
  const [row] = await leader.dump('NB_Global', ['external_ids']);
  return (row?.['external_ids'] as Record<string, string> | undefined)?.['kubeloom-epoch'];
};

describe('the fence', () => {
  it('refuses what a paused leader had ready to send, and tells it so', async () => {
    const onDeposed = vi.fn<() => void>();
    const old = await open({ onDeposed });
    await old.want({ a: [logicalSwitch(first, 'a')] });
    expect(await epoch()).toBe('1');
    const wake = old.hold();
    old.tracker.replace('b', [logicalSwitch(first, 'b')]);
    old.differ.poke();
    const fresh = await open();
    await fresh.want({ a: [logicalSwitch(first, 'a')], c: [logicalSwitch(second, 'c')] });
    expect(await epoch()).toBe('2');
    wake();
    await eventually(() => onDeposed.mock.calls.length === 1);
    expect(await rows(leader, 'Logical_Switch', 'name')).toEqual([{ name: 'a' }, { name: 'c' }]);
    expect(old.differ.counters.refusals).toBe(1);
    await old.want({ b: [logicalSwitch(first, 'd')] });
    expect(await rows(leader, 'Logical_Switch', 'name')).toHaveLength(2);
  });

  it('lets one of two take the same number', async () => {
    const onDeposed = vi.fn<() => void>();
    const benches = [await open({ onDeposed }), await open({ onDeposed })];
    const wakes = benches.map((each) => each.hold());
    for (const [i, each] of benches.entries()) {
      each.tracker.replace('a', [addressSet(first, 'a'), addressSet(object(`${i}`), `${i}`)]);
      each.differ.enable();
    }
    expect(benches.map(({ sent }) => sent.length)).toEqual([1, 1]);
    for (const wake of wakes) wake();
    await eventually(() => benches.every(({ differ }) => !differ.inFlight));
    await eventually(() => onDeposed.mock.calls.length === 1);
    expect(await epoch()).toBe('1');
    expect(await rows(leader, 'Address_Set', 'name')).toHaveLength(2);
    expect(benches.flatMap(({ differ }) => [...differ.failing.keys()])).toEqual([]);
  });

  it('of a new leader notices a number that was taken since its leadership began', async () => {
    const onDeposed = vi.fn<() => void>();
    const idle = await open({ onDeposed });
    await idle.want({});
    const fresh = await open();
    await fresh.want({ a: [addressSet(first, 'a')] });
    await eventually(() => idle.differ.epoch === 1);
    await idle.want({ b: [addressSet(second, 'b')] });
    expect(onDeposed).toHaveBeenCalledOnce();
    expect(idle.sent).toEqual([]);
  });

  it('stands between two leaders on two members: the one whose process was stopped wakes up and writes nothing', async () => {
    const [one, two] = cluster.members as [OvsdbServer, OvsdbServer];
    const old = spawn(process.execPath, [join(import.meta.dirname, 'leader.ts'), one.remote]);
    const said: string[] = [];
    createInterface({ input: old.stdout }).on('line', (line) => said.push(line));
    try {
      await eventually(() => said.includes('ready'));
      old.stdin.write('before\n');
      await eventually(() => said.includes('wrote before'));
      expect(await epoch()).toBe('1');
      old.kill('SIGSTOP');
      // What it will find when it wakes up, before or after it reads of the new leader.
      old.stdin.write('after\n');
      const fresh = await open({ remotes: [two.remote], leaderOnly: false });
      await fresh.want({ n: [logicalSwitch(second, 'new')], b: [logicalSwitch(object('before'), 'before')] });
      await eventually(() => fresh.tracker.applied(second));
      expect(await epoch()).toBe('2');
      old.kill('SIGCONT');
      await eventually(() => said.some((line) => line.startsWith('deposed')));
      await fresh.want({ n: [logicalSwitch(second, 'new'), logicalSwitch(second, 'newer')] });
      expect(await rows(leader, 'Logical_Switch', 'name')).toEqual([
        { name: 'before' },
        { name: 'new' },
        { name: 'newer' },
      ]);
      expect(said).not.toContain('wrote after');
      expect(await epoch()).toBe('2');
    } finally {
      const exit = once(old, 'exit');
      old.kill('SIGKILL');
      await exit;
    }
  });

  it('holds over a change of the raft leader', async () => {
    const made = await open();
    await made.want({ a: [addressSet(first, 'a')] });
    await leader.kill();
    const rest = cluster.members.filter((member) => member !== leader);
    const next = await cluster.leader(rest);
    made.tracker.replace('b', [addressSet(second, 'b')]);
    made.differ.poke();
    await eventually(() => made.tracker.applied(second), { within: 20_000 });
    expect(await rows(next, 'Address_Set', 'name')).toHaveLength(2);
    await leader.start();
  });
});
