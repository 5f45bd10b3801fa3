// A real kube-apiserver with a real etcd for tests: on loopback, in a temporary directory, with one administrator's
// token and an audit log. No controllers and no nodes run, so objects stay as they were written.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { closeSync, openSync, rmSync } from 'node:fs';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { get } from 'node:https';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { KubeConfig } from '@kubernetes/client-node';
import { parseAllDocuments } from 'yaml';
import { kubeBinaries } from './cluster/kube.ts';
import { eventually } from './eventually.ts';

const token = 'test-administrator';
const etcd = '/usr/bin/etcd';

/** One line of the audit log, the fields that tests use. */
export interface AuditLine {
  readonly verb: string;
  readonly requestURI: string;
  readonly user: { readonly username: string };
  readonly userAgent?: string;
  readonly objectRef?: {
    readonly resource: string;
    readonly namespace?: string;
    readonly name?: string;
    readonly subresource?: string;
  };
  readonly responseStatus?: { readonly code: number };
}

export interface ApiServerOptions {
  /** Further flags of kube-apiserver, e.g. `--watch-cache=false`. */
  readonly args?: readonly string[];
}

/** The pair of processes. The data outlives `kill` of either, so that `start` resumes with it. */
export class ApiServer {
  readonly directory: string;
  readonly url: string;
  readonly kubeconfig: string;
  readonly #etcdUrl: string;
  readonly #programs: string;
  readonly #args: readonly string[];
  #etcd: ChildProcess | undefined;
  #server: ChildProcess | undefined;

