/**
 * Clusters of one family, that of IPv4 with kube-proxy's other mode: what holds on the dual-stack cluster of the other tests
 * holds on them.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Cluster } from '../cluster/cluster.ts';
import { FIRST_RUN_MS, startCluster, stopCluster } from '../cluster/fixture.ts';
import { addressesOf, inUrl } from '../cluster/family.ts';
import { closeOutside, hostsOutside, openOutside, seenAs } from '../cluster/outside.ts';
import { everyAddress, exec, matrix, type Pod } from '../cluster/traffic.ts';
import { waitFor } from '../cluster/wait.ts';
import { gatewayCases } from './gateways.suite.ts';
import { intact, nodeCases } from './node.suite.ts';
import { podManifest } from './shared.ts';
import { toolsOf } from './tools.ts';
import { tunnelCases } from './tunnels.suite.ts';

const versions = { ipv4: [4], ipv6: [6] } as const;
const kubeProxy = { ipv4: 'nftables', ipv6: 'iptables' } as const;
const namespace = 'default';
const names = ['near', 'neighbour', 'far'] as const;
type Name = (typeof names)[number];
const nodes: Readonly<Record<Name, string>> = { near: 'n1', neighbour: 'n1', far: 'n2' };
/** Of IP and ICMP, by family. */
const headers = { 4: 28, 6: 48 } as const;
const versionOf = (ip: string): 4 | 6 => (ip.includes(':') ? 6 : 4);

/** Of both families at once these are in gateways.test.ts, restarts.test.ts and node-life.test.ts. */
function gatewaysAndDamage(cluster: () => Cluster): void {
  describe('gateways', () => {
    gatewayCases(cluster, 'ipv6');
  });

  describe('a node', () => {
    const { programKilled, databaseLost, removed } = nodeCases(cluster, ['near', 'far', 'neighbour']);
    const { addressChanged, networksChosen } = tunnelCases(cluster, ['near', 'far']);

    it('goes on when its agent is killed', async () => {
      expect(await programKilled('agent/main.ts', 'app=kube-ovn-cni')).toEqual(intact(1));
    });

    it('leaves pods their network when it loses the database of Open vSwitch', async () => {
      const { before, after } = await databaseLost();
      expect(after).toEqual(before);
    });

    it('has its tunnels at another address when the interface is given another: connections stay', async () => {
      expect(await addressChanged()).toEqual(intact(1));
    });

    it('has tunnels by the networks that subnets choose', async () => {
      expect(await networksChosen()).toEqual([]);
    });

    it('leaves nothing when it is removed, and a new one of its name is served', async () => {
      expect(await removed({ emptyDisk: true })).toEqual(['n1', 'n2']);
    });
  });
}
const more = { ipv6: gatewaysAndDamage, ipv4: () => undefined } as const;

