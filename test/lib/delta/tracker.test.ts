// The tracker against brute force: after any sequence of changes on both sides, what is pending is what a tracker says
// that is shown the two ends only.
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Fact } from '../../../lib/delta/desired.ts';
import type { Slices } from '../../../lib/delta/options.ts';
import { Tracker } from '../../../lib/delta/tracker.ts';
import { defaultValue, parseSchema, rowDifference } from '../../../lib/ovsdb/index.ts';
import type { Row, RowChange } from '../../../lib/ovsdb/index.ts';
import { acl, entry, logicalSwitch, member, object, on, owns, port, portGroup, row } from './facts.ts';

const schema = parseSchema(JSON.parse(readFileSync('operator/nb/ovn-nb.ovsschema', 'utf8')));
const options = { owns, singletons: ['NB_Global'], vendor: ['vendor', 'kube-ovn'] as const };
const make = (slices?: Slices): Tracker => new Tracker(schema, { ...options, ...(slices && { slices }) });

const owners = ['p', 'q'].map((name) => object(name));
const [s, t] = ['s', 't'].map((name) => logicalSwitch(owners[0]!, name)) as [
  ReturnType<typeof row>,
  ReturnType<typeof row>,
];
const pg = portGroup(owners[1]!, 'pg');
const lb = row('Load_Balancer', owners[0]!, 'lb', { columns: { name: 'lb' } });
const ports = owners.flatMap((owner) => [s, t].map((on) => port(owner, 'port', on)));

/** Wishes: some share rows, some conflict, some name what nobody has. */
const wishes: readonly Fact[] = [
  s,
  t,
  pg,
  lb,
  { ...pg, owner: owners[0]! },
  ...ports,
  ...ports.map((each) => member(pg, 'ports', each.id, each.owner)),
  ...owners.map((owner) => member(pg, 'ports', ports[0]!.id, owner)),
  ...owners.flatMap((owner) => ['1', '2'].map((to) => entry(lb, 'vips', ['v', to], owner))),
  acl(owners[0]!, pg, 'ip4', { needs: [lb.id] }),
  port(owners[0]!, 'other', s, {
    columns: { addresses: new Set(['a', 'b']), options: new Map([['requested-chassis', 'n']]) },
  }),
  port(owners[0]!, 'other', s, { columns: { addresses: new Set(['b']) } }),
  logicalSwitch(owners[1]!, 'w', { columns: { ports: new Set([ports[0]!.id]) } }),
];

const predecessor = { external_ids: new Map([['vendor', 'kube-ovn']]) };
/** Rows that the database may come to have, under their own id, a foreign one, or as a predecessor's. */
const states: readonly { readonly table: string; readonly uuid: string; readonly columns: Row }[] = [
  ...[s, t, pg, lb, ...ports].map(({ row: table, id, columns }) => ({ table, uuid: id as string, columns })),
  { table: 'Logical_Switch', uuid: s.id, columns: { ...s.columns, ports: new Set([ports[0]!.id]) } },
  { table: 'Logical_Switch', uuid: t.id, columns: { ...t.columns, ports: new Set(ports.map(({ id }) => id)) } },
  { table: 'Port_Group', uuid: pg.id, columns: { ...pg.columns, ports: new Set(['x', ports[1]!.id]) } },
  {
    table: 'Load_Balancer',
    uuid: lb.id,
    columns: {
      ...lb.columns,
      vips: new Map([
        ['v', '1'],
        ['w', '2'],
      ]),
    },
  },
  { table: 'Load_Balancer', uuid: lb.id, columns: { name: 'renamed' } },
  { table: 'Port_Group', uuid: 'foreign', columns: { name: 'foreign', ports: new Set([ports[0]!.id]) } },
  { table: 'Port_Group', uuid: 'old', columns: { name: 'pg', ...predecessor } },
  { table: 'Port_Group', uuid: 'old', columns: { name: 'pg', ports: new Set(['old-port']), ...predecessor } },
  { table: 'Port_Group', uuid: pg.id, columns: { ...pg.columns, ports: new Set(['old-port']) } },
  { table: 'Port_Group', uuid: 'copy', columns: { ...pg.columns, name: 'copy' } },
  { table: 'Port_Group', uuid: 'copy', columns: { ...pg.columns, name: 'changed copy' } },
  { table: 'Logical_Switch_Port', uuid: 'old-port', columns: { name: 'port', ...predecessor } },
];

