// How much is sent, how it is cut into transactions, and when nothing is.
import { describe, expect, it } from 'vitest';
import type { MemberFact, RowFact } from '../../../lib/delta/fact.ts';
import { eventually } from '../../eventually.ts';
import { acl, addressSet, logicalSwitch, member, object, on, port, portGroup, row } from './facts.ts';
import { rows } from './harness.ts';
import { inGroup, lsp, other, pg, pod, scene, sw } from './scene.ts';

const b = scene();

describe('work', () => {
  it('of a restart with nothing to change is no transaction', async () => {
    await b.want({ s: [sw, pg], p: [lsp, inGroup] });
    await b.restart({ fence: { table: 'NB_Global', column: 'external_ids', key: 'kubeloom-epoch' } });
    await b.want({ s: [sw, pg], p: [lsp, inGroup] });
    expect(b.sent).toEqual([]);
  });

  it('that arrives while a batch is in flight collapses', async () => {
    await b.want({ s: [sw] });
    const release = b.hold();
    b.sent.length = 0;
    b.tracker.replace('p', [lsp]);
    b.differ.poke();
    for (let i = 0; i < 50; i++) {
      b.tracker.replace('q', [port(other, 'q', sw, { columns: { addresses: new Set([`${i}`]) } })]);
      b.differ.poke();
    }
    release();
    await b.idle();
    expect(b.sent.length).toBe(2);
    expect(await rows(b.server, 'Logical_Switch_Port', 'addresses')).toContainEqual({ addresses: '49' });
  });

  it('is cut into batches that never separate a row from what it needs', async () => {
    const counts: number[] = [];
    await b.restart({ caps: { owners: 3, bytes: Infinity } });
    const pods = Array.from({ length: 20 }, (_, i) => object(`p${i}`));
    const ports = pods.map((owner, i) => port(owner, `p${i}`, sw));
    const facts = pods.map((owner, i) => [owner, [ports[i]!, member(pg, 'ports', ports[i]!.id, owner)]] as const);
    await b.want({ ...Object.fromEntries(facts), s: [sw, pg] });
    for (const batch of b.sent) counts.push(batch.length);
    expect(b.sent.length).toBeGreaterThanOrEqual(7);
    expect(b.differ.counters.refusals).toBe(0);
    expect((await rows(b.server, 'Port_Group', 'ports'))[0]?.['ports']).toHaveLength(20);
  });

  it('is cut by its size as well', async () => {
    await b.restart({ caps: { owners: Infinity, bytes: 10_000 } });
    const big = Array.from({ length: 10 }, (_, i) => object(`p${i}`));
    const addresses = (i: number): Set<string> => new Set([`${i}`.repeat(4000)]);
    const facts = big.map((owner, i) => [owner, [port(owner, `p${i}`, sw, { columns: { addresses: addresses(i) } })]]);
    await b.want({ s: [sw], ...(Object.fromEntries(facts) as Record<string, RowFact[]>) });
    expect(b.sent.length).toBe(4);
    expect(await rows(b.server, 'Logical_Switch_Port', 'name')).toHaveLength(10);
  });

  it('that belongs together is not cut, whatever the caps', async () => {
    await b.restart({ caps: { owners: 1, bytes: 1 } });
    // Each needs the next: a rule its group and its set, the set's member nothing, the port its switch.
    const peers = addressSet(object('peers'), 'peers');
    const rule = acl(object('rule'), pg, 'outport == @pg && ip4.src == $peers', { needs: [pg.id, peers.id] });
    await b.want({ r: [rule], g: [pg], a: [peers] });
    expect(b.sent.map((each) => each.length)).toEqual([3]);
    await b.want({ p: [lsp, inGroup], s: [pg, sw], g: [] });
    expect(b.sent.slice(1).map((each) => each.map(({ op }) => op))).toEqual([['insert', 'insert', 'mutate']]);
  });

  it('of a text that changes what it names brings along who is to be in what it names', async () => {
    await b.restart({ caps: { owners: 1, bytes: 1 } });
    const selection = object('sel', 'Selection');
    const pods = Array.from({ length: 5 }, (_, i) => object(`p${i}`));
    const made = pods.map((owner, i) => port(owner, `p${i}`, sw));
    const at = (name: string): Record<string, (RowFact | MemberFact)[]> => {
      const group = portGroup(selection, name);
      return {
        ...Object.fromEntries(made.map((each) => [each.owner, [each, member(group, 'ports', each.id, each.owner)]])),
        sel: [group],
        rule: [
          row('ACL', object('rule'), 'drop', {
            in: on(group, 'acls'),
            columns: { direction: 'to-lport', priority: 1, action: 'drop', match: `outport == @${name}` },
            needs: [group.id],
          }),
        ],
      };
    };
    await b.want({ s: [sw], ...at('one') });
    b.sent.length = 0;
    await b.want(at('two'));
    const renaming = b.sent.find((each) => each.some((operation) => operation.op === 'update'));
    const insert = renaming?.find((operation) => operation.op === 'insert');
    expect(insert && 'row' in insert && insert.row['ports']).toEqual(new Set(made.map(({ id }) => id)));
    expect(await rows(b.server, 'Port_Group', 'name')).toEqual([{ name: 'two' }]);
  });

  it('on structural tables waits for company, pods do not', async () => {
    await b.restart({ structural: ['Logical_Switch', 'ACL'], structuralMs: 100 });
    await b.want({ s: [sw] });
    expect(b.sent).toEqual([]);
    await eventually(() => b.sent.length === 1);
    await b.idle();
    b.tracker.replace('a', [logicalSwitch(object('a'), 'a')]);
    b.differ.poke();
    b.tracker.replace('b', [logicalSwitch(object('b'), 'b')]);
    await b.want({ p: [lsp] });
    expect(b.sent.length).toBe(2);
    await eventually(() => b.sent.length === 3);
    await b.idle();
    expect(b.sent[2]).toHaveLength(2);
    expect(await rows(b.server, 'Logical_Switch', 'name')).toHaveLength(3);
  });

  it('stops while nobody may write', async () => {
    let may = false;
    await b.restart({ mayWrite: () => may });
    await b.want({ s: [sw] });
    expect(b.sent).toEqual([]);
    may = true;
    b.differ.poke();
    await b.idle();
    expect(await rows(b.server, 'Logical_Switch', 'name')).toEqual([{ name: 's' }]);
  });

  it('goes on after the server was killed in the middle', async () => {
    await b.want({ s: [sw] });
    await b.server.kill();
    b.tracker.replace('p', [lsp]);
    b.differ.poke();
    await b.server.start();
    await eventually(() => b.tracker.applied(pod), { within: 20_000 });
    expect(await rows(b.server, 'Logical_Switch_Port', 'name')).toEqual([{ name: 'p' }]);
  });
});
