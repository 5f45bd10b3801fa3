// Rows that stand for rows of ours under another UUID come and go, in any order: what is pending is what a comparison
// of everything says. Here also weak references outlive the rows that they name, as they do in a copy whose conditions
// do not cover those rows any more.
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Fact } from '../../../lib/delta/desired.ts';
import type { RowFact } from '../../../lib/delta/fact.ts';
import { singletonId } from '../../../lib/delta/ids.ts';
import type { TrackerOptions } from '../../../lib/delta/options.ts';
import { isRemoval } from '../../../lib/delta/item.ts';
import { Tracker } from '../../../lib/delta/tracker.ts';
import { defaultValue, parseSchema, rowDifference } from '../../../lib/ovsdb/index.ts';
import type { DatabaseSchema, Row, RowChange } from '../../../lib/ovsdb/index.ts';
import { entry, logicalSwitch, member, object, on, owns, port, portGroup, row } from './facts.ts';

const northbound = parseSchema(JSON.parse(readFileSync('operator/nb/ovn-nb.ovsschema', 'utf8')));
const options = {
  owns,
  singletons: ['NB_Global'],
  vendor: ['vendor', 'kube-ovn'] as const,
  adoptBy: { Logical_Switch: ['name'], Load_Balancer: ['name'], DHCP_Options: ['cidr'] },
};

const [p, q] = [object('p'), object('q')];
const [s, t, w] = [logicalSwitch(p, 's'), logicalSwitch(p, 't'), logicalSwitch(q, 'w')];
const [pg, group] = [portGroup(q, 'pg'), portGroup(p, 'group')];
const lb = row('Load_Balancer', p, 'lb', { columns: { name: 'lb' } });
const dhcp = row('DHCP_Options', p, 'd', { columns: { cidr: '10.0.0.0/8' } });
/** One port, wanted on one switch or on the other; and one that names options. */
const [onS, onT] = [port(p, 'port', s), port(p, 'port', t)];
const leased = port(q, 'leased', t, { columns: { dhcpv4_options: new Set([dhcp.id]) } });
const global = { row: 'NB_Global', id: singletonId('NB_Global') } as RowFact;

interface State {
  readonly table: string;
  readonly uuid: string;
  readonly columns: Row;
}
const ours = ({ row: table, id: uuid, columns }: RowFact, more: Row = {}): State => ({
  table,
  uuid,
  columns: { ...columns, ...more },
});
const theirs = (table: string, uuid: string, columns: Row): State => ({
  table,
  uuid,
  columns: { ...columns, external_ids: new Map([['vendor', 'kube-ovn']]) },
});
const oldPort = theirs('Logical_Switch_Port', 'old-port', { name: 'port' });
const oldSwitch = (more: Row): State => theirs('Logical_Switch', 'old-s', { name: 's', ...more });
const nb = (uuid: string, mine: string): State => ({
  table: 'NB_Global',
  uuid,
  columns: { options: new Map([['mine', mine]]) },
});

/** The database, row by row. */
class Rows {
  readonly #schema: DatabaseSchema;
  readonly #rows = new Map<string, { table: string; row: Row }>();

  constructor(schema: DatabaseSchema) {
    this.#schema = schema;
  }

  put({ table, uuid, columns }: State): RowChange[] {
    const schema = this.#schema.tables.get(table)!.columns;
    const now = Object.fromEntries([...schema].map(([name, column]) => [name, columns[name] ?? defaultValue(column)]));
    const old = this.#rows.get(uuid)?.row;
    this.#rows.set(uuid, { table, row: now });
    if (!old) return [{ table, uuid, new: now }];
    const difference = rowDifference(schema, old, now);
    return difference ? [{ table, uuid, old, new: now, difference }] : [];
  }

  take({ table, uuid }: State): RowChange[] {
    const old = this.#rows.get(uuid)?.row;
    this.#rows.delete(uuid);
    return old ? [{ table, uuid, old }] : [];
  }

