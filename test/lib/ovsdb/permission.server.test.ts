// Role-based access control (ovsdb-server(7) 4.1.3): a remote whose clients have a role that may read and not write.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { PermissionDenied, connect } from '../../../lib/ovsdb/index.ts';
import { eventually } from '../../eventually.ts';
import { startServer } from '../../ovsdb-server.ts';

const reference = (refTable: string): object => ({ key: { type: 'uuid', refTable }, min: 0, max: 'unlimited' });
const table = (columns: Readonly<Record<string, unknown>>): object => ({
  isRoot: true,
  columns: Object.fromEntries(Object.entries(columns).map(([name, type]) => [name, { type }])),
});
const texts = { key: 'string', min: 0, max: 'unlimited' };
const SCHEMA = {
  name: 'Guarded',
  version: '1.0.0',
  tables: {
    Global: table({ connections: reference('Connection') }),
    Connection: table({ target: 'string', role: 'string' }),
    RBAC_Role: table({
      name: 'string',
      permissions: { key: 'string', value: { type: 'uuid', refTable: 'RBAC_Permission' }, min: 0, max: 'unlimited' },
    }),
    RBAC_Permission: table({ table: 'string', authorization: texts, insert_delete: 'boolean', update: texts }),
    Thing: table({ name: 'string' }),
  },
};

let directory: string;
let server: Awaited<ReturnType<typeof startServer>>;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'ovsdb-role-'));
  const schema = join(directory, 'guarded.ovsschema');
  await writeFile(schema, JSON.stringify(SCHEMA));
  server = await startServer({ schema, args: ['--remote=db:Guarded,Global,connections'] });
});

afterAll(async () => {
  await server.dispose();
  await rm(directory, { recursive: true });
});

it('gives a refusal of its own class to a client whose role may not write', async () => {
  const guarded = `unix:${join(directory, 'guarded.sock')}`;
  await server.transact([
    { op: 'insert', table: 'Thing', row: { name: 'a' } },
    { op: 'insert', table: 'RBAC_Role', row: { name: 'reader' } },
    { op: 'insert', table: 'Connection', 'uuid-name': 'c', row: { target: `p${guarded}`, role: 'reader' } },
    { op: 'insert', table: 'Global', row: { connections: ['named-uuid', 'c'] } },
  ]);
  await eventually(async () => (await server.client('list-dbs', guarded)).includes('Guarded'));
  const reader = await connect(guarded, { database: 'Guarded', tables: { Thing: ['name'] } });
  try {
    expect([...reader.rows('Thing')].map(([, row]) => row['name'])).toEqual(['a']);
    const refused: unknown = await reader
      .transact((build) => [build.insert('Thing', { name: 'b' })])
      .catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(PermissionDenied);
    expect(refused).toMatchObject({ index: 0, code: 'permission error' });
    expect(await server.dump('Thing', ['name'])).toEqual([{ name: 'a' }]);
  } finally {
    await reader.close();
  }
});
