import { describe, expect, it } from 'vitest';
import { Leader, type Task } from '../../operator/leader.ts';
import { FakeClock, memoryLog, settled } from './kube/fake.ts';

/** A part whose stop ends when told. */
function slowPart(name: string, events: string[]) {
  const ends: (() => void)[] = [];
  return {
    name,
    start: () => void events.push(`${name} on`),
    stop: (): Promise<void> => {
      events.push(`${name} off`);
      return new Promise((resolve) => ends.push(resolve));
    },
    ended: () => {
      for (const end of ends.splice(0)) end();
    },
  };
}

const rig = (tasks: readonly Task[] = []) => {
  const events: string[] = [];
  const clock = new FakeClock();
  const [one, two] = [slowPart('one', events), slowPart('two', events)];
  const leader = new Leader({ clock, log: memoryLog(), parts: [one, two], tasks });
  const ended = async (): Promise<void> => {
    for (let round = 0; round < 4; round += 1) {
      one.ended();
      two.ended();
      await settled();
    }
  };
  return { events, clock, leader, ended };
};

describe('Leader', () => {
  it('stops everything at once, whatever takes long to end', async () => {
    let unblock: () => void = () => undefined;
    const slow = { name: 'slow', run: () => new Promise<void>((resolve) => (unblock = resolve)) };
    const { events, leader, ended } = rig([slow]);
    leader.elected();
    await settled();
    expect([leader.leading, events]).toEqual([true, ['one on', 'two on']]);
    const deposed = leader.deposed();
    expect([leader.leading, events.slice(2)]).toEqual([false, ['two off', 'one off']]);
    unblock();
    await ended();
    await deposed;
  });

  it('begins again only when everything of the term before has ended', async () => {
    const { events, leader, ended } = rig();
    leader.elected();
    await settled();
    void leader.deposed();
    leader.elected();
    await settled();
    expect(events.filter((event) => event === 'one on')).toHaveLength(1);
    await ended();
    expect(events.filter((event) => event === 'one on')).toHaveLength(2);
    expect(leader.leading).toBe(true);
  });

  it('does not begin a term that is over before its turn comes', async () => {
    const ran: string[] = [];
    const { events, leader, ended } = rig([{ name: 'task', run: async () => void ran.push('task') }]);
    leader.elected();
    await settled();
    void leader.deposed();
    leader.elected();
    const last = leader.deposed();
    for (let round = 0; round < 3; round += 1) await ended();
    await last;
    expect(events.filter((event) => event.endsWith('on'))).toEqual(['one on', 'two on']);
    expect([leader.leading, ran]).toEqual([false, ['task']]);
  });

  it('repeats a task after its period for as long as it leads', async () => {
    const ran: number[] = [];
    const clockOf: { clock?: FakeClock } = {};
    const task = { name: 'task', everyMs: 1000, run: async () => void ran.push(clockOf.clock?.now() ?? 0) };
    const { clock, leader, ended } = rig([task]);
    clockOf.clock = clock;
    leader.elected();
    for (let n = 0; n < 35; n += 1) await clock.advance(100);
    expect(ran).toHaveLength(4);
    const deposed = leader.deposed();
    await ended();
    await deposed;
    await clock.advance(10_000);
    expect([ran.length, clock.waiting]).toEqual([4, 0]);
  });
});
