// The certificate authority of the plan: a CA that lives as long as its Secret, and a 90-day server certificate that is
// renewed while streams stay open. Keys are made by openssl(1) in a private folder and live in the Secret only.
import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** PEM texts, as the Secret `kube-ovn-tls` keeps them under cacert, cakey, cert and key. */
export interface Credentials {
  readonly caCert: string;
  readonly caKey: string;
  readonly cert: string;
  readonly key: string;
}

/** Where credentials persist. `write` answers false when somebody else wrote in between; the caller reads again. */
export interface CredentialStore {
  read(): Promise<{ readonly credentials: Credentials | undefined; readonly version: string }>;
  write(credentials: Credentials, version: string): Promise<boolean>;
  /** Puts the CA certificate where every agent may read it. */
  publish(caCert: string): Promise<void>;
}

export const leafDays = 90;
const caDays = 3650;
const dayMs = 86_400_000;

const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-noenc'];

/** A new CA: certificate and key. */
async function newAuthority(folder: string): Promise<{ caCert: string; caKey: string }> {
  const [cert, key] = [join(folder, 'ca.crt'), join(folder, 'ca.key')];
  const usage = ['-addext', 'keyUsage=critical,keyCertSign,cRLSign'];
  const names = ['-subj', '/CN=kube-ovn-ca', '-days', String(caDays)];
  await run('openssl', ['req', '-x509', ...newKey, '-keyout', key, '-out', cert, ...names, ...usage]);
  return { caCert: await readFile(cert, 'utf8'), caKey: await readFile(key, 'utf8') };
}

/** A server certificate for `names`, signed by the CA. */
async function newLeaf(
  folder: string,
  ca: { caCert: string; caKey: string },
  names: readonly [string, ...string[]],
): Promise<Credentials> {
  const file = (name: string): string => join(folder, name);
  await writeFile(file('signer.crt'), ca.caCert, { mode: 0o600 });
  await writeFile(file('signer.key'), ca.caKey, { mode: 0o600 });
  const alternatives = names.map((name) => `DNS:${name}`).join(',');
  const extensions = [
    'basicConstraints=critical,CA:FALSE',
    'keyUsage=critical,digitalSignature',
    'extendedKeyUsage=serverAuth,clientAuth',
    `subjectAltName=${alternatives}`,
  ].flatMap((extension) => ['-addext', extension]);
  const signer = ['-CA', file('signer.crt'), '-CAkey', file('signer.key')];
  const subject = ['-subj', `/CN=${names[0]}`, '-days', String(leafDays)];
  const output = ['-keyout', file('leaf.key'), '-out', file('leaf.crt')];
  await run('openssl', ['req', '-x509', ...newKey, ...output, ...signer, ...subject, ...extensions]);
  const [cert, key] = await Promise.all([readFile(file('leaf.crt'), 'utf8'), readFile(file('leaf.key'), 'utf8')]);
  return { ...ca, cert, key };
}

/** Whether the certificate has used up two thirds of its life, or belongs to another CA. `now` in ms since the epoch. */
export function dueForRenewal(credentials: Credentials, now: number): boolean {
  const leaf = new X509Certificate(credentials.cert);
  const ca = new X509Certificate(credentials.caCert);
  if (!leaf.checkIssued(ca)) return true;
  const [from, to] = [leaf.validFromDate.getTime(), leaf.validToDate.getTime()];
  return now >= from + ((to - from) * 2) / 3;
}

/** Credentials from `present` with whatever is missing or due made anew. */
export async function renewed(
  present: Credentials | undefined,
  names: readonly [string, ...string[]],
  now: number,
): Promise<Credentials> {
  if (present !== undefined && !dueForRenewal(present, now)) return present;
  const folder = await mkdtemp(join(tmpdir(), 'kube-ovn-tls-'));
  try {
    const caExpires = present === undefined ? 0 : new X509Certificate(present.caCert).validToDate.getTime();
    const keepCa = present !== undefined && caExpires > now + 2 * leafDays * dayMs;
    return await newLeaf(folder, keepCa ? present : await newAuthority(folder), names);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Reads, renews and persists the credentials, and publishes the CA. Safe to call at any time from the leader; of two
 * that race, the later adopts what the first wrote. Rejects with the store's error.
 */
export async function ensureCredentials(
  store: CredentialStore,
  names: readonly [string, ...string[]],
  now: number,
): Promise<Credentials> {
  for (let attempt = 0; attempt < 5; attempt += 1) {
    const { credentials, version } = await store.read();
    const wanted = await renewed(credentials, names, now);
    if (wanted === credentials || (await store.write(wanted, version))) {
      await store.publish(wanted.caCert);
      return wanted;
    }
  }
  throw new Error('the TLS secret kept changing while it was written');
}
