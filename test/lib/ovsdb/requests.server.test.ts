// Requests about a server, on a session, on a connection for one question, and with certificates missing or a server silent.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  ConnectionLost,
  ProtocolError,
  RequestError,
  UnknownDatabase,
  UnknownMethod,
  ask,
  convert,
  echo,
  getSchema,
  getServerId,
  listDatabases,
} from '../../../lib/ovsdb/index.ts';
import { startServer } from '../../ovsdb-server.ts';
import { live } from './live.ts';
import type { Live } from './live.ts';

let server: Awaited<ReturnType<typeof startServer>>;
let it_: Live;

beforeAll(async () => {
  server = await startServer();
  it_ = live({ remotes: [server.remote], tables: { Port_Group: ['name'] } });
  await it_.ready();
});

afterAll(async () => {
  await it_.session.stop();
  await server.dispose();
});

describe('requests about a server', () => {
  it('give its databases, their schemas, its process and an echo', async () => {
    expect(new Set(await listDatabases(it_.session))).toEqual(new Set(['OVN_Northbound', '_Server']));
    const { name, tables } = await getSchema(it_.session, 'OVN_Northbound');
    expect([name, tables.has('Logical_Switch')]).toEqual(['OVN_Northbound', true]);
    const id = await getServerId(it_.session);
    expect(id).toMatch(/^[0-9a-f-]{36}$/);
    expect(await ask(server.remote, getServerId)).toBe(id);
    expect(await echo(it_.session, ['a', 1])).toEqual(['a', 1]);
    expect(await echo(it_.session)).toEqual([]);
  });

  it('fail as classes, and leave the session as it is', async () => {
    await expect(getSchema(it_.session, 'Nope')).rejects.toBeInstanceOf(UnknownDatabase);
    await expect(it_.session.request('nope', [])).rejects.toBeInstanceOf(UnknownMethod);
    const other = { name: 'Nope', version: '1.0.0', tables: {} };
    await expect(convert(it_.session, other)).rejects.toBeInstanceOf(RequestError);
    await expect(convert(it_.session, 'no schema')).rejects.toBeInstanceOf(ProtocolError);
    expect([it_.session.state, it_.lost]).toEqual(['ready', []]);
  });

  it('convert a database, with which the session goes on', async () => {
    const schema = JSON.parse(await server.client('get-schema', server.remote, server.database)) as {
      version: string;
      tables: Record<string, { columns: Record<string, unknown> }>;
    };
    schema.tables['Port_Group']!.columns['colour'] = { type: 'string' };
    schema.version = '99.0.0';
    await ask(server.remote, (other) => convert(other, schema));
    expect((await ask(server.remote, (other) => getSchema(other, server.database))).version).toBe('99.0.0');
    await it_.ready();
    const name = randomUUID();
    await server.transact([{ op: 'insert', table: 'Port_Group', row: { name, colour: 'blue' } }]);
    expect(await server.dump('Port_Group', ['name', 'colour'])).toEqual([{ name, colour: 'blue' }]);
  });
});

describe('a question by itself', () => {
  it('is given up in time, and has an end when the server is not there', async () => {
    await expect(ask('unix:/nonexistent', echo)).rejects.toThrow('ENOENT');
    server.pause();
    try {
      const asked = ask(server.remote, listDatabases, { timeout: 50 });
      await expect(asked).rejects.toBeInstanceOf(ConnectionLost);
      await expect(asked).rejects.toThrow('no answer within 50 ms');
    } finally {
      server.resume();
    }
    await expect(ask('ssl:127.0.0.1:1', echo)).rejects.toThrow('needs certificates');
    await expect(ask('nonsense', echo)).rejects.toBeInstanceOf(RangeError);
  });
});