function whole(table: string, columns: Row): Row {
  const all = [...(schema.tables.get(table)?.columns ?? [])];
  return Object.fromEntries(all.map(([name, column]) => [name, columns[name] ?? defaultValue(column)]));
}

type Step =
  | { readonly kind: 'want'; readonly source: string; readonly facts: readonly Fact[] }
  | { readonly kind: 'have'; readonly state: number; readonly there: boolean };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant('want' as const),
    source: fc.constantFrom('x', 'y', 'z'),
    facts: fc.array(fc.constantFrom(...wishes), { maxLength: 5 }),
  }),
  fc.record({ kind: fc.constant('have' as const), state: fc.nat(states.length - 1), there: fc.boolean() }),
);

/** What else may happen: the comparison gets a few turns, the connection comes or goes. */
type Turn =
  | { readonly kind: 'turns'; readonly number: number }
  | { readonly kind: 'connect' }
  | { readonly kind: 'disconnect' };
const turn: fc.Arbitrary<Turn> = fc.oneof(
  fc.record({ kind: fc.constant('turns' as const), number: fc.nat(12) }),
  fc.record({ kind: fc.constant('connect' as const) }),
  fc.record({ kind: fc.constant('disconnect' as const) }),
);

class Rows {
  readonly rows = new Map<string, { table: string; row: Row }>();

  change({ table, uuid, columns }: (typeof states)[number], there: boolean): RowChange | undefined {
    const old = this.rows.get(uuid)?.row;
    if (!there) {
      this.rows.delete(uuid);
      return old && { table, uuid, old };
    }
    const next = whole(table, columns);
    this.rows.set(uuid, { table, row: next });
    if (!old) return { table, uuid, new: next };
    const difference = rowDifference(schema.tables.get(table)!.columns, old, next);
    return difference && { table, uuid, old, new: next, difference };
  }
}

/** What both sides have come to. */
class Ends {
  readonly #rows = new Rows();
  readonly #sources = new Map<string, readonly Fact[]>();

  /** Lets the tracker know of it. */
  take(each: Step, tracker: Tracker): void {
    if (each.kind === 'want') {
      this.#sources.set(each.source, each.facts);
      tracker.replace(each.source, each.facts);
      return;
    }
    const change = this.#rows.change(states[each.state]!, each.there);
    if (change) tracker.change([change]);
  }

  /** A tracker that is shown these ends only. */
  fresh(): Tracker {
    const fresh = make();
    for (const [source, facts] of this.#sources) fresh.replace(source, facts);
    fresh.change([...this.#rows.rows].map(([uuid, { table, row }]) => ({ table, uuid, new: row })));
    fresh.connect();
    return fresh;
  }
}

/** Runs what has been put off, and what is put off by that, up to a number. */
function run(turns: (() => void)[], most = Infinity): void {
  for (let i = 0; i < most && turns.length > 0; i++) turns.shift()?.();
}

/** What is pending, without the owners of removals: whose a leftover was is known only to the process that saw it. */
function pending(tracker: Tracker): string[] {
  return [...tracker.items.values()]
    .map(
      (item) =>
        `${item.kind} ${item.key} ${item.kind === 'remove' || item.kind === 'delete' ? '' : item.owners.join()}`,
    )
    .sort();
}

const aliases = (tracker: Tracker): string =>
  [...tracker.aliases.entries()]
    .map((pair) => pair.join(' '))
    .sort()
    .join();

describe('pending', () => {
  it('is the difference of the two ends, whatever the way', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const ends = new Ends();
        const tracker = make();
        tracker.connect();
        for (const each of steps) ends.take(each, tracker);
        tracker.refresh();
        const fresh = ends.fresh();
        // Which of two rows of one name is taken over may differ; then the rest may.
        if (aliases(tracker) !== aliases(fresh)) return;
        expect(pending(tracker)).toEqual(pending(fresh));
        expect([...tracker.conflicts].map(([key, by]) => `${key} ${by.join()}`).sort()).toEqual(
          [...fresh.conflicts].map(([key, by]) => `${key} ${by.join()}`).sort(),
        );
      }),
      { numRuns: 2000 },
    );
  });