  constructor(directory: string, programs: string, ports: readonly number[], args: readonly string[]) {
    this.directory = directory;
    this.#programs = programs;
    this.#etcdUrl = `http://127.0.0.1:${ports[0]}`;
    this.url = `https://127.0.0.1:${ports[2]}`;
    this.kubeconfig = join(directory, 'kubeconfig');
    this.#args = [
      `--etcd-servers=${this.#etcdUrl}`,
      '--bind-address=127.0.0.1',
      `--secure-port=${ports[2]}`,
      `--cert-dir=${join(directory, 'certs')}`,
      `--token-auth-file=${join(directory, 'tokens.csv')}`,
      '--authorization-mode=RBAC',
      '--service-account-issuer=https://test.invalid',
      `--service-account-key-file=${join(directory, 'sa.pub')}`,
      `--service-account-signing-key-file=${join(directory, 'sa.key')}`,
      '--service-cluster-ip-range=10.96.0.0/24',
      '--disable-admission-plugins=ServiceAccount,NamespaceLifecycle',
      '--endpoint-reconciler-type=none',
      `--audit-policy-file=${join(directory, 'audit.yaml')}`,
      `--audit-log-path=${join(directory, 'audit.log')}`,
      ...args,
    ];
    this.#peers = `http://127.0.0.1:${ports[1]}`;
  }
  readonly #peers: string;

  /** Starts what does not run, and returns when the API server is ready. */
  async start(): Promise<void> {
    this.#etcd ??= this.#spawn([
      etcd,
      `--data-dir=${join(this.directory, 'etcd')}`,
      `--listen-client-urls=${this.#etcdUrl}`,
      `--advertise-client-urls=${this.#etcdUrl}`,
      `--listen-peer-urls=${this.#peers}`,
      `--initial-advertise-peer-urls=${this.#peers}`,
      `--initial-cluster=default=${this.#peers}`,
      '--unsafe-no-fsync',
    ]);
    this.#server ??= this.#spawn([join(this.#programs, 'kube-apiserver'), ...this.#args]);
    await eventually(() => this.#ready(), {
      within: 45_000,
      every: 50,
      what: `kube-apiserver ready (${this.directory})`,
    });
  }

  /** kill -9 of the API server; etcd goes on. */
  async kill(): Promise<void> {
    await end(this.#server);
    this.#server = undefined;
  }

  /** Stops both, keeps a copy of etcd's data, and goes on. */
  async backup(): Promise<void> {
    await this.#copy('etcd', 'etcd.backup');
  }

  /** Puts the copy of `backup` in the place of etcd's data: what was written since has never been. */
  async restore(): Promise<void> {
    await this.#copy('etcd.backup', 'etcd');
  }

  async #copy(from: string, to: string): Promise<void> {
    await this.kill();
    await end(this.#etcd);
    this.#etcd = undefined;
    await rm(join(this.directory, to), { recursive: true, force: true });
    await cp(join(this.directory, from), join(this.directory, to), { recursive: true });
    await this.start();
  }

  async stop(): Promise<void> {
    await this.kill();
    await end(this.#etcd);
    this.#etcd = undefined;
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** A new client configuration with the administrator's token; TLS is not verified. */
  kubeConfig(): KubeConfig {
    const config = new KubeConfig();
    config.loadFromFile(this.kubeconfig);
    return config;
  }

  async kubectl(...args: readonly string[]): Promise<string> {
    const { stdout } = await promisify(execFile)(join(this.#programs, 'kubectl'), [
      '--kubeconfig',
      this.kubeconfig,
      ...args,
    ]);
    return stdout;
  }

  /**
   * Makes etcd forget every revision up to now, as it does by itself every five minutes. The last of them is a write of
   * our own: Debian's etcd 3.4.23 does not tell a watch that begins at
   * exactly the compacted revision of a deletion there (etcd-io/etcd 18089).
   */
  async compact(): Promise<void> {
    const base64 = (value: string): string => Buffer.from(value).toString('base64');
    const put = await this.#gateway('put', { key: base64('/test/compacted'), value: base64('') });
    const revision = Number((put as { header: { revision: string } }).header.revision);
    await this.#gateway('compaction', { revision, physical: true });
  }

  /** The audit log of requests that were answered, watches and reads of leases by the server itself left out. */
  async audit(): Promise<AuditLine[]> {
    const log = await readFile(join(this.directory, 'audit.log'), 'utf8');
    const lines = log.split('\n').filter((line) => line !== '');
    return lines.map((line) => JSON.parse(line) as AuditLine).filter((line) => line.user.username === 'admin');
  }

  /** Applies YAML documents and waits until the kinds of any CRDs among them are served. */
  async apply(yaml: string): Promise<void> {
    const file = join(this.directory, 'apply.yaml');
    await writeFile(file, yaml);
    await this.kubectl('apply', '--server-side', '-f', file);
    const crds = parseAllDocuments(yaml)
      .map((document) => document.toJS() as { kind: string; metadata: { name: string } })
      .filter(({ kind }) => kind === 'CustomResourceDefinition')
      .map(({ metadata }) => `crd/${metadata.name}`);
    if (crds.length > 0) await this.kubectl('wait', '--for=condition=Established', ...crds, '--timeout=20s');
  }

  async #gateway(call: string, body: object): Promise<unknown> {
    const answer = await fetch(`${this.#etcdUrl}/v3/kv/${call}`, { method: 'POST', body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(`etcd ${call}: ${answer.status} ${await answer.text()}`);
    return answer.json();
  }

  /**
   * What the API server answers to GET of a path, as the administrator; rejects when it cannot be asked. For what is looked
   * at again and again: each kubectl is a tenth of a second of processor time.
   */
  async read(path: string): Promise<{ readonly status: number; readonly text: string }> {
    const options = { rejectUnauthorized: false, headers: { authorization: `Bearer ${token}` }, agent: false };
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    get(this.url + path, options, resolve).on('error', reject);
    const answer = await promise;
    return { status: answer.statusCode ?? 0, text: await text(answer) };
  }

  /** An object as it is now, undefined when it does not exist. */
  async object<T>(path: string): Promise<T | undefined> {
    const { status, text: body } = await this.read(path);
    if (status === 404) return undefined;
    if (status !== 200) throw new Error(`GET ${path}: ${status} ${body}`);
    return JSON.parse(body) as T;
  }

  async #ready(): Promise<boolean> {
    if (this.#server?.exitCode !== null) throw new Error(`kube-apiserver ended, see ${this.directory}/processes.log`);
    return (await this.read('/readyz')).text === 'ok';
  }

  #spawn([program, ...args]: readonly string[]): ChildProcess {
    const log = openSync(join(this.directory, 'processes.log'), 'a');
    // The kernel ends the program with its test or bench process, however that ends.
    const argv = ['--pdeathsig', 'KILL', program ?? '', ...args];
    const child = spawn('setpriv', argv, { stdio: ['ignore', log, log], cwd: this.directory });
    closeSync(log);
    return child;
  }
}

/** Starts etcd and kube-apiserver; three to ten seconds. Stop it with `stop`. */
export async function startApiServer({ args = [] }: ApiServerOptions = {}): Promise<ApiServer> {
  const programs = await kubeBinaries();
  const directory = await mkdtemp(join(tmpdir(), 'kubeloom-apiserver-'));
  const ports = await Promise.all([freePort(), freePort(), freePort()]);
  const server = new ApiServer(directory, programs, ports, args);
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  await writeFile(join(directory, 'sa.key'), privateKey.export({ type: 'sec1', format: 'pem' }));
  await writeFile(join(directory, 'sa.pub'), publicKey.export({ type: 'spki', format: 'pem' }));
  await writeFile(join(directory, 'tokens.csv'), `${token},admin,admin,"system:masters"\n`);
  await writeFile(join(directory, 'audit.yaml'), auditPolicy);
  await writeFile(server.kubeconfig, kubeconfigOf(server.url));
  try {
    await server.start();
  } catch (error) {
    const log = await readFile(join(directory, 'processes.log'), 'utf8');
    await server.stop();
    throw new Error(`the API server did not start:\n${log.slice(-4000)}`, { cause: error });
  }
  return server;
}

const auditPolicy = `
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived, ResponseStarted]
rules: [{ level: Metadata }]
`;

const kubeconfigOf = (url: string): string => `
apiVersion: v1
kind: Config
current-context: test
clusters: [{ name: test, cluster: { server: "${url}", insecure-skip-tls-verify: true } }]
users: [{ name: admin, user: { token: ${token} } }]
contexts: [{ name: test, context: { cluster: test, user: admin } }]
`;

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

async function end(child: ChildProcess | undefined): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await gone;
}
