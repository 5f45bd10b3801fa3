/** How pods leave the cluster by each kind of gateway, and what becomes of it when one fails. */
import type { Cluster } from '../cluster.ts';
import { closeOutside, hostsOutside, openOutside, seenAs, wayBack } from '../outside.ts';
import { exec, readyPods, type Pod } from '../traffic.ts';
import { waitFor } from '../wait.ts';
import type { Scene } from './scenes.ts';

const namespace = 'demo';

interface Way {
  readonly name: string;
  readonly shown: string;
  readonly cidrBlock: string;
  readonly spec: object;
  /** As what the pod on n1 may be seen, and by whom it is asked. */
  readonly seen: (pod: Pod) => readonly string[];
  readonly by: string;
}

function ways(cluster: Cluster): Way[] {
  const [hosts] = hostsOutside(cluster.record.family);
  if (hosts === undefined) throw new Error('the cluster has no family');
  const { outsideIp, routerIp, beyondIp } = hosts;
  const [n1, n2] = [1, 2].map((n) => cluster.node(n).ip);
  const cidr = (at: number): string =>
    cluster.record.family === 'ipv6' ? `fd00:10:40:${at}::/112` : `10.40.${at}.0/24`;
  const central = { gatewayType: 'centralized', natOutgoing: true };
  const by = outsideIp;
  return [
    { name: 'distributed', shown: 'the node of the pod', spec: { natOutgoing: true }, seen: () => [n1], by },
    {
      name: 'centralized',
      shown: 'n2, or n1 in its place',
      spec: { ...central, gatewayNode: 'n2,n1' },
      seen: () => [n2],
      by,
    },
    {
      name: 'ecmp',
      shown: 'n1 and n2 at once',
      spec: { ...central, gatewayNode: 'n1,n2', enableEcmp: true },
      seen: () => [n1, n2],
      by,
    },
    {
      name: 'router',
      shown: 'a router outside',
      spec: { externalEgressGateway: routerIp, policyRoutingTableID: 1040, policyRoutingPriority: 1040 },
      seen: ({ ip }: Pod) => [ip],
      by: beyondIp,
    },
  ].map((way, at) => ({ ...way, cidrBlock: cidr(at), seen: (pod) => way.seen(pod).filter((ip) => ip !== undefined) }));
}

const objects = (way: Way): object[] => [
  {
    apiVersion: 'kubeovn.io/v1',
    kind: 'Subnet',
    metadata: { name: `demo-${way.name}` },
    spec: { cidrBlock: way.cidrBlock, ...way.spec },
  },
  {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: `by-${way.name}`,
      namespace,
      labels: { by: way.name },
      annotations: { 'ovn.kubernetes.io/logical_switch': `demo-${way.name}` },
    },
    spec: {
      nodeName: 'n1',
      terminationGracePeriodSeconds: 1,
      containers: [{ name: 'echo', image: 'docker.io/kubeloom/test:dev', imagePullPolicy: 'Never' }],
    },
  },
];

const podOf = async (cluster: Cluster, { name }: Way): Promise<Pod> => {
  const [pod] = await readyPods(cluster, namespace, `by=${name}`, { count: 1, limitMs: 60_000 });
  if (pod === undefined) throw new Error(`there is no pod by-${name}`);
  return pod;
};

/** Waits until the pod is seen as one of these, and answers as which. */
async function becomes(cluster: Cluster, pod: Pod, { seen, by }: Way): Promise<string> {
  let last = '';
  const look = async (): Promise<boolean> => {
    last = (await exec(cluster, pod, ['bash', '-c', `${seenAs(by)} || true`])).trim();
    return seen(pod).includes(last);
  };
  const explain = (): string => `it was seen as ${last || 'nobody'}`;
  await waitFor(look, {
    what: `${pod.name} to be seen as ${seen(pod).join(' or ')}`,
    limitMs: 60_000,
    everyMs: 200,
    explain,
  });
  return last;
}

export const egress: Scene = {
  title: 'pods leave the cluster by each kind of gateway, and a host outside says as whom it sees them',
  async play(cluster) {
    await openOutside(cluster);
    const all = ways(cluster);
    const items = all.flatMap(objects);
    await cluster.kubectl(['apply', '-f', '-'], { stdin: JSON.stringify({ apiVersion: 'v1', kind: 'List', items }) });
    const lines: string[] = [];
    for (const way of all) {
      const pod = await podOf(cluster, way);
      if (way.name === 'router') await wayBack(cluster, way.cidrBlock, cluster.node(1).ip);
      const seen = await becomes(cluster, pod, way);
      lines.push(
        [way.name.padEnd(12), way.shown.padEnd(23), `${pod.ip} on n1`.padEnd(26), `seen as ${seen}`].join(' '),
      );
    }
    return lines.join('\n');
  },
};

export const failOver: Scene = {
  title: 'the tunnel cable of a gateway is cut: another node takes its place',
  async play(cluster) {
    const way = ways(cluster).find(({ name }) => name === 'centralized');
    if (way === undefined) throw new Error('there is no centralized gateway');
    const pod = await podOf(cluster, way);
    const to = cluster.node(1).ip;
    const until = `until [ "$(${seenAs(way.by)})" = ${to} ]; do sleep 0.05; done; date +%s%3N`;
    const arriving = exec(cluster, pod, ['timeout', '60', 'bash', '-c', until]);
    const started = Date.now();
    try {
      await cluster.inControlPlane(['ip', 'link', 'set', 'n2e2', 'down']);
      const took = Number(await arriving) - started;
      const ready = await cluster.kubectl(['get', 'node', 'n2']);
      return `new connections of ${pod.name} are seen as ${to} after ${took} ms\n${ready}`;
    } finally {
      await cluster.inControlPlane(['ip', 'link', 'set', 'n2e2', 'up']);
      await cluster.kubectl(['delete', '--wait=false', 'pod', `--namespace=${namespace}`, '--selector=by']);
      await cluster.kubectl(['delete', '--wait=false', 'subnet', ...ways(cluster).map(({ name }) => `demo-${name}`)]);
      await closeOutside(cluster);
    }
  },
};