  it('is so whatever happens in the middle of the comparison after a connect, and is whole when that is said', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(step, turn), { maxLength: 60 }), (steps) => {
        const ends = new Ends();
        const turns: (() => void)[] = [];
        // One step of the work in each turn of the loop.
        const tracker = make({ now: () => 0, defer: (fn) => void turns.push(fn), ms: 0 });
        const agrees = (): void => {
          const fresh = ends.fresh();
          // Which of two rows of one name is taken over may differ; then the rest may.
          if (aliases(tracker) !== aliases(fresh)) return;
          expect(pending(tracker)).toEqual(pending(fresh));
        };
        tracker.watch({ compared: agrees });
        for (const each of steps) {
          if (each.kind === 'want' || each.kind === 'have') ends.take(each, tracker);
          else if (each.kind === 'turns') run(turns, each.number);
          else tracker[each.kind]();
        }
        const last = steps.findLast(({ kind }) => kind === 'connect' || kind === 'disconnect');
        if (last?.kind === 'connect') tracker.refresh();
        else tracker.connect();
        run(turns);
        expect(tracker.synced).toBe(true);
        agrees();
      }),
      { numRuns: 2000 },
    );
  });

  it('is nothing when the rows are as wanted', () => {
    const tracker = make();
    const placed = whole('Logical_Switch', { ...s.columns, ports: new Set([ports[0]!.id]) });
    tracker.replace('x', [s, ports[0]!]);
    tracker.change([
      { table: 'Logical_Switch', uuid: s.id, new: placed },
      { table: 'Logical_Switch_Port', uuid: ports[0]!.id, new: whole('Logical_Switch_Port', ports[0]!.columns) },
    ]);
    tracker.connect();
    expect(pending(tracker)).toEqual([]);
    expect(tracker.applied(owners[0]!)).toBe(true);
  });
});

describe('the comparison after a connect', () => {
  it('is cut up by rows and by the elements of one row, and nothing is applied before its end', () => {
    const turns: (() => void)[] = [];
    let time = 0;
    const tracker = make({ now: () => time++, defer: (fn) => void turns.push(fn), ms: 10 });
    const many = Array.from({ length: 1000 }, (_, i) => port(owners[0]!, `p${i}`, s));
    tracker.replace('x', [s, ...many]);
    tracker.change([
      {
        table: 'Logical_Switch',
        uuid: s.id,
        new: whole('Logical_Switch', { ...s.columns, ports: new Set(many.map(({ id }) => id)) }),
      },
      ...many.map(({ id, columns }) => ({
        table: 'Logical_Switch_Port',
        uuid: id as string,
        new: whole('Logical_Switch_Port', columns),
      })),
    ]);
    let [rows, most] = [0, 0];
    tracker.watch({ row: () => rows++ });
    tracker.connect();
    let taken = 1;
    for (; !tracker.synced; taken++) {
      expect(tracker.applied(owners[0]!)).toBe(false);
      rows = 0;
      turns.shift()?.();
      most = Math.max(most, rows);
    }
    // A thousand rows, a thousand elements wanted and as many present.
    expect(taken).toBeGreaterThan(250);
    expect(most).toBeLessThanOrEqual(11);
    while (turns.length > 0) turns.shift()?.();
    expect(tracker.applied(owners[0]!)).toBe(true);
  });

  it('ends a conflict that was settled while there was no connection', () => {
    const tracker = make();
    const vip = (to: string, owner: (typeof owners)[number]): Fact => entry(lb, 'vips', ['v', to], owner);
    tracker.connect();
    tracker.replace('x', [lb, vip('1', owners[0]!)]);
    tracker.replace('y', [vip('2', owners[1]!)]);
    tracker.replace('z', [{ ...pg, owner: owners[0]! }, pg]);
    expect(tracker.conflicts.size).toBe(2);
    tracker.disconnect();
    tracker.replace('y', []);
    tracker.replace('x', [lb]);
    tracker.replace('z', []);
    tracker.connect();
    expect([...tracker.conflicts]).toEqual([]);
    expect(tracker.conflictsOf(owners[1]!).size).toBe(0);
  });

  it('keeps what the text of a row may still name when a transaction is lost with its connection', () => {
    const tracker = make();
    const rule = (need: string): Fact => acl(owners[0]!, pg, 'ip4', { needs: [need as typeof lb.id] });
    const group = { ...pg.columns, acls: new Set([rule(lb.id).id]) };
    tracker.replace('x', [rule(lb.id)]);
    tracker.replace('y', [pg, lb]);
    tracker.change([
      { table: 'ACL', uuid: rule(lb.id).id, new: whole('ACL', (rule(lb.id) as ReturnType<typeof acl>).columns) },
      { table: 'Port_Group', uuid: pg.id, new: whole('Port_Group', group) },
      { table: 'Load_Balancer', uuid: lb.id, new: whole('Load_Balancer', lb.columns) },
    ]);
    tracker.connect();
    tracker.takeOff(new Set());
    tracker.disconnect();
    const other = acl(owners[0]!, pg, 'ip4', { needs: [s.id], columns: { priority: 7 } });
    tracker.replace('x', [other]);
    tracker.land();
    tracker.connect();
    expect([...tracker.oldNeeds.of(lb.id)]).toEqual([other.id]);
  });
});

