// What the compiler has to refuse is marked: an error that does not come is an error of `npm run check`.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { parseSchema, schemaTypes, typed } from '../../../lib/ovsdb/index.ts';
import type { Results, Session } from '../../../lib/ovsdb/index.ts';
import type { Tables as SwitchTables, Traits as SwitchTraits } from '../../../agent/drivers/vswitch.gen.ts';
import type { Tables, Traits } from '../../../operator/nb/schema.gen.ts';

const nb = typed<Tables, Traits>();
const vs = typed<SwitchTables, SwitchTraits>();
const U = '550e8400-e29b-41d4-a716-446655440000';

describe('typed', () => {
  it('builds plain operations', () => {
    expect(nb.insert('Port_Group', { name: 'g' }, { uuid: U })).toEqual({
      op: 'insert',
      table: 'Port_Group',
      uuid: U,
      row: { name: 'g' },
    });
    expect(nb.update('ACL', U, { action: 'drop' })).toEqual({
      op: 'update',
      table: 'ACL',
      where: [['_uuid', '==', U]],
      row: { action: 'drop' },
    });
    expect(
      nb.mutate('Logical_Switch', U, ['ports', 'insert', new Set([U])], ['external_ids', 'delete', new Set(['k'])]),
    ).toEqual({
      op: 'mutate',
      table: 'Logical_Switch',
      where: [['_uuid', '==', U]],
      mutations: [
        ['ports', 'insert', new Set([U])],
        ['external_ids', 'delete', new Set(['k'])],
      ],
    });
    expect(nb.delete('Logical_Switch', [['name', '==', 'a']])).toMatchObject({ where: [['name', '==', 'a']] });
  });

  it('has a builder for every operation of RFC 7047 section 5.2', () => {
    expect(nb.select('ACL', U)).toEqual({ op: 'select', table: 'ACL', where: [['_uuid', '==', U]] });
    expect(nb.select('ACL', [['priority', '>', 5]], ['match', '_uuid'])).toEqual({
      op: 'select',
      table: 'ACL',
      where: [['priority', '>', 5]],
      columns: ['match', '_uuid'],
    });
    expect(nb.wait('NB_Global', [], { until: '!=', columns: ['nb_cfg'], rows: [{ nb_cfg: 1 }], timeout: 0 })).toEqual({
      op: 'wait',
      table: 'NB_Global',
      where: [],
      columns: ['nb_cfg'],
      until: '!=',
      rows: [{ nb_cfg: 1 }],
      timeout: 0,
    });
    expect(nb.wait('NB_Global', [], { until: '==', columns: ['nb_cfg'], rows: [] })).not.toHaveProperty('timeout');
    expect([nb.commit(), nb.commit({ durable: false }), nb.abort(), nb.comment('c'), nb.assert('l')]).toEqual([
      { op: 'commit', durable: true },
      { op: 'commit', durable: false },
      { op: 'abort' },
      { op: 'comment', comment: 'c' },
      { op: 'assert', lock: 'l' },
    ]);
  });

  it('takes what the schema takes', () => {
    const operations = [
      nb.delete('Logical_Switch_Port', [
        ['tag', '<', 5],
        ['tag', '==', new Set([5])],
        ['tag', 'includes', 5],
        ['addresses', 'includes', 'dynamic'],
        ['external_ids', 'excludes', new Map([['k', 'v']])],
        ['_uuid', '!=', U],
      ]),
      nb.mutate(
        'NB_Global',
        [],
        ['nb_cfg', '+=', 2n ** 62n],
        ['nb_cfg', '%=', 7],
        ['options', 'delete', new Set(['k'])],
      ),
      nb.mutate(
        'Logical_Switch_Port',
        U,
        ['tag', '+=', 1],
        ['tag', 'insert', 5],
        ['addresses', 'delete', new Set(['a'])],
      ),
      vs.insert('Port', { name: 'p', interfaces: new Set(['i']) }),
      vs.insert('Bridge', { name: 'b' }),
      vs.update('Bridge', U, { datapath_type: 'netdev' }),
    ];
    expect(operations).toHaveLength(6);
  });

  it('is refused by the compiler where the schema would refuse it', () => {
    // @ts-expect-error no such table
    nb.insert('Logical_Swich', {});
    // @ts-expect-error no such column
    nb.insert('ACL', { action: 'drop', direction: 'to-lport', prioritty: 5 });
    // @ts-expect-error not in the enum
    nb.insert('ACL', { action: 'alow', direction: 'to-lport' });
    // @ts-expect-error the default of direction is not in its enum: it has to be stated
    nb.insert('ACL', { action: 'drop' });
    // @ts-expect-error at least one interface
    vs.insert('Port', { name: 'p' });
    // @ts-expect-error a set, not an atom
    nb.insert('Logical_Switch_Port', { tag: 5 });
    // @ts-expect-error another column's type
    nb.mutate('Logical_Switch', U, ['ports', 'insert', new Map([['a', 'b']])]);
    // @ts-expect-error no such column in a condition
    nb.delete('Logical_Switch', [['nam', '==', 'a']]);
    // @ts-expect-error text has no order
    nb.delete('Logical_Switch', [['name', '<', 'a']]);
    // @ts-expect-error nor have sets and maps
    nb.delete('Logical_Switch', [['ports', '>=', U]]);
    // @ts-expect-error an optional text has none either
    nb.delete('Logical_Switch_Port', [['parent_name', '<', 'a']]);
    // @ts-expect-error no such function
    nb.delete('ACL', [['priority', '=', 5]]);
    // @ts-expect-error a uuid is equal or not
    nb.delete('ACL', [['_uuid', '<', U]]);
    // @ts-expect-error text is not calculated with
    nb.mutate('Logical_Switch', U, ['name', '+=', 'a']);
    // @ts-expect-error nor inserted into
    nb.mutate('Logical_Switch', U, ['name', 'insert', 'a']);
    // @ts-expect-error a number is no set
    nb.mutate('ACL', U, ['priority', 'insert', 5]);
    // @ts-expect-error nothing is added to a set of texts
    nb.mutate('Logical_Switch_Port', U, ['addresses', '+=', 1]);
    // @ts-expect-error keys alone are deleted, not inserted
    nb.mutate('Logical_Switch', U, ['external_ids', 'insert', new Set(['k'])]);
    // @ts-expect-error never changes
    vs.update('Bridge', U, { name: 'another' });
    // @ts-expect-error never changes
    vs.mutate('Interface', U, ['name', 'insert', 'x']);
    // @ts-expect-error no such column to select
    nb.select('ACL', U, ['mach']);
    // @ts-expect-error a row of another column than is waited for
    nb.wait('NB_Global', [], { until: '==', columns: ['nb_cfg'], rows: [{ sb_cfg: 1 }] });
    expect(nb).toBeDefined();
  });

  it('knows the results by the operations', () => {
    const operations = [
      nb.insert('Port_Group', { name: 'g' }),
      nb.select('ACL', [], ['priority', 'label', '_uuid']),
      nb.select('Port_Group', []),
      nb.delete('ACL', U),
      nb.comment('c'),
    ] as const;
    type Got = Results<typeof operations>;
    expectTypeOf<Got[0]>().toEqualTypeOf<{ readonly uuid: string }>();
    expectTypeOf<Got[1]['rows'][number]>().toEqualTypeOf<{
      readonly priority: number;
      readonly label: number;
      readonly _uuid: string;
    }>();
    expectTypeOf<Got[2]['rows'][number]['name']>().toEqualTypeOf<string>();
    expectTypeOf<Got[2]['rows'][number]['ports']>().toEqualTypeOf<ReadonlySet<string>>();
    expectTypeOf<Got[3]>().toEqualTypeOf<{ readonly count: number }>();
    expectTypeOf<Results<Parameters<Session['transact']>[0]>[number]>().toHaveProperty('uuid');
    expect(operations).toHaveLength(5);
  });
});

