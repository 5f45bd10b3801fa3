// Operations against the real server; what they wrote is read back with Debian's own client.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  Aborted,
  Canceled,
  ConstraintViolation,
  DomainError,
  DuplicateUuid,
  DuplicateUuidName,
  NotOwner,
  ReferentialIntegrityViolation,
  RequestError,
  ResultRangeError,
  TimedOut,
  TransactError,
  UnknownColumn,
  UnknownFunction,
  UnknownMutator,
  UnknownTable,
} from '../../../lib/ovsdb/index.ts';
import type { Operation, OperationResult } from '../../../lib/ovsdb/index.ts';
import { startServer } from '../../ovsdb-server.ts';
import { live, plainRows } from './live.ts';
import type { Live } from './live.ts';

const TABLES = {
  Logical_Switch: ['name', 'ports', 'external_ids'],
  Logical_Switch_Port: ['name', 'addresses', 'tag', 'up', 'external_ids'],
  Port_Group: ['name', 'ports'],
  NB_Global: ['nb_cfg'],
};

let server: Awaited<ReturnType<typeof startServer>>;
let it_: Live;
const transact = async (...operations: Operation[]): Promise<readonly OperationResult[]> =>
  await it_.session.transact(operations);

/** The error of a transaction that must fail, and that must have changed nothing. */
async function refused(...operations: Operation[]): Promise<TransactError> {
  const before = await server.client('dump', server.remote, server.database);
  const error: unknown = await transact(...operations).catch((error: unknown) => error);
  expect(error).toBeInstanceOf(TransactError);
  expect(await server.client('dump', server.remote, server.database)).toBe(before);
  return error as TransactError;
}

beforeAll(async () => {
  server = await startServer();
  it_ = live({ remotes: [server.remote], tables: TABLES });
  await it_.ready();
});

afterAll(async () => {
  await it_.session.stop();
  await server.dispose();
});

beforeEach(async () => {
  await server.transact(
    ['Logical_Switch', 'Port_Group', 'NB_Global'].map((table) => ({ op: 'delete', table, where: [] })),
  );
});

const ls = (uuid: string, name: string, ...ports: string[]): Operation => ({
  op: 'insert',
  table: 'Logical_Switch',
  uuid,
  row: { name, ports: new Set(ports) },
});
const lsp = (uuid: string, name: string): Operation => ({
  op: 'insert',
  table: 'Logical_Switch_Port',
  uuid,
  row: { name },
});

describe('insert', () => {
  it('gives rows the uuids that were chosen, references forward in the transaction intact', async () => {
    const [a, p, q] = [randomUUID(), randomUUID(), randomUUID()];
    expect(await transact(ls(a, 'a', p, q), lsp(p, 'p'), lsp(q, 'q'))).toEqual([{ uuid: a }, { uuid: p }, { uuid: q }]);
    expect(await server.dump('Logical_Switch', ['_uuid', 'name', 'ports'])).toEqual([
      { _uuid: a, name: 'a', ports: [p, q].sort() },
    ]);
  });

  it('resolves uuid-names, before and after their declaration', async () => {
    const [{ uuid } = {}] = await transact(
      { op: 'insert', table: 'Logical_Switch', row: { name: 'a', ports: new Set(['p', 'q']) }, uuidName: 'a' },
      { op: 'insert', table: 'Logical_Switch_Port', row: { name: 'p' }, uuidName: 'p' },
      { op: 'insert', table: 'Logical_Switch_Port', row: { name: 'q' }, uuidName: 'q' },
    );
    const ports = await server.dump('Logical_Switch_Port', ['_uuid']);
    expect(await server.dump('Logical_Switch', ['_uuid', 'ports'])).toEqual([
      { _uuid: uuid, ports: ports.map((row) => row['_uuid']) },
    ]);
    const twice: Operation = { op: 'insert', table: 'Logical_Switch', row: {}, uuidName: 'x' };
    expect(await refused(twice, twice)).toBeInstanceOf(DuplicateUuidName);
  });

  it('refuses a uuid that is taken, naming the operation', async () => {
    const [a, b] = [randomUUID(), randomUUID()];
    await transact(ls(a, 'a'));
    const error = await refused(ls(b, 'b'), ls(a, 'again'));
    expect(error).toBeInstanceOf(DuplicateUuid);
    expect(error).toMatchObject({ index: 1, operation: ls(a, 'again'), code: 'duplicate uuid' });
  });

  it('refuses a duplicate of a unique column at commit, when no operation is to blame', async () => {
    const error = await refused(
      ...['x', 'x'].map((name): Operation => ({ op: 'insert', table: 'Port_Group', row: { name } })),
    );
    expect(error).toBeInstanceOf(ConstraintViolation);
    expect(error).toMatchObject({ index: 2, operation: undefined });
  });
});