describe('applied', () => {
  it('is true of an owner when nothing of it is pending, on its way, frozen or contested', () => {
    const tracker = make();
    const [owner] = owners as [(typeof owners)[number]];
    const there = { table: 'Logical_Switch', uuid: s.id, new: whole('Logical_Switch', s.columns) };
    expect(tracker.applied(owner)).toBe(false);
    tracker.connect();
    expect(tracker.applied(owner)).toBe(true);
    tracker.replace('x', [s]);
    expect(tracker.applied(owner)).toBe(false);
    tracker.takeOff(new Set(tracker.items.values()));
    tracker.change([there]);
    expect(tracker.applied(owner)).toBe(false);
    tracker.land();
    expect(tracker.applied(owner)).toBe(true);
    tracker.freeze('x', new Error('no'));
    expect(tracker.applied(owner)).toBe(false);
    tracker.replace('x', [s]);
    tracker.replace('y', [{ ...s, owner: owners[1]! }]);
    expect(owners.map((each) => tracker.applied(each))).toEqual([false, false]);
    tracker.disconnect();
    tracker.replace('y', []);
    expect(tracker.applied(owner)).toBe(false);
  });

  it('is told of an owner that finds everything as it wants it when the copy is complete', () => {
    const tracker = make();
    const told: string[] = [];
    tracker.replace('x', [s]);
    tracker.watch({ owner: (owner) => void (tracker.applied(owner) && told.push(owner)), row: () => undefined });
    tracker.change([{ table: 'Logical_Switch', uuid: s.id, new: whole('Logical_Switch', s.columns) }]);
    expect(told).toEqual([]);
    tracker.connect();
    expect(told).toEqual([owners[0]]);
  });

  it('is not true while what was given up in flight may still arrive', () => {
    const tracker = make();
    tracker.connect();
    tracker.replace('x', [s]);
    tracker.takeOff(new Set(tracker.items.values()));
    tracker.replace('x', []);
    expect(tracker.items.size).toBe(0);
    expect(tracker.applied(owners[0]!)).toBe(false);
    tracker.change([{ table: 'Logical_Switch', uuid: s.id, new: whole('Logical_Switch', s.columns) }]);
    tracker.land();
    expect(pending(tracker)).toEqual([`delete ${s.id} `]);
    expect(tracker.applied(owners[0]!)).toBe(false);
  });
});

describe('a fact that the schema does not allow', () => {
  const cases: readonly (readonly [string, Fact])[] = [
    ['has no table Nope', { ...s, row: 'Nope' }],
    ['has no column Logical_Switch.nope', { ...s, columns: { nope: '' } }],
    ['takes a value of kind atom', { ...s, columns: { name: new Set(['x']) } }],
    ['takes a value of kind map', { ...s, columns: { other_config: new Set(['a']) } }],
    ['key theirs is not ours to write', { ...s, columns: { other_config: new Map([['theirs', '1']]) } }],
    ['NB_Global has one row', row('NB_Global', owners[0]!, 'x')],
    ['does not hold rows of', { ...ports[0]!, in: on(s, 'acls') }],
    ['not members', member(s, 'name', 'x', owners[0]!)],
    ["a set's none", { ...member(pg, 'ports', ports[0]!.id, owners[0]!), value: 'x' }],
    ['theirs is not ours to write', entry(s, 'other_config', ['theirs', '1'], owners[0]!)],
  ];

  it.each(cases)('%s: freezes its source', (message, fact) => {
    const tracker = make();
    tracker.connect();
    tracker.replace('x', [t]);
    tracker.replace('x', [t, fact]);
    expect(String(tracker.frozen.errorsOf(fact.owner)[0])).toContain(message);
    expect(pending(tracker)).toHaveLength(1);
    tracker.replace('x', [t]);
    expect(tracker.frozen.has(fact.owner)).toBe(false);
  });
});