describe('schemaTypes', () => {
  it('gives exactly the committed module, so that the pinned schema and the types agree', () => {
    const root = join(import.meta.dirname, '../../..');
    const text = (path: string): string => readFileSync(join(root, path), 'utf8');
    for (const [schema, types] of [
      ['operator/nb/ovn-nb.ovsschema', 'operator/nb/schema.gen.ts'],
      ['agent/drivers/vswitch.ovsschema', 'agent/drivers/vswitch.gen.ts'],
      ['lib/ovsdb/server.ovsschema', 'lib/ovsdb/server.gen.ts'],
    ] as const) {
      expect(schemaTypes(parseSchema(JSON.parse(text(schema))))).toBe(text(types));
    }
  });

  it('writes what a type cannot say beside it, and quotes what an enum holds', () => {
    const source = schemaTypes(
      parseSchema({
        name: 'D',
        version: '1.0.0',
        tables: {
          my_table: {
            isRoot: true,
            indexes: [['a', 'b']],
            columns: {
              a: { type: { key: { type: 'string', enum: ['set', ["it's", 'a\\b', '"q"']] } }, mutable: false },
              b: { type: { key: 'integer', value: 'real', min: 0, max: 3 }, ephemeral: true },
              c: { type: { key: { type: 'uuid', refTable: 'my_table', refType: 'weak' }, min: 0, max: 1 } },
              d: { type: { key: { type: 'integer', minInteger: 0, maxInteger: 7 } } },
            },
          },
        },
      }),
    );
    expect(source).toContain('/** my_table: rows live until deleted; unique: a, b. */');
    expect(source).toContain('export type MyTableRow = {');
    expect(source).toContain(`/** immutable */\n  readonly a: '"q"' | 'a\\\\b' | 'it\\'s';`);
    expect(source).toContain('/** 0..3 elements; ephemeral */\n  readonly b: ReadonlyMap<number | bigint, number>;');
    expect(source).toContain('/** weak reference to my_table; optional */\n  readonly c: ReadonlySet<string>;');
    expect(source).toContain('/** 0..7 */\n  readonly d: number;');
    expect(source).toContain("my_table: ['a', 'b', 'c', 'd'],");
    expect(source).toContain(
      "readonly my_table: { readonly immutable: 'a'; readonly required: 'a'; readonly optional: 'c' };",
    );
    expect(source).toContain("readonly name: 'D';");
  });

  it('says which columns an insert has to state, because their default is not allowed', () => {
    const column = (key: object, rest: object = {}): object => ({ type: { key, ...rest } });
    const source = schemaTypes(
      parseSchema({
        name: 'D',
        tables: {
          t: {
            columns: {
              free: { type: 'string' },
              listed: column({ type: 'string', enum: ['set', ['a', '']] }),
              high: column({ type: 'integer', minInteger: 5 }),
              low: column({ type: 'integer', minInteger: -5, maxInteger: -1 }),
              real: column({ type: 'real', minReal: 0.5 }),
              long: column({ type: 'string', minLength: 1 }),
              some: column({ type: 'integer', minInteger: 5 }, { min: 0 }),
              pairs: column({ type: 'string' }, { value: { type: 'integer', maxInteger: -1 } }),
              strong: column({ type: 'uuid', refTable: 't' }),
              loose: { type: 'uuid' },
            },
          },
        },
      }),
    );
    expect(source).toContain("readonly required: 'high' | 'long' | 'low' | 'pairs' | 'real' | 'strong';");
    expect(source).toContain("readonly optional: 'some'; readonly real: 'real' };");
  });
});