describe('references', () => {
  it('refuses a strong one to a row that is missing', async () => {
    expect(await refused(ls(randomUUID(), 'a', randomUUID()))).toBeInstanceOf(ReferentialIntegrityViolation);
  });

  it('loses a weak one to a row that is missing, without a word', async () => {
    await transact({ op: 'insert', table: 'Port_Group', row: { name: 'g', ports: new Set([randomUUID()]) } });
    expect(await server.dump('Port_Group', ['name', 'ports'])).toEqual([{ name: 'g', ports: [] }]);
  });

  it('collects a child with its last strong reference, and drops weak ones to it', async () => {
    const [a, p] = [randomUUID(), randomUUID()];
    await transact(ls(a, 'a', p), lsp(p, 'p'), {
      op: 'insert',
      table: 'Port_Group',
      row: { name: 'g', ports: new Set([p]) },
    });
    await transact({
      op: 'mutate',
      table: 'Logical_Switch',
      where: [['_uuid', '==', a]],
      mutations: [['ports', 'delete', new Set([p])]],
    });
    expect(await server.dump('Logical_Switch_Port')).toEqual([]);
    expect(await server.dump('Port_Group', ['ports'])).toEqual([{ ports: [] }]);
    expect(it_.batches.at(-1)?.map(({ table, difference }) => [table, difference])).toEqual([
      ['Logical_Switch', { ports: new Set([p]) }],
      ['Logical_Switch_Port', undefined],
      ['Port_Group', { ports: new Set([p]) }],
    ]);
    expect(it_.replica.size('Logical_Switch_Port')).toBe(0);
  });
});

describe('update, mutate, delete, select', () => {
  it('count the rows that they met', async () => {
    const a = randomUUID();
    await transact(ls(a, 'a'), ls(randomUUID(), 'b'));
    const where = [['_uuid', '==', a]] as const;
    const nowhere = [['_uuid', '==', randomUUID()]] as const;
    const table = 'Logical_Switch';
    const results = await transact(
      { op: 'update', table, where, row: { name: 'a2' } },
      { op: 'update', table, where: nowhere, row: { name: 'c' } },
      { op: 'mutate', table, where: [], mutations: [['external_ids', 'insert', new Map([['k', 'v']])]] },
      { op: 'delete', table, where: [['name', '==', 'b']] },
      { op: 'select', table, where: [['external_ids', 'includes', new Map([['k', 'v']])]], columns: ['name', '_uuid'] },
    );
    expect(results).toEqual([
      { count: 1 },
      { count: 0 },
      { count: 2 },
      { count: 1 },
      { rows: [{ name: 'a2', _uuid: a }] },
    ]);
    expect(await server.dump(table, ['name', 'external_ids'])).toEqual([{ name: 'a2', external_ids: { k: 'v' } }]);
  });

  it('change maps by key: insert keeps a key that is there, delete then insert replaces it', async () => {
    const a = randomUUID();
    await transact({
      op: 'insert',
      table: 'Logical_Switch',
      uuid: a,
      row: {
        external_ids: new Map([
          ['k', '1'],
          ['other', 'x'],
        ]),
      },
    });
    const mutate = (...mutations: Extract<Operation, { op: 'mutate' }>['mutations']): Operation => ({
      op: 'mutate',
      table: 'Logical_Switch',
      where: [['_uuid', '==', a]],
      mutations,
    });
    const two = new Map([['k', '2']]);
    await transact(mutate(['external_ids', 'insert', two]));
    expect(await server.dump('Logical_Switch', ['external_ids'])).toEqual([{ external_ids: { k: '1', other: 'x' } }]);
    await transact(mutate(['external_ids', 'delete', two]));
    expect(await server.dump('Logical_Switch', ['external_ids'])).toEqual([{ external_ids: { k: '1', other: 'x' } }]);
    await transact(mutate(['external_ids', 'delete', new Set(['k'])], ['external_ids', 'insert', two]));
    expect(await server.dump('Logical_Switch', ['external_ids'])).toEqual([{ external_ids: { k: '2', other: 'x' } }]);
    expect(it_.replica.row('Logical_Switch', a)?.['external_ids']).toEqual(
      new Map([
        ['k', '2'],
        ['other', 'x'],
      ]),
    );
  });

  it('carry integers of 64 bits both ways without rounding', async () => {
    const big = 9007199254740993n;
    const [{ uuid = '' } = {}] = await transact({ op: 'insert', table: 'NB_Global', row: { nb_cfg: big } });
    expect(
      await server.client('--format=csv', 'dump', server.remote, server.database, 'NB_Global', 'nb_cfg'),
    ).toContain('9007199254740993');
    expect(it_.replica.row('NB_Global', uuid)).toEqual({ nb_cfg: big });
    await transact({ op: 'mutate', table: 'NB_Global', where: [], mutations: [['nb_cfg', '+=', 2]] });
    expect(it_.replica.row('NB_Global', uuid)).toEqual({ nb_cfg: big + 2n });
  });

  it('treat an optional column as a set of at most one', async () => {
    const [a, p] = [randomUUID(), randomUUID()];
    await transact(ls(a, 'a', p), lsp(p, 'p'));
    for (const tag of [[5], [6], []]) {
      await transact({ op: 'update', table: 'Logical_Switch_Port', where: [], row: { tag: new Set(tag) } });
      expect(await server.dump('Logical_Switch_Port', ['tag'])).toEqual([{ tag: tag.length === 1 ? tag[0] : [] }]);
      expect(it_.replica.row('Logical_Switch_Port', p)?.['tag']).toEqual(new Set(tag));
    }
  });
});

