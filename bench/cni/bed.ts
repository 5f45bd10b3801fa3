// Where the bench of the CNI path takes place: a cluster of its own with the product, a node whose kubelet sleeps, so that
// pods bound to it are nobody's but ours, and the helper in the agent's namespaces.
import { spawn } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { imageNames } from '../../config/images/build.ts';
import type { Cluster, NodeHandle } from '../../test/cluster/cluster.ts';
import { runs } from '../../test/cluster/cluster.ts';
import { addressesOf } from '../../test/cluster/family.ts';
import { API_PORT } from '../../test/cluster/spec.ts';
import { paths } from '../../test/cluster/spec.ts';
import type { Answer, Kind, Order, RoundResult, Setup, Side } from './protocol.ts';

/** Not the one with the databases. */
const NODE = 2;
const HOME = '/opt/kubeloom/bench/cni';
/** Well below the 40 s after which a node that does not tell of itself is given up. */
const HEARTBEAT_MS = 10_000;
const OUTSIDE = new Set(['bed.ts', 'shim.ts']);

/** Puts itself into the agent's control group, then into its namespaces; words of the command line: pid, program, file. */
const ENTER = `
group=$(sed -nE 's/^[0-9]+:([^:]*,)?cpu(,[^:]*)?://p' /proc/$0/cgroup)
procs=/sys/fs/cgroup/cpu$group/cgroup.procs
[ -n "$group" ] || procs=/sys/fs/cgroup$(sed -n 's/^0:://p' /proc/$0/cgroup)/cgroup.procs
echo $$ > "$procs"
exec nsenter --target=$0 --mount --wd=/ -- "$@"
`;

type Child = ChildProcessByStdio<Writable, Readable, null>;

export class Bed {
  readonly #cluster: Cluster;
  readonly #kubelets: readonly number[];
  readonly #heartbeat: NodeJS.Timeout;
  readonly #child: Child;
  readonly #answers: AsyncIterator<string>;

  private constructor(cluster: Cluster, child: Child) {
    this.#cluster = cluster;
    this.#kubelets = cluster
      .processes()
      .filter((each) => each.part === this.#node.name && runs(each, 'kubelet'))
      .map(({ pid }) => pid);
    if (this.#kubelets.length === 0) throw new Error(`no kubelet on ${this.#node.name}`);
    for (const pid of this.#kubelets) process.kill(pid, 'SIGSTOP');
    this.#heartbeat = setInterval(() => void this.#renewLease(), HEARTBEAT_MS);
    this.#child = child;
    this.#answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  }

  /** Makes the bed on a cluster that runs with the product. */
  static async make(cluster: Cluster): Promise<Bed> {
    const agent = (await cluster.inNode(NODE, ['pidof', 'kube-ovn-daemon'])).stdout.trim();
    for (const file of readdirSync(import.meta.dirname).filter((name) => name.endsWith('.ts') && !OUTSIDE.has(name))) {
      const write = ['sh', '-c', 'mkdir -p $(dirname $0) && cat > $0', `${HOME}/${file}`];
      const input = readFileSync(join(import.meta.dirname, file));
      await cluster.inNode(NODE, ['nsenter', `--target=${agent}`, '--mount', '--wd=/', '--', ...write], { input });
    }
    const program = ['/opt/kubeloom/bin/kube-ovn-daemon', `${HOME}/inside.ts`];
    const [command = '', ...args] = cluster.nodeArgv(NODE, ['sh', '-c', ENTER, agent, ...program]);
    const env = { ...process.env, ...cluster.mark };
    const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'], env });
    const bed = new Bed(cluster, child);
    try {
      await bed.#order({ setup: bed.#setup() });
      return bed;
    } catch (error) {
      await bed.leave();
      throw error;
    }
  }

  async round(round: Kind, side: Side, count: number): Promise<RoundResult> {
    const answer = await this.#order({ round, side, count });
    if (!('result' in answer)) throw new Error('the helper did not answer with a result');
    return answer.result;
  }

  /** Ends the helper and wakes the kubelet. */
  async leave(): Promise<void> {
    clearInterval(this.#heartbeat);
    const ended = this.#child.exitCode === null ? once(this.#child, 'exit') : undefined;
    this.#child.stdin.end();
    await ended;
    for (const pid of this.#kubelets) process.kill(pid, 'SIGCONT');
  }

  get #node(): NodeHandle {
    return this.#cluster.node(NODE);
  }

  #setup(): Setup {
    const { pki } = paths(this.#cluster.record.dir);
    const file = (name: string): string => readFileSync(join(pki, name), 'utf8');
    return {
      node: this.#node.name,
      api: {
        host: addressesOf(this.#cluster.record.family).controlPlane[0],
        port: API_PORT,
        ca: file('ca.crt'),
        cert: file('admin.crt'),
        key: file('admin.key'),
      },
      northbound: `tcp:${this.#cluster.node(1).ip}:6641`,
      image: imageNames.pause,
    };
  }

  async #order(order: Order): Promise<Answer> {
    this.#child.stdin.write(`${JSON.stringify(order)}\n`);
    const { value, done } = await this.#answers.next();
    if (done === true) throw new Error('the helper on the node has ended');
    const answer = JSON.parse(value) as Answer;
    if ('error' in answer) throw new Error(`on the node: ${answer.error}`);
    return answer;
  }

  /** What the sleeping kubelet would say; without it the node's pods are evicted after a while. */
  async #renewLease(): Promise<void> {
    const path = `/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/${this.#node.name}`;
    const renewTime = new Date().toISOString().replace('Z', '000Z');
    const body = JSON.stringify({ spec: { renewTime } });
    const { status } = await this.#cluster.request('PATCH', path, { type: 'application/merge-patch+json', body });
    if (status >= 300) process.stderr.write(`the lease of ${this.#node.name} was not renewed: ${status}\n`);
  }
}
