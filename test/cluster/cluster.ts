/**
 * A running cluster as tests and commands use it. Our own processes stay in the machine's network namespace, where the cluster
 * can't be seen: programs are started inside (`kubectl`, `inControlPlane`, `inNode`), requests to the API go through a unix
 * socket (`request`).
 */
import { existsSync, readFileSync } from 'node:fs';
import { request as httpsRequest } from 'node:https';
import { join } from 'node:path';
import { CONTROL_PLANE } from './control-plane.ts';
import { attempt, run } from './exec.ts';
import type { Output, RunOptions } from './exec.ts';
import { importImage } from './golden.ts';
import { nodeDir, startNode, stopNode } from './node.ts';
import { CLUSTER_MARK, initOf, kill, processesOf } from './processes.ts';
import type { Process } from './processes.ts';
import { addressesOf } from './family.ts';
import { clusterDir, nodeName, nodeNumbers, paths } from './spec.ts';
import type { ClusterRecord } from './spec.ts';

/** One node of a running cluster. */
export interface NodeHandle {
  n: number;
  name: string;
  /** On the cluster network (eth0), of the cluster's first family and of each. */
  ip: string;
  ips: readonly string[];
  /** On the tunnel network (eth2), of the first family. */
  tunnelIp: string;
  /** Its /var/log, readable from here also when the node is dead. */
  logs: string;
  /** Pid of its process 1 as this machine sees it. */
  pid(): number;
  running(): boolean;
  /** A power cut. What is on its disk stays. */
  kill(): Promise<void>;
  /** Boots it again. */
  start(): Promise<void>;
  /** SIGKILL to one of its programs ("kubelet", "containerd", "kube-proxy"), which is then started again. */
  restart(program: string): void;
}

export interface ApiResponse {
  status: number;
  body: string;
}

export class Cluster {
  readonly record: ClusterRecord;
  /** Administrator's kubeconfig; its server address works inside the control plane's network (`inControlPlane`). */
  readonly kubeconfig: string;
  /** Unix socket that leads to the API server; TLS with server name `kubernetes`. */
  readonly socket: string;
  /** The API server's audit log: one JSON event per line, writes only (settings.ts, AUDIT_POLICY). */
  readonly auditLog: string;
  readonly logs: string;

  constructor(record: ClusterRecord) {
    const { kubeconfig, socket, audit, logs } = paths(record.dir);
    this.record = record;
    this.kubeconfig = kubeconfig;
    this.socket = socket;
    this.auditLog = audit;
    this.logs = logs;
  }

  /** Environment that makes a process a part of this cluster: `down` ends it too. */
  get mark(): NodeJS.ProcessEnv {
    return { [CLUSTER_MARK]: this.record.id };
  }

  nodes(): NodeHandle[] {
    return nodeNumbers(this.record.nodes).map((n) => this.node(n));
  }

  /** Node n, counted from 1. */
  node(n: number): NodeHandle {
    if (n < 1 || n > this.record.nodes) throw new Error(`cluster "${this.record.name}" has no node ${n}`);
    const { record } = this;
    const name = nodeName(n);
    const { node, tunnel } = addressesOf(record.family);
    const ips = node(n);
    return {
      n,
      name,
      ip: ips[0],
      ips,
      tunnelIp: tunnel(n)[0],
      logs: join(this.logs, name),
      pid: () => this.#init(name),
      running: () => initOf(record.id, name) !== undefined,
      kill: () => stopNode(record, n),
      start: async () => void (await startNode(record, n)),
      restart: (program) => this.#killProgram(name, program),
    };
  }

  /** Runs kubectl as administrator; resolves with its standard output, rejects with `CommandFailed`. */
  async kubectl(args: readonly string[], options: RunOptions & { stdin?: string } = {}): Promise<string> {
    const input = options.stdin === undefined ? {} : { input: options.stdin };
    return (await run(this.kubectlArgv(args), { ...options, ...input, env: { ...this.mark, ...options.env } })).stdout;
  }