describe('where', () => {
  it('may be a constant instead of a condition', async () => {
    await transact(ls(randomUUID(), 'a'), ls(randomUUID(), 'b'));
    const table = 'Logical_Switch';
    const results = await transact(
      { op: 'update', table, where: [false], row: { name: 'c' } },
      { op: 'update', table, where: [true, ['name', '==', 'a']], row: { name: 'd' } },
      { op: 'delete', table, where: [true] },
    );
    expect(results).toEqual([{ count: 0 }, { count: 1 }, { count: 2 }]);
  });
});

describe('failures', () => {
  it.each<[string, typeof TransactError, Operation]>([
    [
      'a wait that is not met',
      TimedOut,
      {
        op: 'wait',
        table: 'NB_Global',
        where: [],
        columns: ['nb_cfg'],
        until: '==',
        rows: [{ nb_cfg: 77 }],
        timeout: 0,
      },
    ],
    ['an abort', Aborted, { op: 'abort' }],
    ['a lock that is not held', NotOwner, { op: 'assert', lock: 'x' }],
    [
      'a division by zero',
      DomainError,
      { op: 'mutate', table: 'NB_Global', where: [], mutations: [['nb_cfg', '/=', 0]] },
    ],
    [
      'an overflow',
      ResultRangeError,
      { op: 'mutate', table: 'NB_Global', where: [], mutations: [['nb_cfg', '+=', 2n ** 63n - 1n]] },
    ],
    [
      'a value that the enum does not have',
      ConstraintViolation,
      { op: 'insert', table: 'ACL', row: { action: 'maybe', direction: 'to-lport', match: '', priority: 1 } },
    ],
    ['a value of another type', ConstraintViolation, { op: 'insert', table: 'NB_Global', row: { nb_cfg: 'x' } }],
    [
      'a function that there is not',
      UnknownFunction,
      { op: 'delete', table: 'NB_Global', where: [['nb_cfg', '~' as never, 1]] },
    ],
    [
      'a mutator that there is not',
      UnknownMutator,
      { op: 'mutate', table: 'NB_Global', where: [], mutations: [['nb_cfg', '**' as never, 1]] },
    ],
    ['an unknown column', UnknownColumn, { op: 'insert', table: 'NB_Global', row: { nope: 1 } }],
    ['an unknown table', UnknownTable, { op: 'insert', table: 'Nope', row: {} }],
  ])('%s is its own class, and nothing is applied', async (_, type, operation) => {
    await server.transact([{ op: 'insert', table: 'NB_Global', row: { nb_cfg: 1 } }]);
    const before: Operation = { op: 'insert', table: 'Port_Group', row: { name: 'before' } };
    const error = await refused(before, operation);
    expect(error).toBeInstanceOf(type);
    expect(error.index).toBe(1);
    expect(error.operation).toBe(operation);
  });

  it('of one transaction do not touch those pipelined with it', async () => {
    const outcomes = await Promise.allSettled(
      ['a', 'b', 'a', 'c'].map((name) => transact({ op: 'insert', table: 'Port_Group', row: { name } })),
    );
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled']);
    const names = await server.dump('Port_Group', ['name']);
    expect(new Set(names.map((row) => row['name']))).toEqual(new Set(['a', 'b', 'c']));
    expect(names).toHaveLength(3);
  });
});

