// What one pod costs the tracker, counted and not timed: the same beside ten rows as beside a thousand.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Tracker } from '../../../lib/delta/tracker.ts';
import { defaultValue, parseSchema } from '../../../lib/ovsdb/index.ts';
import type { Row } from '../../../lib/ovsdb/index.ts';
import { logicalSwitch, member, object, owns, port, portGroup } from './facts.ts';
import type { RowFact } from '../../../lib/delta/fact.ts';

const schema = parseSchema(JSON.parse(readFileSync('operator/nb/ovn-nb.ovsschema', 'utf8')));
const parts = object('parts', 'Subnet');
const ls = logicalSwitch(parts, 's');
const groups = [portGroup(parts, 'all'), portGroup(parts, 'distributed')];

const pod = (name: string): { lsp: RowFact; facts: Parameters<Tracker['replace']>[1] } => {
  const owner = object(name);
  const lsp = port(owner, 'port', ls);
  return { lsp, facts: [lsp, ...groups.map((group) => member(group, 'ports', lsp.id, owner))] };
};

function whole({ row, columns }: RowFact, more: Row = {}): Row {
  const all = [...(schema.tables.get(row)?.columns ?? [])];
  return Object.fromEntries(all.map(([name, column]) => [name, more[name] ?? columns[name] ?? defaultValue(column)]));
}

interface Work {
  owners: number;
  rows: number;
}

/** A tracker whose database has so many pods, all as wanted. */
function tracker(pods: number): { tracker: Tracker; work: Work; ports: ReadonlySet<string> } {
  const made = new Tracker(schema, { owns, singletons: ['NB_Global'], vendor: ['vendor', 'kube-ovn'] });
  const all = Array.from({ length: pods }, (_, at) => pod(`p${at}`));
  const ports = new Set<string>(all.map(({ lsp }) => lsp.id));
  made.replace('parts', [ls, ...groups]);
  all.forEach(({ facts }, at) => made.replace(`pod/${at}`, facts));
  made.change([
    ...[ls, ...groups].map((fact) => ({ table: fact.row, uuid: fact.id, new: whole(fact, { ports }) })),
    ...all.map(({ lsp }) => ({ table: lsp.row, uuid: lsp.id, new: whole(lsp) })),
  ]);
  made.connect();
  expect([made.synced, made.items.size]).toEqual([true, 0]);
  const work = { owners: 0, rows: 0 };
  made.watch({ owner: () => void work.owners++, row: () => void work.rows++ });
  return { tracker: made, work, ports };
}

const costOf = (work: Work, act: () => void): Work => {
  const before = { ...work };
  act();
  return { owners: work.owners - before.owners, rows: work.rows - before.rows };
};

describe.each([10, 1000])('beside %i pods', (count) => {
  it('one more is one owner to tell of, when it is wanted and when it is there', () => {
    const { tracker: made, work, ports } = tracker(count);
    const { lsp, facts } = pod('one-more');
    expect(costOf(work, () => made.replace('pod/one-more', facts))).toEqual({ owners: 1, rows: 1 });
    expect(made.items.size).toBe(4);
    const now = new Set([...ports, lsp.id]);
    const parents = [ls, ...groups].map((fact) => ({
      table: fact.row,
      uuid: fact.id,
      old: whole(fact, { ports }),
      new: whole(fact, { ports: now }),
      difference: { ports: new Set([lsp.id]) },
    }));
    const update = [{ table: lsp.row, uuid: lsp.id, new: whole(lsp) }, ...parents];
    expect(costOf(work, () => made.change(update))).toEqual({ owners: 1, rows: 4 });
    expect(made.items.size).toBe(0);
  });

  it('the same wish again costs nothing', () => {
    const { tracker: made, work } = tracker(count);
    expect(costOf(work, () => made.replace('pod/3', pod('p3').facts))).toEqual({ owners: 0, rows: 0 });
  });
});