  /** The whole command line behind `kubectl`, for those who start it themselves (with `mark` in its environment). */
  kubectlArgv(args: readonly string[]): string[] {
    const program = join(this.record.kubeDir, 'kubectl');
    return [...this.#controlPlane(), program, `--kubeconfig=${this.kubeconfig}`, ...args];
  }

  /** Runs a program of this machine in the control plane's network and pid namespace. */
  inControlPlane(argv: readonly string[], options: RunOptions = {}): Promise<Output> {
    return run([...this.#controlPlane(), ...argv], { ...options, env: { ...this.mark, ...options.env } });
  }

  /** Runs a program of the node on the node. The node has its own files: give data by `input` or `inputFile`. */
  inNode(n: number, argv: readonly string[], options: RunOptions = {}): Promise<Output> {
    return run(this.nodeArgv(n, argv), { ...options, env: { ...this.mark, ...options.env } });
  }

  /** Like `inNode`, but an exit code is an answer. */
  tryInNode(n: number, argv: readonly string[], options: RunOptions = {}): Promise<Output & { code: number | null }> {
    return attempt(this.nodeArgv(n, argv), { ...options, env: { ...this.mark, ...options.env } });
  }

  /** The whole command line behind `inNode`. */
  nodeArgv(n: number, argv: readonly string[]): string[] {
    const enter = [
      'nsenter',
      `--target=${this.node(n).pid()}`,
      '--mount',
      '--uts',
      '--ipc',
      '--net',
      '--pid',
      '--cgroup',
    ];
    return [...enter, '--wd=/', '--', ...argv];
  }

  /** A node's file as a path of this machine; the node must run. */
  nodePath(n: number, path: string): string {
    return join(`/proc/${this.node(n).pid()}/root`, path);
  }

  /** A node's state folder on this machine. */
  nodeDir(n: number): string {
    return nodeDir(this.record, n);
  }

  /** One request to the API server as administrator. Rejects when there is no answer. */
  request(method: string, path: string, content?: { type: string; body: string }): Promise<ApiResponse> {
    const { pki } = paths(this.record.dir);
    const file = (name: string): Buffer => readFileSync(join(pki, name));
    const { promise, resolve, reject } = Promise.withResolvers<ApiResponse>();
    const headers = content === undefined ? {} : { 'content-type': content.type };
    const call = httpsRequest(
      {
        socketPath: this.socket,
        servername: 'kubernetes',
        ca: file('ca.crt'),
        cert: file('admin.crt'),
        key: file('admin.key'),
        agent: false,
        timeout: 30_000,
        method,
        path,
        headers,
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() }));
      },
    );
    call.on('timeout', () => call.destroy(new Error(`${method} ${path}: no answer within 30 s`)));
    call.on('error', reject);
    call.end(content?.body);
    return promise;
  }

  /** Imports an image tar into every running node; layers that the nodes have may be missing in it. */
  async loadImage(tar: string): Promise<void> {
    const running = this.nodes().filter((node) => node.running());
    await Promise.all(running.map((node) => importImage(tar, node.pid(), this.mark)));
  }

  /** SIGKILL to a program of the control plane ("kube-apiserver", "etcd", ...), which is then started again. */
  restart(program: string): void {
    this.#killProgram(CONTROL_PLANE, program);
  }

  /** All its processes that carry the cluster's mark; what runs in pods doesn't. */
  processes(): Process[] {
    return processesOf(this.record.id);
  }

  #killProgram(part: string, program: string): void {
    const found = this.processes().filter((process) => process.part === part && runs(process, program));
    if (found.length === 0) throw new Error(`no ${program} runs on ${part}`);
    for (const { pid } of found) kill(pid);
  }

  #controlPlane(): string[] {
    return ['nsenter', `--target=${this.#init(CONTROL_PLANE)}`, '--net', '--pid', '--'];
  }

  #init(part: string): number {
    const pid = initOf(this.record.id, part);
    if (pid === undefined) throw new Error(`${part} of cluster "${this.record.name}" does not run`);
    return pid;
  }
}

/** The program's file name is the first word of its command line. */
export const runs = (process: Process, program: string): boolean =>
  process.command.split(' ')[0]?.split('/').at(-1) === program;

/** The cluster of this name; throws when there is none. */
export function openCluster(name = 'dev'): Cluster {
  const record = readRecord(name);
  if (record === undefined) throw new Error(`there is no cluster "${name}": npm run cluster -- up --name ${name}`);
  return new Cluster(record);
}

/** What `up` noted; undefined when there is none or it was cut off while writing. */
export function readRecord(name: string): ClusterRecord | undefined {
  const file = paths(clusterDir(name)).record;
  if (!existsSync(file)) return undefined;
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as ClusterRecord;
  } catch {
    return undefined;
  }
}