describe('cancelling', () => {
  const never: Operation = {
    op: 'wait',
    table: 'NB_Global',
    where: [],
    columns: ['nb_cfg'],
    until: '==',
    rows: [{ nb_cfg: 1 }],
  };
  const insert: Operation = { op: 'insert', table: 'Port_Group', row: { name: 'cancelled' } };

  it('ends a transaction that waits, of which nothing is written', async () => {
    const abort = new AbortController();
    const waiting = it_.session.transact([never, insert], { signal: abort.signal }).catch((error: unknown) => error);
    // A reply that comes after it shows that the server has taken it up.
    await transact({ op: 'comment', comment: 'after it' });
    abort.abort();
    expect(await waiting).toBeInstanceOf(Canceled);
    expect(await waiting).toMatchObject({ code: 'canceled', uncertain: false });
    expect(await server.dump('Port_Group')).toEqual([]);
    expect(it_.session.state).toBe('ready');
  });

  it('comes too late for one that is done, whose outcome stands', async () => {
    const abort = new AbortController();
    const done = it_.session.transact([insert], { signal: abort.signal });
    abort.abort();
    expect(await done).toHaveLength(1);
    expect(await server.dump('Port_Group', ['name'])).toEqual([{ name: 'cancelled' }]);
  });

  it('before it is sent sends nothing', async () => {
    const sent = it_.session.transact([insert], { signal: AbortSignal.abort() });
    await expect(sent).rejects.toBeInstanceOf(Canceled);
    expect(await server.dump('Port_Group')).toEqual([]);
  });
});

describe('other requests', () => {
  it('pass as they are: databases, and a lock that an assert then finds', async () => {
    expect(await it_.session.request('list_dbs', [])).toContain('OVN_Northbound');
    expect(await it_.session.request('lock', ['mine'])).toEqual({ locked: true });
    expect(await transact({ op: 'assert', lock: 'mine' }, { op: 'comment', comment: 'c' })).toEqual([{}, {}]);
    await it_.session.request('unlock', ['mine']);
    await expect(it_.session.request('nonsense', [])).rejects.toBeInstanceOf(RequestError);
    expect(it_.session.state).toBe('ready');
  });
});

describe('the replica', () => {
  it('has the changes of a transaction when its reply arrives, in one batch', async () => {
    const before = it_.batches.length;
    const [a, p] = [randomUUID(), randomUUID()];
    await transact(ls(a, 'a', p), lsp(p, 'p'));
    expect(it_.batches).toHaveLength(before + 1);
    expect(it_.replica.row('Logical_Switch', a)).toMatchObject({ name: 'a', ports: new Set([p]) });
  });

  it('equals the database after many changes of every kind', async () => {
    const ids = Array.from({ length: 20 }, () => randomUUID());
    for (let round = 0; round < 40; round += 1) {
      const id = ids[(round * 7) % ids.length] ?? '';
      const where = [['_uuid', '==', id]] as const;
      const exists = it_.replica.row('Logical_Switch', id) !== undefined;
      const port = randomUUID();
      await transact(
        ...(exists ? [] : [ls(id, `s${round}`)]),
        lsp(port, `p${round}`),
        { op: 'mutate', table: 'Logical_Switch', where, mutations: [['ports', 'insert', new Set([port])]] },
        {
          op: 'mutate',
          table: 'Logical_Switch',
          where,
          mutations: [['external_ids', 'insert', new Map([[`k${round}`, 'v']])]],
        },
        ...(round % 3 === 0 ? [{ op: 'delete', table: 'Logical_Switch', where } as const] : []),
        ...(round % 4 === 0
          ? [{ op: 'update', table: 'Logical_Switch', where: [], row: { ports: new Set<string>() } } as const]
          : []),
      );
    }
    for (const [table, columns] of Object.entries(TABLES)) {
      expect(plainRows(it_.replica, table)).toEqual(await server.dump(table, ['_uuid', ...columns]));
    }
    expect(it_.replica.size('Logical_Switch')).toBeGreaterThan(0);
  });
});
