/** What the demo shows, scene by scene. Each scene does a thing, looks at the result, and throws when it is not as it should be. */
import { join } from 'node:path';
import type { Cluster } from '../cluster.ts';
import { exec, matrix, pods, readyPods, traffic, type Pod } from '../traffic.ts';
import { waitFor } from '../wait.ts';
import { egress, failOver } from './egress.ts';

export interface Scene {
  readonly title: string;
  /** Returns what people see. */
  play(cluster: Cluster): Promise<string>;
}

const namespace = 'demo';
const selector = 'app=web';
const web = (cluster: Cluster, count: number): Promise<Pod[]> =>
  readyPods(cluster, namespace, selector, { count, limitMs: 90_000 });

const deployment: Scene = {
  title: 'a Deployment of 4 pods, spread over the nodes, readiness probes green',
  async play(cluster) {
    await cluster.kubectl(['apply', '--filename', join(import.meta.dirname, 'pods.yaml')]);
    await cluster.kubectl(['--namespace', namespace, 'scale', 'deployment/web', '--replicas=4']);
    const ready = await web(cluster, 4);
    const nodes = new Set(ready.map(({ node }) => node));
    if (nodes.size !== cluster.record.nodes && nodes.size < 2) throw new Error(`all pods are on ${[...nodes].join()}`);
    return cluster.kubectl(['--namespace', namespace, 'get', 'pods', '--output=wide']);
  },
};

const everyPair: Scene = {
  title: 'ping and HTTP between all pairs of pods',
  async play(cluster) {
    const all = await web(cluster, 4);
    const failures = await matrix(cluster, all);
    if (failures.length > 0) throw new Error(failures.join('\n'));
    return `${all.length * all.length} pairs, each by ping and HTTP: all answer`;
  },
};

const nodeToPod: Scene = {
  title: 'nodes reach pods, and pods reach the API server by its Service',
  async play(cluster) {
    const all = await web(cluster, 4);
    for (const { n } of cluster.nodes())
      for (const { ip } of all)
        await cluster.inNode(n, ['curl', '-sS', '-m', '5', '-o', '/dev/null', `http://${ip}:8080/`]);
    const token = '/var/run/secrets/kubernetes.io/serviceaccount';
    const call = `curl -sS -m 5 --cacert ${token}/ca.crt -H "Authorization: Bearer $(cat ${token}/token)" https://$KUBERNETES_SERVICE_HOST:$KUBERNETES_SERVICE_PORT/version`;
    const [first] = all;
    if (first === undefined) throw new Error('there are no pods');
    const answer = await exec(cluster, first, ['bash', '-c', call]);
    const { gitVersion } = JSON.parse(answer) as { gitVersion?: string };
    if (gitVersion === undefined) throw new Error(`the API server said: ${answer}`);
    return `${cluster.record.nodes} nodes -> ${all.length} pods: all answer; ${first.name} -> API server: Kubernetes ${gitVersion}`;
  },
};

const service: Scene = {
  title: 'a Service: its name is known to DNS, its address leads to all of its pods',
  async play(cluster) {
    const all = await web(cluster, 4);
    const [from] = all;
    if (from === undefined) throw new Error('there are no pods');
    const ask = 'for i in $(seq 40); do curl -sS -m3 http://web/; done | sort | uniq -c';
    const answers = await waitFor(
      async () => {
        const text = await exec(cluster, from, ['bash', '-c', ask]).catch(() => '');
        return all.every(({ name }) => text.includes(name)) && text;
      },
      { what: 'every pod of the Service to answer', limitMs: 60_000, everyMs: 500 },
    );
    const name = await exec(cluster, from, ['getent', 'hosts', 'web']);
    return `${await cluster.kubectl(['--namespace', namespace, 'get', 'service', 'web'])}${name.trim()}\n${answers}`;
  },
};

const execAndLogs: Scene = {
  title: 'kubectl exec and kubectl logs',
  async play(cluster) {
    const [first] = await web(cluster, 4);
    if (first === undefined) throw new Error('there are no pods');
    const address = await exec(cluster, first, ['ip', '-brief', 'address', 'show', 'eth0']);
    if (!address.includes(first.ip)) throw new Error(`eth0 of ${first.name} has not ${first.ip}: ${address}`);
    await cluster.kubectl(['--namespace', namespace, 'logs', first.name]);
    return address;
  },
};

const subnets: Scene = {
  title: 'the subnets, with used and free addresses',
  async play(cluster) {
    const counted = await waitFor(
      async () => {
        const text = await cluster.kubectl(['get', 'subnet', 'ovn-default', '--output=jsonpath={.status.v4usingIPs}']);
        return Number(text) >= 4 ? text : undefined;
      },
      { what: 'the use of subnet ovn-default to be counted', limitMs: 10_000, everyMs: 200 },
    );
    return `${await cluster.kubectl(['get', 'subnet'])}ovn-default: ${counted} addresses in use`;
  },
};

const operatorKilled: Scene = {
  title: 'the operator is killed while traffic flows, and new pods come up after it is back',
  async play(cluster) {
    const all = await web(cluster, 4);
    const [from] = all;
    const to = all.find(({ node }) => node !== from?.node);
    if (from === undefined || to === undefined) throw new Error('the pods are not on two nodes');
    const connection = await traffic(cluster, [from, to]);
    const datagrams = await traffic(cluster, [from, to], { udp: true });
    const operator = ['--namespace', 'kube-system', 'delete', 'pods', '--selector', 'app=kube-ovn-controller'];
    await cluster.kubectl([...operator, '--grace-period=0', '--force']);
    await cluster.kubectl([
      '--namespace',
      'kube-system',
      'rollout',
      'status',
      'deployment/kube-ovn-controller',
      '--timeout=90s',
    ]);
    // Judged before pods are made: the userspace datapath may drop a datagram whenever a port of a node comes or goes.
    const unanswered = await datagrams.stop();
    await cluster.kubectl(['--namespace', namespace, 'scale', 'deployment/web', '--replicas=6']);
    await web(cluster, 6);
    const felt = { TCP: await connection.stop(), UDP: unanswered };
    const report = Object.entries(felt)
      .map(([protocol, { sent, lost }]) => `${protocol}: ${sent} sent, ${lost} lost`)
      .join('\n');
    if (felt.TCP.lost > 0 || felt.UDP.lost > 0 || !felt.TCP.connected) throw new Error(report);
    return `${from.name} (${from.node}) -> ${to.name} (${to.node})\n${report}\n6 pods ready: ${(await pods(cluster, namespace, selector)).map(({ ip }) => ip).join(' ')}`;
  },
};

export const scenes: readonly Scene[] = [
  deployment,
  everyPair,
  nodeToPod,
  service,
  execAndLogs,
  subnets,
  egress,
  failOver,
  operatorKilled,
];
