/**
 * Certificates of a cluster: one CA, a certificate for each program, a key pair for ServiceAccount tokens. EC P-256 throughout
 * (fast to make). Usages are spelled out: strict verifiers (Python, OpenSSL with X509_STRICT) refuse a CA without them.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from './exec.ts';
import { addressesOf } from './family.ts';
import { nodeName, nodeNumbers } from './spec.ts';
import type { ClusterOptions } from './spec.ts';

const DAYS = '365';

/** One certificate: file name, subject in OpenSSL's form, subjectAltName entries. */
export interface CertificateSpec {
  name: string;
  subject: string;
  names?: readonly string[];
}

const API_NAMES = [
  'IP:127.0.0.1',
  'DNS:localhost',
  'DNS:kubernetes',
  'DNS:kubernetes.default',
  'DNS:kubernetes.default.svc',
  'DNS:kubernetes.default.svc.cluster.local',
];

/** All leaf certificates. Subjects are what the API server's RBAC and Node authorizer go by. */
export function certificates({ nodes, family }: Pick<ClusterOptions, 'nodes' | 'family'>): CertificateSpec[] {
  const { controlPlane, apiService, node } = addressesOf(family);
  const named = (ips: readonly string[]): string[] => ips.map((ip) => `IP:${ip}`);
  return [
    {
      name: 'apiserver',
      subject: '/CN=kube-apiserver',
      names: [...named([...controlPlane, ...apiService]), ...API_NAMES],
    },
    { name: 'apiserver-kubelet-client', subject: '/O=system:masters/CN=apiserver-kubelet-client' },
    { name: 'admin', subject: '/O=system:masters/CN=admin' },
    { name: 'kube-controller-manager', subject: '/CN=system:kube-controller-manager' },
    { name: 'kube-scheduler', subject: '/CN=system:kube-scheduler' },
    { name: 'kube-proxy', subject: '/CN=system:kube-proxy' },
    ...nodeNumbers(nodes).map((n) => ({
      name: nodeName(n),
      subject: `/O=system:nodes/CN=system:node:${nodeName(n)}`,
      names: [`DNS:${nodeName(n)}`, ...named(node(n))],
    })),
  ];
}

/** The openssl-req(1) configuration of a leaf; without one the system's would add CA:TRUE. */
export function leafConfig(spec: CertificateSpec): string {
  const names = spec.names === undefined ? '' : `subjectAltName=${spec.names.join(',')}\n`;
  return (
    '[req]\ndistinguished_name=dn\nx509_extensions=ext\n[dn]\n[ext]\nbasicConstraints=critical,CA:FALSE\n' +
    'keyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth,clientAuth\n' +
    `subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n${names}`
  );
}

const CA_CONFIG =
  '[req]\ndistinguished_name=dn\nx509_extensions=ext\n[dn]\n[ext]\nbasicConstraints=critical,CA:TRUE\n' +
  'keyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n';

/** Writes ca.crt, ca.key, sa.key, sa.pub and NAME.crt, NAME.key of every certificate below `dir`. */
export async function makePki(dir: string, options: Pick<ClusterOptions, 'nodes' | 'family'>): Promise<void> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  await Promise.all([
    request(dir, { name: 'ca', subject: '/CN=kubeloom-cluster-ca' }, CA_CONFIG),
    run(['openssl', 'ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', join(dir, 'sa.key')]),
  ]);
  const signer = ['-CA', join(dir, 'ca.crt'), '-CAkey', join(dir, 'ca.key')];
  await Promise.all([
    run(['openssl', 'ec', '-in', join(dir, 'sa.key'), '-pubout', '-out', join(dir, 'sa.pub')]),
    ...certificates(options).map((spec) => request(dir, spec, leafConfig(spec), signer)),
  ]);
}

async function request(
  dir: string,
  spec: CertificateSpec,
  config: string,
  signer: readonly string[] = [],
): Promise<void> {
  const base = join(dir, spec.name);
  await writeFile(`${base}.cnf`, config);
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', `${base}.key`];
  const what = ['-config', `${base}.cnf`, '-subj', spec.subject, '-days', DAYS, '-out', `${base}.crt`];
  await run(['openssl', 'req', '-x509', '-sha256', ...key, ...what, ...signer]);
}

/** A kubeconfig with everything inside, for the client certificate `name`. JSON, which is YAML. */
export async function kubeconfig(pki: string, name: string, server: string): Promise<string> {
  const [ca, certificate, key] = await Promise.all(
    ['ca.crt', `${name}.crt`, `${name}.key`].map(async (file) => (await readFile(join(pki, file))).toString('base64')),
  );
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'kubeloom', cluster: { server, 'certificate-authority-data': ca } }],
    users: [{ name, user: { 'client-certificate-data': certificate, 'client-key-data': key } }],
    contexts: [{ name: 'kubeloom', context: { cluster: 'kubeloom', user: name } }],
    'current-context': 'kubeloom',
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}