describe.each(['ipv6', 'ipv4'] as const)('a cluster of family %s', (family) => {
  const name = `e2e-${family}`;
  let cluster: Cluster;
  /** One entry for each address of each pod. */
  const ends: Pod[] = [];
  let failed = false;
  afterEach(({ task }) => void (failed ||= task.result?.state === 'fail'));

  const { apply, readyPod } = toolsOf(() => cluster);
  const addresses = (pod: Name): Pod[] => ends.filter((end) => end.name === pod);
  const one = (pod: Name): Pod => {
    const [first] = addresses(pod);
    if (first === undefined) throw new Error(`no pod ${pod}`);
    return first;
  };
  /** The exit code of a script in a pod. */
  const tried = async (from: Pod, script: string): Promise<string> =>
    (await exec(cluster, from, ['bash', '-c', `${script} >/dev/null 2>&1; echo $?`])).trim();

  beforeAll(async () => {
    cluster = await startCluster(name, '--family', family, '--kube-proxy', kubeProxy[family]);
    await apply(...names.map((pod) => podManifest(namespace, pod, { node: nodes[pod] })));
    for (const pod of names) ends.push(...everyAddress([await readyPod(namespace, pod)]));
  }, FIRST_RUN_MS);
  afterAll(() => stopCluster(name, failed));

  it('has all of Kubeloom ready', async () => {
    for (const workload of [
      'deployment/ovn-central',
      'deployment/kube-ovn-controller',
      'ds/kube-ovn-cni',
      'ds/ovs-ovn',
    ])
      expect(
        await cluster.kubectl(['--namespace=kube-system', 'rollout', 'status', workload, '--timeout=60s']),
      ).toMatch(/successfully rolled out/);
  });

  it('gives pods and nodes addresses of its families', async () => {
    for (const pod of names) expect(addresses(pod).map(({ ip }) => versionOf(ip))).toEqual(versions[family]);
    const joined = await cluster.kubectl(['get', 'ips.kubeovn.io', 'node-n1', '--output=jsonpath={.spec.ipAddress}']);
    expect(joined.split(',').map(versionOf)).toEqual(versions[family]);
  });

  it('joins pods on one node and from node to node', async () => {
    expect(await matrix(cluster, ends)).toEqual([]);
  });

  it('joins nodes and pods', async () => {
    for (const { ip } of ends)
      for (const { n } of cluster.nodes())
        expect((await cluster.tryInNode(n, ['ping', '-c1', '-W2', ip])).code, `n${n} to ${ip}`).toBe(0);
    for (const { ips } of cluster.nodes())
      for (const ip of ips) expect(await tried(one('near'), `ping -c1 -W2 ${ip}`), `${ip} answers`).toBe('0');
  });

  it('lets pods out by their node, or by a gateway node', async () => {
    await openOutside(cluster);
    const [{ outsideIp } = { outsideIp: '' }] = hostsOutside(family);
    const seen = async (pod: Pod, as: string): Promise<unknown> =>
      waitFor(async () => (await exec(cluster, pod, ['bash', '-c', `${seenAs(outsideIp)} || true`])).trim() === as, {
        what: `${pod.name} to be seen as ${as}`,
        limitMs: 30_000,
        everyMs: 200,
      });
    await seen(one('near'), cluster.node(1).ip);
    await seen(one('far'), cluster.node(2).ip);
    const spec = { gatewayType: 'centralized', gatewayNode: 'n2' };
    await cluster.kubectl(['patch', 'subnet', 'ovn-default', '--type=merge', `--patch=${JSON.stringify({ spec })}`]);
    await seen(one('near'), cluster.node(2).ip);
    const back = { spec: { gatewayType: 'distributed', gatewayNode: '' } };
    await cluster.kubectl(['patch', 'subnet', 'ovn-default', '--type=merge', `--patch=${JSON.stringify(back)}`]);
    await seen(one('near'), cluster.node(1).ip);
    await closeOutside(cluster);

    for (const ip of addressesOf(family).controlPlane)
      expect(await tried(one('far'), `curl -sS -k -m3 https://${inUrl(ip)}:6443/livez`), `${ip} answers`).toBe('0');
  });

  it('leads to a Service: pods by its addresses and its name, nodes by its addresses, others by ports of the nodes', async () => {
    const ipFamilies = versions[family].map((version) => `IPv${version}`);
    const spec = {
      selector: { e2e: 'far' },
      type: 'NodePort',
      ports: [{ port: 80, targetPort: 8080 }],
      ipFamilies,
      ipFamilyPolicy: 'SingleStack',
    };
    await apply({ apiVersion: 'v1', kind: 'Service', metadata: { name: 'far', namespace }, spec });
    const path = '--output=jsonpath={.spec.clusterIPs[*]}';
    const ips = (await cluster.kubectl(['get', 'service', 'far', path])).split(' ');
    expect(ips.map(versionOf)).toEqual(versions[family]);
    for (const host of [...ips.map(inUrl), 'far', `far.${namespace}.svc.cluster.local`])
      await waitFor(async () => (await tried(one('near'), `[ "$(curl -sS -m2 http://${host}/)" = far ]`)) === '0', {
        what: `${host} to be answered by its pod`,
        limitMs: 30_000,
        everyMs: 200,
      });
    // Nodes and whoever is outside are kube-proxy's.
    for (const { n } of cluster.nodes())
      for (const ip of ips)
        expect((await cluster.inNode(n, ['curl', '-sS', '-m3', `http://${inUrl(ip)}/`])).stdout).toBe('far\n');
    const port = await cluster.kubectl(['get', 'service', 'far', '--output=jsonpath={.spec.ports[0].nodePort}']);
    for (const { ips: own } of cluster.nodes())
      for (const ip of own)
        expect((await cluster.inControlPlane(['curl', '-sS', '-m3', `http://${inUrl(ip)}:${port}/`])).stdout).toBe(
          'far\n',
        );
    await cluster.kubectl(['delete', 'service', 'far']);
  });

  it('carries packets of the size that it promises, and says so of larger ones', async () => {
    const from = one('near');
    const mtu = Number(await exec(cluster, from, ['cat', '/sys/class/net/eth0/mtu']));
    expect(mtu).toBe(family === 'ipv6' ? 1380 : 1400);
    for (const { ip } of addresses('far')) {
      const size = mtu - headers[versionOf(ip)];
      expect(await tried(from, `ping -c1 -W2 -M do -s ${size} ${ip}`), `${ip} answers`).toBe('0');
      expect(await tried(from, `ping -c1 -W2 -M do -s ${size + 1} ${ip}`), `${ip} answers`).not.toBe('0');
    }
  });

  it('keeps the rules of a NetworkPolicy', async () => {
    const cidrs = addresses('neighbour').map(({ ip }) => `${ip}/${versionOf(ip) === 4 ? 32 : 128}`);
    const spec = {
      podSelector: { matchLabels: { e2e: 'far' } },
      ingress: [{ from: cidrs.map((cidr) => ({ ipBlock: { cidr } })) }],
    };
    await apply({
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: { name: 'far', namespace },
      spec,
    });
    for (const { ip } of addresses('far')) {
      const command = `curl -sS -m1 http://${inUrl(ip)}:8080/`;
      await waitFor(async () => (await tried(one('near'), command)) !== '0', {
        what: `${ip} to be closed`,
        limitMs: 30_000,
        everyMs: 200,
      });
      expect(await tried(one('neighbour'), command), `${ip} answers`).toBe('0');
    }
    await cluster.kubectl(['delete', 'networkpolicy', 'far']);
  });

  more[family](() => cluster);
});