  all(): RowChange[] {
    return [...this.#rows].map(([uuid, { table, row: now }]) => ({ table, uuid, new: now }));
  }
}

interface World {
  readonly tracker: Tracker;
  readonly rows: Rows;
  readonly want: (...facts: readonly Fact[]) => void;
  readonly have: (...states: readonly State[]) => void;
  readonly lose: (...states: readonly State[]) => void;
}

function world(schema = northbound, more: Partial<TrackerOptions> = {}): World {
  const tracker = new Tracker(schema, { ...options, ...more });
  const rows = new Rows(schema);
  tracker.connect();
  return {
    tracker,
    rows,
    want: (...facts) => {
      tracker.replace('x', facts);
      tracker.refresh();
    },
    have: (...states) => tracker.change(states.flatMap((state) => rows.put(state))),
    lose: (...states) => tracker.change(states.flatMap((state) => rows.take(state))),
  };
}

const text = ({ kind, key }: { readonly kind: string; readonly key: string }): string => `${kind} ${key}`;
const pending = ({ items }: Tracker): string[] => [...items.values()].map(text).sort();

/**
 * What is pending, contested and taken over stays the same when everything is compared anew. Whose a removal is may
 * not: of what an earlier owner left only the one knows who saw it.
 */
function settled(tracker: Tracker): void {
  const said = (): unknown => ({
    pending: [...tracker.items.values()]
      .map((item) => `${text(item)} ${isRemoval(item) ? '' : item.owners.join()}`)
      .sort(),
    conflicts: [...tracker.conflicts].map(([key, by]) => `${key} ${by.join()}`).sort(),
    aliases: [...tracker.aliases.entries()].map((pair) => pair.join(' ')).sort(),
  });
  const before = said();
  tracker.connect();
  expect(before).toEqual(said());
}

describe('when a row that was taken over goes', () => {
  it('a member that it stood for is missing in a group that still names its UUID', () => {
    const { tracker, want, have, lose } = world();
    have(ours(pg, { ports: new Set(['old-port']) }));
    want(onT);
    have(oldPort);
    want(member(pg, 'ports', onT.id, p));
    expect(pending(tracker)).toEqual([`delete ${pg.id}`]);
    lose(oldPort);
    expect(pending(tracker)).toEqual([`add ${pg.id} ports ${onT.id}`, `delete ${pg.id}`]);
    settled(tracker);
  });

  it('its UUID is what is taken out of a group, not its id', () => {
    const { tracker, want, have, lose } = world();
    have(theirs('Port_Group', 'old', { name: 'pg', ports: new Set(['old-port']) }));
    want(pg, onT);
    have(oldPort);
    expect(pending(tracker)).toContain(`remove ${pg.id} ports ${onT.id}`);
    lose(oldPort);
    expect(pending(tracker)).toContain(`remove ${pg.id} ports old-port`);
    expect(pending(tracker)).not.toContain(`remove ${pg.id} ports ${onT.id}`);
    settled(tracker);
  });

  it('a child that has come to its place meanwhile is not added there again', () => {
    const { tracker, want, have, lose } = world();
    const copy = { ...ours(pg, { name: 'copy' }), uuid: 'copy' };
    want(onT);
    have(copy);
    have(ours(t, { ports: new Set([onT.id]) }));
    lose(copy);
    expect(pending(tracker)).toEqual([`delete ${t.id}`, `insert ${onT.id}`]);
    settled(tracker);
  });

  it('a child that it stood for is missing in a parent that still names its UUID', () => {
    const { tracker, want, have, lose } = world();
    have(oldPort, ours(s, { ports: new Set(['old-port']) }));
    want(s, onS);
    expect(pending(tracker)).toEqual([`update ${onS.id}`]);
    lose(oldPort);
    expect(pending(tracker)).toEqual([`add ${s.id} ports ${onS.id}`, `insert ${onS.id}`].sort());
    settled(tracker);
  });

  it('a column that names its UUID differs', () => {
    const { tracker, want, have, lose } = world();
    const old = theirs('DHCP_Options', 'old-d', { cidr: '10.0.0.0/8' });
    have(old, ours(t, { ports: new Set([leased.id]) }), ours(leased, { dhcpv4_options: new Set(['old-d']) }));
    want(t, leased, dhcp);
    expect(pending(tracker)).toEqual([`update ${dhcp.id}`]);
    lose(old);
    expect(pending(tracker)).toEqual([`insert ${dhcp.id}`, `update ${leased.id}`].sort());
    settled(tracker);
  });

  it('a key of a map that refers to its UUID has another value', () => {
    const target = { key: { type: 'uuid', refTable: 'Port_Group', refType: 'weak' } };
    const columns = {
      name: { type: 'string' },
      external_ids: { type: { key: 'string', value: 'string', min: 0, max: 'unlimited' } },
    };
    const refs = { type: { key: 'string', value: target.key, min: 0, max: 'unlimited' } };
    const schema = parseSchema({
      name: 'Test',
      version: '1.0.0',
      tables: {
        Port_Group: { columns, indexes: [['name']], isRoot: true },
        Load_Balancer: { columns: { ...columns, vips: refs }, isRoot: true },
      },
    });
    const { tracker, want, have, lose } = world(schema);
    const old = theirs('Port_Group', 'old', { name: 'pg' });
    have(old, ours(lb, { vips: new Map([['k', 'old']]) }));
    want(lb, pg, entry(lb, 'vips', ['k', pg.id], p));
    expect(pending(tracker)).toEqual([`update ${pg.id}`]);
    lose(old);
    expect(pending(tracker)).toEqual([`add ${lb.id} vips k`, `insert ${pg.id}`].sort());
    settled(tracker);
  });
});

describe('a row that comes to be taken over', () => {
  it('has its elements under its id only', () => {
    const { tracker, want, have } = world();
    have(oldSwitch({ ports: new Set([onS.id]) }), ours(onS));
    want(s);
    expect(pending(tracker)).toEqual([`remove ${s.id} ports ${onS.id}`, `update ${s.id}`].sort());
    settled(tracker);
  });

  it('is there already when the one of our own making goes', () => {
    const { tracker, want, have, lose } = world();
    want(s);
    have(ours(s));
    have(oldSwitch({}));
    expect(tracker.aliases.size).toBe(0);
    lose(ours(s));
    expect([...tracker.aliases.entries()]).toEqual([[s.id, 'old-s']]);
    expect(pending(tracker)).toEqual([`update ${s.id}`]);
    settled(tracker);
  });

  it('is the one row of its table, also when that is exchanged in one update', () => {
    const { tracker, rows, want, have } = world();
    have(nb('nb1', '1'));
    want(entry(global, 'options', ['mine', '1'], p));
    tracker.change([...rows.take(nb('nb1', '1')), ...rows.put(nb('nb2', '2'))]);
    expect(tracker.aliases.real(global.id)).toBe('nb2');
    expect(pending(tracker)).toEqual([`add ${global.id} options mine`]);
    tracker.change([...rows.put(nb('nb3', '1')), ...rows.take(nb('nb2', '2'))]);
    expect(tracker.aliases.real(global.id)).toBe('nb3');
    expect(pending(tracker)).toEqual([]);
    settled(tracker);
  });
});

describe('a row that makes way for one with another name, which cannot be changed', () => {
  it('is wanted in its new place as soon as it is gone from the old one', () => {
    const schema = parseSchema(JSON.parse(readFileSync('agent/drivers/vswitch.ovsschema', 'utf8')));
    const { tracker, rows, want, have } = world(schema, {
      owns: { Port: owns['Port_Group']!, Bridge: owns['Port_Group']! },
      singletons: [],
    });
    const bridge = (name: string): RowFact => row('Bridge', p, name, { columns: { name } });
    const [from, to] = [bridge('from'), bridge('to')];
    const wanted = row('Port', q, 'port', { columns: { name: 'new' }, in: on(to, 'ports') });
    const found = ours(wanted, { name: 'old' });
    have(ours(from, { ports: new Set([wanted.id]) }), ours(to), found);
    want(wanted);
    expect(pending(tracker)).toEqual([`remove ${from.id} ports ${wanted.id}`]);
    tracker.change([...rows.put(ours(from)), ...rows.take(found)]);
    expect(pending(tracker)).toEqual([`add ${to.id} ports ${wanted.id}`, `insert ${wanted.id}`]);
    settled(tracker);
  });
});

const wishes: readonly Fact[] = [
  s,
  t,
  w,
  pg,
  group,
  lb,
  dhcp,
  onS,
  onT,
  leased,
  ...[p, q].map((owner) => member(pg, 'ports', onT.id, owner)),
  ...[p, q].map((owner, i) => entry(global, 'options', ['mine', String(i)], owner)),
  member(s, 'load_balancer', lb.id, p),
  port(p, 'port', s, { columns: { dhcpv4_options: new Set([dhcp.id]) } }),
  logicalSwitch(q, 'w', { columns: { load_balancer: new Set([lb.id]) } }),
  logicalSwitch(q, 'w', { columns: { ports: new Set([onS.id]) } }),
  portGroup(p, 'group', { columns: { ports: new Set([onS.id]) } }),
];

const states: readonly State[] = [
  ...[s, t, pg, lb, dhcp, onS, leased].map((fact) => ours(fact)),
  ours(t, { ports: new Set([onT.id, leased.id]) }),
  ours(w, { ports: new Set(['old-port']), load_balancer: new Set(['old-lb']) }),
  ours(w, { load_balancer: new Set([lb.id, 'old-lb']) }),
  ours(leased, { dhcpv4_options: new Set(['old-d']) }),
  ...[pg, group].map((fact) => ours(fact, { ports: new Set(['old-port']) })),
  ours(group, { ports: new Set(['old-port', onS.id]) }),
  { ...ours(pg), uuid: 'copy' },
  oldSwitch({ ports: new Set([onS.id]) }),
  oldSwitch({ ports: new Set(['old-port']), load_balancer: new Set(['old-lb', lb.id]) }),
  theirs('Port_Group', 'old', { name: 'pg', ports: new Set(['old-port']) }),
  theirs('Load_Balancer', 'old-lb', { name: 'lb' }),
  theirs('DHCP_Options', 'old-d', { cidr: '10.0.0.0/8' }),
  oldPort,
  theirs('Logical_Switch_Port', 'old-port', { name: 'port', dhcpv4_options: new Set(['old-d']) }),
  nb('nb1', '1'),
  nb('nb2', '2'),
];

const step = fc.oneof(
  fc.record({
    source: fc.constantFrom('x', 'y', 'z'),
    facts: fc.array(fc.constantFrom(...wishes), { maxLength: 5 }),
  }),
  // One update, which tells of each row once.
  fc.uniqueArray(fc.record({ state: fc.constantFrom(...states), there: fc.boolean() }), {
    selector: ({ state }) => state.uuid,
    minLength: 1,
    maxLength: 4,
  }),
);

describe('pending', () => {
  it('is what a comparison of everything says, and what a tracker says that sees the two ends only', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const { tracker, rows } = world();
        const sources = new Map<string, readonly Fact[]>();
        for (const each of steps) {
          if ('source' in each) {
            sources.set(each.source, each.facts);
            tracker.replace(each.source, each.facts);
          } else {
            tracker.change(each.flatMap(({ state, there }) => (there ? rows.put(state) : rows.take(state))));
          }
        }
        tracker.refresh();
        settled(tracker);
        const fresh = new Tracker(northbound, options);
        for (const [source, facts] of sources) fresh.replace(source, facts);
        fresh.change(rows.all());
        fresh.connect();
        // What was taken over stays so for as long as it exists; the other one cannot know of it.
        const same = tracker.aliases.size === fresh.aliases.size;
        if (!same || ![...tracker.aliases.entries()].every(([id, uuid]) => fresh.aliases.real(id) === uuid)) return;
        expect(pending(tracker)).toEqual(pending(fresh));
      }),
      { numRuns: 2000 },
    );
  });
});
