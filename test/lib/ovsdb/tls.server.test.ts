// TLS and TCP against the real server, with certificates made here; a renewed certificate is taken without a restart.
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Tls } from '../../../lib/ovsdb/index.ts';
import { eventually } from '../../eventually.ts';
import { startServer } from '../../ovsdb-server.ts';
import { live } from './live.ts';
import type { Live } from './live.ts';

const openssl = async (...args: string[]): Promise<unknown> => await promisify(execFile)('openssl', args);
let directory: string;
const at = (name: string): string => join(directory, name);

async function authority(name: string): Promise<void> {
  await openssl(
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-days',
    '2',
    '-subj',
    `/CN=${name}`,
    '-keyout',
    at(`${name}.key`),
    '-out',
    at(`${name}.crt`),
  );
}

async function certificate(name: string, ca: string): Promise<void> {
  await openssl(
    'req',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-subj',
    `/CN=${name}`,
    '-keyout',
    at(`${name}.key`),
    '-out',
    at(`${name}.csr`),
  );
  await openssl(
    'x509',
    '-req',
    '-days',
    '2',
    '-in',
    at(`${name}.csr`),
    '-CA',
    at(`${ca}.crt`),
    '-CAkey',
    at(`${ca}.key`),
    '-CAcreateserial',
    '-out',
    at(`${name}.crt`),
  );
}

let server: Awaited<ReturnType<typeof startServer>>;
let port: number;
const sessions: Live[] = [];

const tables = { Logical_Switch: ['name'] };
const files = (client: string, ca = 'ca'): { ca: string; cert: string; key: string } => ({
  ca: at(`${ca}.crt`),
  cert: at(`${client}.crt`),
  key: at(`${client}.key`),
});
const text = async (name: string): Promise<string> => await readFile(at(name), 'utf8');
function connect(remote: string, tls?: Tls): Live {
  const started = live({ remotes: [remote], tables, ...(tls && { tls }) });
  sessions.push(started);
  return started;
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'ovsdb-tls-'));
  await Promise.all([authority('ca'), authority('foreign')]);
  await Promise.all([certificate('server', 'ca'), certificate('client', 'ca'), certificate('stranger', 'foreign')]);
  const tls = [`--private-key=${at('server.key')}`, `--certificate=${at('server.crt')}`, `--ca-cert=${at('ca.crt')}`];
  server = await startServer({ args: [...tls, '--remote=pssl:0:127.0.0.1'] });
  port = await server.port();
});

afterAll(async () => {
  for (const { session } of sessions) await session.stop();
  await server.dispose();
  await rm(directory, { recursive: true });
});

describe('ssl', () => {
  it('serves a client of the same authority', async () => {
    const it_ = connect(`ssl:127.0.0.1:${port}`, files('client'));
    await it_.ready();
    await it_.session.transact([{ op: 'insert', table: 'Logical_Switch', row: { name: 'a' } }]);
    expect(await server.dump('Logical_Switch', ['name'])).toEqual([{ name: 'a' }]);
  });

  it('gives ovsdb-gen a schema too', async () => {
    const program = join(import.meta.dirname, '../../../lib/ovsdb/generate.ts');
    const { ca, cert, key } = files('client');
    const args = ['--ca', ca, '--cert', cert, '--key', key, `ssl:127.0.0.1:${port}`, 'OVN_Northbound'];
    const { stdout } = await promisify(execFile)(process.execPath, [program, ...args]);
    expect(stdout).toContain("} = { name: 'OVN_Northbound' };");
  });

  it('refuses a server of another authority', async () => {
    const it_ = connect(`ssl:127.0.0.1:${port}`, files('stranger', 'foreign'));
    const [, reason] = await eventually(() => it_.states.find(([state]) => state === 'waiting'));
    expect(reason).toMatch(/self-signed certificate|unable to (verify|get)/);
  });

  it('is refused with a foreign certificate, and taken as soon as the files hold the right one', async () => {
    await certificate('renewed', 'foreign');
    const it_ = connect(`ssl:127.0.0.1:${port}`, files('renewed'));
    await eventually(() => it_.states.some(([state]) => state === 'waiting'));
    expect(it_.session.state).not.toBe('ready');
    await certificate('next', 'ca');
    await rename(at('next.key'), at('renewed.key'));
    await rename(at('next.crt'), at('renewed.crt'));
    await it_.ready();
  });

  it('asks a source of certificates for each connection, until it has some', async () => {
    let asked = 0;
    const it_ = connect(`ssl:127.0.0.1:${port}`, async () => {
      asked += 1;
      if (asked === 1) throw new Error('none yet');
      const [ca, cert, key] = await Promise.all(['ca.crt', 'client.crt', 'client.key'].map((name) => text(name)));
      return { ca: ca ?? '', cert: cert ?? '', key: key ?? '' };
    });
    await it_.ready();
    expect(it_.states.find(([state]) => state === 'waiting')?.[1]).toBe('none yet');
    expect(asked).toBe(2);
  });

  it('says what is missing when there are no certificates', async () => {
    const it_ = connect(`ssl:127.0.0.1:${port}`);
    const [, reason] = await eventually(() => it_.states.find(([state]) => state === 'waiting'));
    expect(reason).toBe(`ssl:127.0.0.1:${port} needs certificates`);
  });
});

describe('tcp', () => {
  it('serves over IPv6, the address in brackets', async () => {
    const plain = await startServer({ args: ['--remote=ptcp:0:[::1]'] });
    try {
      const it_ = connect(`tcp:[::1]:${await plain.port()}`);
      await it_.ready();
      await it_.session.transact([{ op: 'insert', table: 'Logical_Switch', row: { name: 'a' } }]);
      expect(await plain.dump('Logical_Switch', ['name'])).toEqual([{ name: 'a' }]);
    } finally {
      await plain.dispose();
    }
  });
});
