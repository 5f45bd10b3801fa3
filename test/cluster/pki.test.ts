import { execFileSync } from 'node:child_process';
import { X509Certificate, createPrivateKey, createPublicKey } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { certificates, kubeconfig, makePki } from './pki.ts';

const dir = mkdtempSync(join(tmpdir(), 'kubeloom-pki-'));
const options = { nodes: 2, family: 'dual' } as const;
const read = (name: string): X509Certificate => new X509Certificate(readFileSync(join(dir, name)));

beforeAll(() => makePki(dir, options));
afterAll(() => rmSync(dir, { recursive: true }));

describe('makePki', () => {
  it('makes a CA that may sign and nothing else', () => {
    const ca = read('ca.crt');
    expect(ca.ca).toBe(true);
    expect(ca.checkIssued(ca)).toBe(true);
    expect(ca.publicKey.asymmetricKeyDetails?.namedCurve).toBe('prime256v1');
  });

  it.each(certificates(options).map((spec) => [spec.name, spec] as const))('signs %s', (name, spec) => {
    const certificate = read(`${name}.crt`);
    expect(certificate.ca).toBe(false);
    expect(certificate.verify(read('ca.crt').publicKey)).toBe(true);
    expect(certificate.checkPrivateKey(createPrivateKey(readFileSync(join(dir, `${name}.key`))))).toBe(true);
    expect(`/${certificate.subject.split('\n').join('/')}`).toBe(spec.subject);
    for (const entry of spec.names ?? []) {
      const [kind = '', ...words] = entry.split(':');
      const value = words.join(':');
      expect(kind === 'IP' ? certificate.checkIP(value) : certificate.checkHost(value)).toBe(value);
    }
  });

  it('satisfies verifiers that want every usage spelled out', () => {
    const leaves = certificates(options).map(({ name }) => join(dir, `${name}.crt`));
    const argv = ['verify', '-x509_strict', '-purpose', 'sslserver', '-CAfile', join(dir, 'ca.crt'), ...leaves];
    expect(execFileSync('openssl', argv, { encoding: 'utf8' }).match(/: OK/g)).toHaveLength(leaves.length);
  });

  it('makes a key pair for tokens, and keys for their owner alone', () => {
    const made = createPublicKey(createPrivateKey(readFileSync(join(dir, 'sa.key'))));
    expect(createPublicKey(readFileSync(join(dir, 'sa.pub'))).equals(made)).toBe(true);
    expect(statSync(dir).mode & 0o077).toBe(0);
  });
});

describe('kubeconfig', () => {
  it('carries the certificate and key of its user', async () => {
    const config = JSON.parse(await kubeconfig(dir, 'n1', 'https://192.0.2.1:6443')) as {
      clusters: { cluster: Record<string, string> }[];
      users: { user: Record<string, string> }[];
    };
    expect(config.clusters[0]?.cluster['server']).toBe('https://192.0.2.1:6443');
    const data = Buffer.from(config.users[0]?.user['client-certificate-data'] ?? '', 'base64');
    expect(new X509Certificate(data).subject).toBe('O=system:nodes\nCN=system:node:n1');
  });
});
