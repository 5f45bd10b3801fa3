// TLS and TCP against the real server, with certificates made here; a renewed certificate is taken without a restart.
import { execFile } from 'node:child_process';
import { copyFile, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SessionOptions, Tls } from '../../../lib/ovsdb/index.ts';
import { eventually } from '../../eventually.ts';
import { startCluster, startServer } from '../../ovsdb-server.ts';
import { live } from './live.ts';
import type { Live } from './live.ts';

const openssl = async (...args: string[]): Promise<unknown> => await promisify(execFile)('openssl', args);
let directory: string;
let serials = 0;
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

/** `extension` as in x509v3_config(5), e.g. `subjectAltName=IP:127.0.0.1`. */
async function certificate(name: string, ca: string, extension = 'basicConstraints=CA:FALSE'): Promise<void> {
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
  await writeFile(at(`${name}.ext`), `${extension}\n`);
  await openssl(
    'x509',
    '-req',
    '-days',
    '2',
    '-extfile',
    at(`${name}.ext`),
    '-in',
    at(`${name}.csr`),
    '-CA',
    at(`${ca}.crt`),
    '-CAkey',
    at(`${ca}.key`),
    '-set_serial',
    String((serials += 1)),
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
function connect(remote: string, tls?: Tls, options: Partial<SessionOptions> = {}): Live {
  const started = live({ remotes: [remote], tables, ...(tls && { tls }), ...options });
  sessions.push(started);
  return started;
}

const refusals = ({ states }: Live): string[] => states.map(([, reason]) => reason ?? '');

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

  it('keeps a live connection when its files are replaced, and uses them for the next one', async () => {
    await certificate('live', 'ca');
    const remote = `ssl:127.0.0.1:${port}`;
    const it_ = connect(remote, files('live'));
    await it_.ready();
    await Promise.all(['key', 'crt'].map(async (end) => await copyFile(at(`stranger.${end}`), at(`live.${end}`))));
    await it_.session.transact([{ op: 'insert', table: 'Logical_Switch', row: { name: 'still there' } }]);
    expect(it_.lost).toEqual([]);
    const again = (): void => {
      it_.session.setRemotes([]);
      it_.session.setRemotes([remote]);
    };
    again();
    await eventually(() => refusals(it_).some((reason) => /alert|certificate|closed/.test(reason)));
    expect(it_.session.state).not.toBe('ready');
    await certificate('live', 'ca');
    await it_.ready();
    expect(it_.synced).toHaveLength(2);
  });

  it('waits when only one of the two files has been replaced', async () => {
    await Promise.all([certificate('half', 'ca'), certificate('whole', 'ca')]);
    await copyFile(at('whole.key'), at('half.key'));
    const it_ = connect(`ssl:127.0.0.1:${port}`, files('half'));
    await eventually(() => refusals(it_).some((reason) => /key values mismatch/.test(reason)));
    await copyFile(at('whole.crt'), at('half.crt'));
    await it_.ready();
    expect(it_.session.state).toBe('ready');
  });

  it('says that a file is missing or is no certificate, and takes it when it is there', async () => {
    await certificate('late', 'ca');
    await Promise.all([rename(at('late.crt'), at('late.hidden')), copyFile(at('late.key'), at('late.copy'))]);
    const it_ = connect(`ssl:127.0.0.1:${port}`, files('late'));
    await eventually(() => refusals(it_).some((reason) => /ENOENT.*late\.crt/.test(reason)));
    await writeFile(at('late.crt'), 'half a cert');
    await eventually(() => refusals(it_).some((reason) => /PEM|no start line|DECODER/i.test(reason)));
    await rename(at('late.hidden'), at('late.crt'));
    await it_.ready();
    expect(it_.session.state).toBe('ready');
  });

  it('takes a server of a new authority as soon as the file of authorities has it', async () => {
    await certificate('moved', 'foreign');
    await copyFile(at('ca.crt'), at('both.crt'));
    const key = [`--private-key=${at('moved.key')}`, `--certificate=${at('moved.crt')}`, `--ca-cert=${at('ca.crt')}`];
    const moved = await startServer({ args: [...key, '--remote=pssl:0:127.0.0.1'] });
    try {
      const it_ = connect(`ssl:127.0.0.1:${await moved.port()}`, files('client', 'both'));
      await eventually(() => refusals(it_).some((reason) => /unable to (verify|get)|self-signed/.test(reason)));
      await writeFile(at('both.crt'), (await text('ca.crt')) + (await text('foreign.crt')));
      await it_.ready();
      expect(it_.session.state).toBe('ready');
    } finally {
      await moved.dispose();
    }
  });

  it('asks for the name of the host only when it is told to', async () => {
    const remote = `ssl:127.0.0.1:${port}`;
    const strict = connect(remote, { ...files('client'), verifyHost: true });
    await eventually(() => refusals(strict).some((reason) => /does not match certificate/.test(reason)));
    await certificate('named', 'ca', 'subjectAltName=IP:127.0.0.1');
    const key = [`--private-key=${at('named.key')}`, `--certificate=${at('named.crt')}`, `--ca-cert=${at('ca.crt')}`];
    const named = await startServer({ args: [...key, '--remote=pssl:0:127.0.0.1'] });
    try {
      const it_ = connect(`ssl:127.0.0.1:${await named.port()}`, { ...files('client'), verifyHost: true });
      await it_.ready();
      expect(refusals(it_).join('')).toBe('');
    } finally {
      await named.dispose();
    }
  });

  it('gives up a handshake that does not end, and a server that does not speak it', async () => {
    const plain = await startServer({ args: ['--remote=ptcp:0:127.0.0.1'] });
    try {
      const remote = `ssl:127.0.0.1:${await plain.port()}`;
      const it_ = connect(remote, files('client'), { connectTimeout: 100 });
      await eventually(() => it_.states.some(([state]) => state === 'waiting'));
      plain.pause();
      await eventually(() => refusals(it_).includes('timed out'));
      expect(it_.states.some(([state]) => state === 'syncing')).toBe(false);
    } finally {
      await plain.dispose();
    }
  });

  it('follows the leader of a cluster, with certificates that were replaced meanwhile', async () => {
    await certificate('member', 'ca');
    const key = [`--private-key=${at('server.key')}`, `--certificate=${at('server.crt')}`, `--ca-cert=${at('ca.crt')}`];
    const cluster = await startCluster({ args: [...key, '--remote=pssl:0:127.0.0.1'] });
    try {
      const ports = await Promise.all(cluster.members.map(async (member) => await member.port()));
      const remotes = ports.map((number) => `ssl:127.0.0.1:${number}`);
      const it_ = connect('', files('member'), { remotes, leaderOnly: true });
      await it_.ready();
      const first = await cluster.leader();
      expect(it_.session.remote).toBe(remotes[cluster.members.indexOf(first)]);
      await certificate('member', 'ca');
      await first.kill();
      const second = await cluster.leader();
      await eventually(
        () => it_.session.remote === remotes[cluster.members.indexOf(second)] && it_.synced.length === 2,
      );
      await it_.session.transact([{ op: 'insert', table: 'Logical_Switch', row: { name: 'a' } }]);
      expect(await second.dump('Logical_Switch', ['name'])).toEqual([{ name: 'a' }]);
    } finally {
      await cluster.stop();
    }
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
