// Who fails on a real ovsdb-server is found, waits alone, and is told.
import { describe, expect, it } from 'vitest';
import type { RowFact } from '../../../lib/delta/fact.ts';
import { eventually } from '../../eventually.ts';
import { acl, logicalSwitch, member, object, port, portGroup } from './facts.ts';
import { clock, rows } from './harness.ts';
import { inGroup, lsp, other, pg, pod, scene, subnet, sw } from './scene.ts';

const b = scene();

describe('failure', () => {
  const bad = logicalSwitch(object('bad'), 'bad');
  const badPort = (name: string): RowFact =>
    port(object('bad'), name, bad, { columns: { tag: new Set([9999]), enabled: new Set([true]) } });

  it('of one owner holds up nobody else, and is tried again', async () => {
    const good = Array.from({ length: 30 }, (_, i) => object(`p${i}`));
    const facts = Object.fromEntries(good.map((owner, i) => [owner, [port(owner, `p${i}`, sw)]]));
    await b.want({ ...facts, bad: [bad, badPort('x')], s: [sw] });
    expect(await rows(b.server, 'Logical_Switch_Port', 'name')).toHaveLength(30);
    expect([...b.differ.failing.keys()]).toEqual([object('bad')]);
    expect(b.differ.problems(object('bad'))).toMatchObject([{ reason: 'Rejected' }]);
    expect(good.every((owner) => b.tracker.applied(owner))).toBe(true);
    await b.want({ bad: [bad] });
    expect(b.differ.failing.size).toBe(0);
    expect(b.tracker.applied(object('bad'))).toBe(true);
  });

  it('that shows at commit only is found by taking the batch apart', async () => {
    await b.server.transact([{ op: 'insert', table: 'Port_Group', row: { name: 'taken' } }]);
    const good = Array.from({ length: 30 }, (_, i) => object(`p${i}`));
    const facts = Object.fromEntries(good.map((owner, i) => [owner, [portGroup(owner, `g${i}`)]]));
    await b.want({ ...facts, bad: [portGroup(object('bad'), 'taken')] });
    await eventually(() => good.every((owner) => b.tracker.applied(owner)));
    expect([...b.differ.failing.keys()]).toEqual([object('bad')]);
    expect(await rows(b.server, 'Port_Group', 'name')).toHaveLength(31);
    // One guilty among 31 costs a search, not 31 transactions.
    expect(b.sent.length).toBeLessThan(14);
    await b.server.transact([{ op: 'delete', table: 'Port_Group', where: [['name', '==', 'taken']] }]);
    await eventually(() => b.tracker.applied(object('bad')));
    expect(b.differ.failing.size).toBe(0);
  });

  it('in the middle of rows that belong together is found, and separates none that can go', async () => {
    await b.want({ s: [sw, pg] });
    await b.server.transact([{ op: 'insert', table: 'Port_Group', row: { name: 'taken' } }]);
    // All of them are members of one new group, and the last one wants a name that is taken.
    const group = portGroup(object('g'), 'g');
    const good = Array.from({ length: 8 }, (_, i) => object(`p${i}`));
    const facts = good.map((owner, i) => {
      const made = port(owner, `p${i}`, sw);
      return [owner, [made, member(group, 'ports', made.id, owner)]] as const;
    });
    const last = port(object('bad'), 'bad', sw);
    const bad = [last, member(group, 'ports', last.id, object('bad')), portGroup(object('bad'), 'taken')];
    await b.want({ bad, ...Object.fromEntries(facts), g: [group] });
    await eventually(() => good.every((owner) => b.tracker.applied(owner)));
    expect([...b.differ.failing.keys()]).toEqual([object('bad')]);
    expect(
      (await rows(b.server, 'Port_Group', 'name', 'ports')).find(({ name }) => name === 'g')?.['ports'],
    ).toHaveLength(8);
    expect(await rows(b.server, 'Logical_Switch_Port', 'name')).toHaveLength(8);
  });

  it('backs off longer each time, and ends with its cause', async () => {
    const starts: number[] = [];
    await b.restart({ clock: { ...clock, after: (ms, fn) => (starts.push(ms), clock.after(Math.min(ms, 1), fn)) } });
    await b.server.transact([{ op: 'insert', table: 'Port_Group', row: { name: 'taken' } }]);
    await b.want({ bad: [portGroup(object('bad'), 'taken')] });
    await eventually(() => starts.length >= 9);
    // The lower half of the range, since the jitter of this test is 0.
    expect(starts.slice(0, 9)).toEqual([250, 500, 1000, 2000, 4000, 8000, 16000, 30000, 30000]);
    await b.server.transact([{ op: 'delete', table: 'Port_Group', where: [['name', '==', 'taken']] }]);
    await eventually(() => b.tracker.applied(object('bad')));
    expect(b.differ.problems(object('bad'))).toEqual([]);
  });

  it('begins with the shortest pause again for another wish, and counts for its owner alone', async () => {
    const starts: number[] = [];
    const after = (ms: number, fn: () => void): (() => void) => (starts.push(ms), clock.after(Math.min(ms, 1), fn));
    await b.restart({ random: () => 0.5, clock: { ...clock, after } });
    const taken = ['one', 'two', 'three'].map((name) => ({ op: 'insert', table: 'Port_Group', row: { name } }));
    await b.server.transact(taken);
    b.tracker.replace('bad', [portGroup(object('bad'), 'one')]);
    await b.want({});
    await eventually(() => starts.length >= 5);
    await b.server.transact([{ op: 'delete', table: 'Port_Group', where: [['name', '==', 'one']] }]);
    await eventually(() => b.tracker.applied(object('bad')));
    // Three quarters: the middle between a half and the whole.
    expect(starts.slice(0, 5)).toEqual([375, 750, 1500, 3000, 6000]);
    starts.length = 0;
    b.tracker.replace('bad', [portGroup(object('bad'), 'two')]);
    b.differ.poke();
    await eventually(() => starts.length >= 2);
    expect(starts.slice(0, 2)).toEqual([375, 750]);
    const before = starts.length;
    b.tracker.replace('worse', [portGroup(object('worse'), 'three')]);
    b.differ.poke();
    await eventually(() => starts.indexOf(375, before) >= before);
  });

  it('is not tried again before its pause is over, for those who need it neither', async () => {
    const over: (() => void)[] = [];
    await b.restart({ clock: { ...clock, after: (_, fn) => (over.push(fn), () => undefined) } });
    await b.server.transact([{ op: 'insert', table: 'Port_Group', row: { name: 'taken' } }]);
    const group = portGroup(object('bad'), 'taken');
    await b.want({ bad: [group] });
    // It could be written now.
    await b.server.transact([{ op: 'delete', table: 'Port_Group', where: [] }]);
    await b.want({ s: [sw], q: [acl(other, group, 'ip4')] });
    expect(await rows(b.server, 'Logical_Switch', 'name')).toEqual([{ name: 's' }]);
    expect(await rows(b.server, 'Port_Group', 'name')).toEqual([]);
    expect([...b.differ.parked.keys()]).toEqual([other]);
    expect(over).toHaveLength(1);
    over[0]?.();
    await b.idle();
    expect(await rows(b.server, 'Port_Group', 'name')).toEqual([{ name: 'taken' }]);
    expect(await rows(b.server, 'ACL', 'match')).toEqual([{ match: 'ip4' }]);
  });

  it('of an owner that others need parks them, and does not blame them', async () => {
    await b.server.transact([{ op: 'insert', table: 'Port_Group', row: { name: 'taken' } }]);
    const group = portGroup(object('bad'), 'taken');
    await b.want({ q: [acl(other, group, 'ip4')], bad: [group] });
    expect([...b.differ.failing.keys()]).toEqual([object('bad')]);
    expect([...b.differ.parked.keys()]).toEqual([other]);
  });

  it('that is frozen changes nothing of the owner', async () => {
    await b.want({ s: [sw, pg], p: [lsp, inGroup] });
    b.tracker.freeze('p', new Error('bug'));
    await b.server.transact([{ op: 'update', table: 'Logical_Switch_Port', where: [], row: { addresses: 'changed' } }]);
    await b.want({ s: [sw] });
    expect(await rows(b.server, 'Logical_Switch_Port', 'addresses')).toEqual([{ addresses: 'changed' }]);
    expect(b.differ.problems(pod)).toMatchObject([{ reason: 'InternalError', message: 'Error: bug' }]);
    await b.want({ p: [] });
    expect(await rows(b.server, 'Logical_Switch_Port', 'name')).toEqual([]);
  });

  it('that is frozen writes nothing of the owner, for those who need it neither', async () => {
    await b.want({ s: [sw] });
    const group = portGroup(pod, 'group');
    b.tracker.replace('p', [group]);
    b.tracker.freeze('p', new Error('bug'));
    await b.want({ q: [acl(other, group, 'ip4')] });
    expect(await rows(b.server, 'Port_Group', 'name')).toEqual([]);
    expect([...b.differ.parked.keys()]).toEqual([other]);
    await b.want({ p: [group] });
    expect(await rows(b.server, 'ACL', 'match')).toEqual([{ match: 'ip4' }]);
    expect(b.differ.parked.size).toBe(0);
  });

  it('that is frozen does not keep an element from another owner', async () => {
    await b.want({ s: [sw, pg], p: [lsp] });
    b.tracker.replace('p', [lsp, inGroup]);
    b.tracker.freeze('p', new Error('bug'));
    await b.want({});
    expect(await rows(b.server, 'Port_Group', 'ports')).toEqual([{ ports: [] }]);
    await b.want({ q: [{ ...inGroup, owner: other }] });
    expect(await rows(b.server, 'Port_Group', 'ports')).toEqual([{ ports: lsp.id }]);
    expect([pod, other].map((owner) => b.tracker.applied(owner))).toEqual([false, true]);
  });

  it('by a second owner of a row, or a second parent, is named for both and changes nothing', async () => {
    await b.want({ s: [sw], p: [lsp] });
    const thief = { ...lsp, owner: other, columns: { ...lsp.columns, addresses: new Set(['stolen']) } };
    await b.want({ q: [thief] });
    expect(await rows(b.server, 'Logical_Switch_Port', 'addresses')).toEqual([
      { addresses: '02:00:00:00:00:01 10.0.0.1' },
    ]);
    for (const owner of [pod, other]) expect(b.differ.problems(owner)).toMatchObject([{ reason: 'Conflict' }]);
    const second = logicalSwitch(subnet, 't');
    await b.want({ s: [sw, second], q: [member(second, 'ports', lsp.id, other)] });
    expect(await rows(b.server, 'Logical_Switch', 'name', 'ports')).toEqual([
      { name: 's', ports: lsp.id },
      { name: 't', ports: [] },
    ]);
    for (const owner of [pod, other]) expect(b.differ.problems(owner)).toMatchObject([{ reason: 'Conflict' }]);
    await b.want({ q: [] });
    expect([pod, other].flatMap((owner) => b.differ.problems(owner))).toEqual([]);
  });

  it('to meet the one row that was meant is noticed', async () => {
    await b.want({ s: [sw, pg] });
    const release = b.hold();
    b.tracker.replace('s', [sw, { ...pg, columns: { ...pg.columns, name: 'renamed' } }]);
    b.differ.poke();
    await b.server.transact([{ op: 'delete', table: 'Port_Group', where: [] }]);
    release();
    await b.idle();
    expect(b.differ.failing.get(subnet)).toMatch(/met no row/);
    await eventually(async () => (await rows(b.server, 'Port_Group', 'name')).length === 1);
    expect(await rows(b.server, 'Port_Group', 'name')).toEqual([{ name: 'renamed' }]);
  });
});
