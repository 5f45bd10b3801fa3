// How much is sent, how it is cut into transactions, and when nothing is.
import { describe, expect, it } from 'vitest';
import type { MemberFact, RowFact } from '../../../lib/delta/fact.ts';
import { eventually } from '../../eventually.ts';
import { acl, addressSet, logicalSwitch, member, object, on, port, portGroup, row } from './facts.ts';
import { rows } from './harness.ts';
import { inGroup, lsp, other, pg, pod, scene, subnet, sw } from './scene.ts';

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

  it('that is added goes before what is taken away, whoever wants it, when it is more than one transaction', async () => {
    await b.restart({ caps: { owners: 2, bytes: Infinity } });
    const group = (name: string): RowFact => portGroup(object(name, 'Policy'), name);
    const [one, two] = [group('one'), group('two')];
    const pods = Array.from({ length: 6 }, (_, i) => port(object(`p${i}`), `p${i}`, sw));
    // Policies of their own put the ports into their groups, one for each port, so that nothing ties the two together.
    const isolating = (at: RowFact, i: number): MemberFact =>
      member(at, 'ports', pods[i]!.id, object(`${i}`, at === one ? 'First' : 'Second'));
    await b.want({ s: [sw], one: [one], two: [two], ...Object.fromEntries(pods.map((each) => [each.owner, [each]])) });
    await b.want(Object.fromEntries(pods.map((_, i) => [`first${i}`, [isolating(one, i)]])));
    b.sent.length = 0;
    const gone = pods.map((_, i) => [`first${i}`, []] as const);
    const come = pods.map((_, i) => [`second${i}`, [isolating(two, i)]] as const);
    await b.want(Object.fromEntries([...gone, ...come]));
    const mutators = b.sent.map((each) =>
      each.flatMap((o) => (o.op === 'mutate' ? o.mutations.map(([, m]) => m) : [])),
    );
    expect(mutators).toEqual([['insert'], ['insert'], ['insert'], ['delete'], ['delete'], ['delete']]);
    expect(await rows(b.server, 'Port_Group', 'name', 'ports')).toEqual([
      { name: 'one', ports: [] },
      { name: 'two', ports: pods.map(({ id }) => id as string).toSorted() },
    ]);
  });

  it('that is taken away does not wait for what comes later, and that waits for its own turn', async () => {
    await b.restart({ caps: { owners: 1, bytes: Infinity } });
    const set = addressSet(subnet, 'as');
    const at = (address: string, i: number | string): MemberFact => member(set, 'addresses', address, object(`${i}`));
    await b.want({ s: [set], a: [at('10.0.0.1', 'a')], b: [at('10.0.0.2', 'b')] });
    b.sent.length = 0;
    const release = b.hold();
    // The first turn: two go, one comes.
    for (const [source, facts] of Object.entries({ a: [], b: [], c: [at('10.0.0.3', 'c')] }))
      b.tracker.replace(source, facts);
    b.differ.poke();
    // Others come and go while its first transaction is under way.
    for (let i = 4; i < 8; i++) b.tracker.replace(`${i}`, [at(`10.0.0.${i}`, i)]);
    b.tracker.replace('c', []);
    release();
    await b.idle();
    const written = b.sent.map((each) =>
      each.flatMap((o) =>
        o.op === 'mutate' ? o.mutations.map(([, m, value]) => `${m} ${[...(value as Set<string>)].join()}`) : [],
      ),
    );
    expect(written.flat().slice(0, 3)).toEqual(['insert 10.0.0.3', 'delete 10.0.0.1', 'delete 10.0.0.2']);
    expect(written.flat().at(-1)).toBe('delete 10.0.0.3');
    expect(await rows(b.server, 'Address_Set', 'addresses')).toEqual([
      { addresses: ['10.0.0.4', '10.0.0.5', '10.0.0.6', '10.0.0.7'] },
    ]);
  });

  it('that fits into one transaction goes at once, what comes together with what goes', async () => {
    const set = addressSet(subnet, 'as');
    await b.want({ s: [set], p: [member(set, 'addresses', '10.0.0.1', pod)] });
    b.sent.length = 0;
    await b.want({ p: [], q: [member(set, 'addresses', '10.0.0.2', other)] });
    expect(b.ops).toEqual(['mutate']);
    expect(b.sent.length).toBe(1);
  });

  it('and waits for company keeps what is taken away in the same state', async () => {
    await b.restart({ structural: ['ACL'], structuralMs: 50 });
    const two = portGroup(object('two', 'Policy'), 'two');
    const drop = (at: RowFact): RowFact => acl(at.owner, at, `outport == @${at === pg ? 'pg' : 'two'}`);
    await b.want({ s: [sw, pg, drop(pg)], p: [lsp, inGroup], two: [two] });
    await eventually(() => b.tracker.applied(subnet));
    b.sent.length = 0;
    await b.want({ p: [lsp], q: [member(two, 'ports', lsp.id, other)], two: [two, drop(two)] });
    await eventually(() => b.tracker.applied(pod));
    const kinds = b.sent.map((each) =>
      each.flatMap((o) => (o.op === 'mutate' ? o.mutations.map(([, m]) => m) : [o.op])),
    );
    expect(kinds.flat().at(-1)).toBe('delete');
    expect(b.sent.length).toBeGreaterThan(1);
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

  it('waits for the end of a settle, whatever moves meanwhile', async () => {
    let settled = false;
    await b.restart({ settled: () => settled });
    await b.want({ s: [sw] });
    await b.server.transact([{ op: 'insert', table: 'Port_Group', row: { name: 'theirs' } }]);
    await b.want({ p: [lsp] });
    expect(b.sent).toEqual([]);
    settled = true;
    b.differ.poke();
    await b.idle();
    expect(b.sent.length).toBe(1);
    expect(await rows(b.server, 'Logical_Switch', 'ports')).toEqual([{ ports: lsp.id }]);
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
