// What the compiler has to refuse is marked: an error that does not come is an error of `npm run check`.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseSchema, schemaTypes, typed } from '../../../lib/ovsdb/index.ts';
import type { Tables } from '../../../operator/nb/schema.gen.ts';

const nb = typed<Tables>();
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

  it('is refused by the compiler where the schema would refuse it', () => {
    // @ts-expect-error no such table
    nb.insert('Logical_Swich', {});
    // @ts-expect-error no such column
    nb.insert('ACL', { prioritty: 5 });
    // @ts-expect-error not in the enum
    nb.insert('ACL', { action: 'alow' });
    // @ts-expect-error a set, not an atom
    nb.insert('Logical_Switch_Port', { tag: 5 });
    // @ts-expect-error another column's type
    nb.mutate('Logical_Switch', U, ['ports', 'insert', new Map([['a', 'b']])]);
    // @ts-expect-error no such column in a condition
    nb.delete('Logical_Switch', [['nam', '==', 'a']]);
    expect(nb).toBeDefined();
  });
});

describe('schemaTypes', () => {
  it('gives exactly the committed module, so that the pinned schema and the types agree', () => {
    const root = join(import.meta.dirname, '../../..');
    const text = (path: string): string => readFileSync(join(root, path), 'utf8');
    for (const [schema, types] of [
      ['operator/nb/ovn-nb.ovsschema', 'operator/nb/schema.gen.ts'],
      ['agent/drivers/vswitch.ovsschema', 'agent/drivers/vswitch.gen.ts'],
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
    expect(source).toContain(`/** immutable */\n  readonly a: 'it\\'s' | 'a\\\\b' | '"q"';`);
    expect(source).toContain('/** 0..3 elements; ephemeral */\n  readonly b: ReadonlyMap<number | bigint, number>;');
    expect(source).toContain('/** weak reference to my_table; optional */\n  readonly c: ReadonlySet<string>;');
    expect(source).toContain('/** 0..7 */\n  readonly d: number;');
    expect(source).toContain("my_table: ['a', 'b', 'c', 'd'],");
  });
});
