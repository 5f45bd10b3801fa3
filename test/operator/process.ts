// The operator as a process of its own before a real API server and a real northbound database, as a user of its own, so
// that the audit log tells who wrote.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { ApiServer } from '../kube-apiserver.ts';

const main = new URL('../../operator/main.ts', import.meta.url).pathname;

const leasePath = '/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/kube-ovn-controller';

export interface AuditEvent {
  readonly verb: string;
  readonly user: { readonly username: string };
  readonly objectRef?: { readonly resource: string; readonly name?: string };
  readonly responseStatus?: { readonly code: number };
  /** RFC 3339, microseconds. */
  readonly requestReceivedTimestamp: string;
}

export interface OperatorOptions {
  readonly api: ApiServer;
  /** Where the API server is, as this operator sees it. */
  readonly apiPort: number;
  readonly northboundPort: number;
  readonly flags?: readonly string[];
}

/** A ServiceAccount of kube-system with all rights, and a token of it. */
async function newAccount(api: ApiServer, name: string): Promise<string> {
  const binding = `--serviceaccount=kube-system:${name}`;
  await api.kubectl('--namespace=kube-system', 'create', 'serviceaccount', name);
  await api.kubectl('create', 'clusterrolebinding', name, '--clusterrole=cluster-admin', binding);
  return (await api.kubectl('--namespace=kube-system', 'create', 'token', name)).trim();
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

export class OperatorProcess {
  readonly name: string;
  readonly planPort: number;
  /** Messages of its log. */
  readonly log: string[] = [];
  readonly #child: ChildProcess;
  readonly #api: ApiServer;

  private constructor(name: string, { api, planPort, argv }: { api: ApiServer; planPort: number; argv: string[] }) {
    this.name = name;
    this.planPort = planPort;
    this.#api = api;
    const env = { POD_NAME: name, POD_NAMESPACE: 'kube-system', POD_IP: '127.0.0.1', OVN_DB_IPS: '127.0.0.1' };
    // The kernel ends it with its test process, however that ends.
    this.#child = spawn('setpriv', ['--pdeathsig', 'KILL', process.execPath, main, ...argv], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      if (stream !== null) createInterface({ input: stream }).on('line', (line) => this.log.push(line));
    }
  }

  static async start(name: string, options: OperatorOptions): Promise<OperatorProcess> {
    const { api, apiPort, northboundPort, flags = [] } = options;
    const kubeconfig = join(api.directory, `kubeconfig-${name}`);
    const text = (await readFile(api.kubeconfig, 'utf8')).replace(api.url, `https://127.0.0.1:${apiPort}`);
    await writeFile(kubeconfig, text.replace(/token: [^ }]+/, `token: ${await newAccount(api, name)}`));
    const planPort = await freePort();
    const ports = [`--nb-port=${northboundPort}`, `--plan-port=${planPort}`, `--pprof-port=${await freePort()}`];
    return new OperatorProcess(name, { api, planPort, argv: [`--kubeconfig=${kubeconfig}`, ...ports, ...flags] });
  }

  /** Whether the Lease names it. */
  async leads(): Promise<boolean> {
    const lease = await this.#api.object<{ spec: { holderIdentity?: string } }>(leasePath);
    return lease?.spec.holderIdentity?.startsWith(`${this.name}_`) === true;
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** Its requests that wrote, those for leases included, oldest first. */
  async writes(): Promise<AuditEvent[]> {
    const text = await readFile(join(this.#api.directory, 'audit.log'), 'utf8');
    const lines = text.split('\n').filter((line) => line.includes(`:kube-system:${this.name}"`));
    const events = lines.map((line) => JSON.parse(line) as AuditEvent);
    return events
      .filter(
        ({ verb, objectRef }) => !['get', 'list', 'watch'].includes(verb) && objectRef?.resource !== 'tokenreviews',
      )
      .toSorted((a, b) => (a.requestReceivedTimestamp < b.requestReceivedTimestamp ? -1 : 1));
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exit = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exit;
  }
}
