import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ProtocolError } from '../../../lib/ovsdb/errors.ts';
import { parseSchema } from '../../../lib/ovsdb/schema.ts';

const file = (path: string): unknown => JSON.parse(readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8'));
const northbound = parseSchema(file('operator/nb/ovn-nb.ovsschema'));
const vswitch = parseSchema(file('agent/drivers/vswitch.ovsschema'));

describe('parseSchema', () => {
  it('keeps everything that the pinned schemas state', () => {
    expect(northbound).toMatchObject({ name: 'OVN_Northbound', version: '7.11.0' });
    const port = northbound.tables.get('Logical_Switch_Port')!;
    expect(port).toMatchObject({ isRoot: false, indexes: [['name']], maxRows: Infinity });
    expect(northbound.tables.get('Logical_Switch')!.columns.get('ports')).toEqual({
      name: 'ports',
      key: { type: 'uuid', refTable: 'Logical_Switch_Port', refType: 'strong' },
      min: 0,
      max: Infinity,
      ephemeral: false,
      mutable: true,
    });
    expect(northbound.tables.get('Port_Group')!.columns.get('ports')!.key.refType).toBe('weak');
    expect(northbound.tables.get('NB_Global')).toMatchObject({ isRoot: true, maxRows: 1 });
    expect(northbound.tables.get('ACL')!.columns.get('priority')!.key).toEqual({ type: 'integer', min: 0, max: 32767 });
    expect(vswitch.tables.get('Bridge')!.columns.get('name')!.mutable).toBe(false);
    expect(vswitch.tables.get('Interface')!.columns.get('statistics')).toMatchObject({
      ephemeral: true,
      key: { type: 'string' },
      value: { type: 'integer' },
    });
    expect(vswitch.tables.get('Port')!.columns.get('vlan_mode')!.key.enum).toContain('native-tagged');
  });

  it('takes an enum of one, a strong reference by default, and roots everywhere when none is stated', () => {
    const { tables } = parseSchema({
      name: 'D',
      tables: {
        a: { columns: { e: { type: { key: { type: 'integer', enum: 5 } } } } },
        b: { columns: { r: { type: { key: { type: 'uuid', refTable: 'a' } } } } },
      },
    });
    expect(tables.get('a')).toMatchObject({ isRoot: true });
    expect(tables.get('a')!.columns.get('e')!.key.enum).toEqual([5]);
    expect(tables.get('b')!.columns.get('r')!.key).toEqual({ type: 'uuid', refTable: 'a', refType: 'strong' });
  });

  it.each<[string, unknown]>([
    ['no object', 5],
    ['no name', { tables: {} }],
    ['no tables', { name: 'a' }],
    ['an illegal table', { name: 'a', tables: { 'x-y': { columns: {} } } }],
    ['a reserved column', { name: 'a', tables: { t: { columns: { _uuid: { type: 'uuid' } } } } }],
    ['__proto__', JSON.parse('{"name":"a","tables":{"t":{"columns":{"__proto__":{"type":"string"}}}}}')],
    ['an unknown type', { name: 'a', tables: { t: { columns: { c: { type: 'text' } } } } }],
    ['a strange minimum', { name: 'a', tables: { t: { columns: { c: { type: { key: 'string', min: 2 } } } } } }],
    ['a strange maximum', { name: 'a', tables: { t: { columns: { c: { type: { key: 'string', max: 'x' } } } } } }],
    [
      'a strange reference',
      {
        name: 'a',
        tables: { t: { columns: { c: { type: { key: { type: 'uuid', refTable: 't', refType: 'x' } } } } } },
      },
    ],
  ])('refuses %s', (_, json) => {
    expect(() => parseSchema(json)).toThrow(ProtocolError);
  });
});
