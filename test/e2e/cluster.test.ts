/** The test cluster itself, without a network plugin: that what all other end-to-end tests stand on does hold. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildImages, imageNames } from '../../config/images/build.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { attempt, run } from '../cluster/exec.ts';
import { FIRST_RUN_MS, clusterCommand, startCluster, stopCluster } from '../cluster/fixture.ts';
import { processesOf } from '../cluster/processes.ts';
import { silent } from '../cluster/progress.ts';
import { clusterDir, clusterId, paths } from '../cluster/spec.ts';
import { machineState, tracesOf } from '../cluster/traces.ts';
import { waitFor } from '../cluster/wait.ts';

/** A pod in the node's own network: all that can run before there is a pod network. */
const hostPod = (name: string, node: string): string =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: {
      hostNetwork: true,
      nodeName: node,
      tolerations: [{ operator: 'Exists' }],
      terminationGracePeriodSeconds: 0,
      containers: [{ name: 'main', image: imageNames.test, command: ['bash', '-c', 'echo started; sleep infinity'] }],
    },
  });

async function runPod(cluster: Cluster, name: string, node: string): Promise<void> {
  await cluster.kubectl(['apply', '-f', '-'], { stdin: hostPod(name, node) });
  await cluster.kubectl(['wait', '--for=condition=Ready', `pod/${name}`, '--timeout=60s']);
}

describe('a bare cluster', () => {
  const NAME = 'e2e-bare';
  let cluster: Cluster;

  beforeAll(async () => {
    cluster = await startCluster(NAME, '--bare');
    await Promise.all([runPod(cluster, 'one', 'n1'), runPod(cluster, 'two', 'n2')]);
  }, FIRST_RUN_MS);
  afterAll(() => stopCluster(NAME));

  it('has two nodes of the pinned release', async () => {
    const nodes = await cluster.kubectl(['get', 'nodes', '-o', 'jsonpath={range .items[*]}{.metadata.name} {end}']);
    expect(nodes.trim()).toBe('n1 n2');
    const masters = await cluster.kubectl(['get', 'nodes', '-l', 'kube-ovn/role=master', '-o', 'name']);
    expect(masters).toBe('node/n1\n');
    const { body } = await cluster.request('GET', '/version');
    expect(JSON.parse(body)).toMatchObject({ gitVersion: 'v1.36.2' });
  });

  it('gives each node namespaces, files and NICs of its own', async () => {
    for (const { n, name, ip, tunnelIp } of cluster.nodes()) {
      const { stdout } = await cluster.inNode(n, [
        'bash',
        '-c',
        'hostname; cat /etc/hostname; ip -br -4 addr; ls /sys/class/net',
      ]);
      const [host, file] = stdout.split('\n');
      expect([host, file]).toEqual([name, name]);
      expect(stdout).toMatch(new RegExp(`eth0\\S*\\s+UP\\s+${ip}/24`));
      expect(stdout).toMatch(new RegExp(`eth2\\S*\\s+UP\\s+${tunnelIp}/24`));
      expect(stdout).toMatch(/^eth1$/m);
      const { stdout: links } = await cluster.inNode(n, ['ip', '-j', 'link', 'show', 'eth2']);
      expect((JSON.parse(links) as { mtu: number }[])[0]?.mtu).toBe(1500);
    }
    await cluster.inNode(1, ['touch', '/etc/only-here', '/opt/only-here', '/run/only-here', '/var/only-here']);
    for (const folder of ['/etc', '/opt', '/run', '/var']) {
      expect((await cluster.tryInNode(2, ['test', '-e', `${folder}/only-here`])).code).toBe(1);
      expect(existsSync(`${folder}/only-here`)).toBe(false);
    }
  });

  it('joins the nodes on all three networks', async () => {
    const ping = async (...args: string[]): Promise<void> =>
      expect((await cluster.tryInNode(1, ['ping', '-c1', '-W2', ...args])).stdout).toContain(' 1 received');
    await ping('172.29.0.12');
    await ping('-M', 'do', '-s', '1472', '172.30.0.12');
    for (const n of [1, 2]) await cluster.inNode(n, ['ip', 'addr', 'add', `192.0.2.${n}/24`, 'dev', 'eth1']);
    await ping('192.0.2.2');
    for (const n of [1, 2]) await cluster.inNode(n, ['ip', 'addr', 'del', `192.0.2.${n}/24`, 'dev', 'eth1']);
  });

  it('lets a pod reach the Service of the API by kube-proxy, with its token and no route by hand', async () => {
    const dir = '/var/run/secrets/kubernetes.io/serviceaccount';
    const ask =
      `curl -s -m 2 -o /dev/null -w '%{http_code}' --cacert ${dir}/ca.crt ` +
      `-H "Authorization: Bearer $(cat ${dir}/token)" https://10.96.0.1/api/v1/namespaces/default/pods`;
    // A connection that was begun before kube-proxy had its rules is never translated: each try is a new one.
    const inPod = (pod: string): Promise<string> =>
      cluster.kubectl(['exec', pod, '--', 'bash', '-c', `${ask} || true`]);
    await waitFor(async () => (await inPod('one')) === '403', { what: 'kube-proxy and a 403', limitMs: 20_000 });
    await cluster.kubectl(['create', 'rolebinding', 'see', '--clusterrole=view', '--serviceaccount=default:default']);
    for (const pod of ['one', 'two']) {
      await waitFor(async () => (await inPod(pod)) === '200', { what: `200 for ${pod}`, limitMs: 10_000 });
    }
    for (const n of [1, 2]) {
      const { stdout } = await cluster.inNode(n, ['ip', '-j', 'route']);
      const targets = (JSON.parse(stdout) as { dst: string }[]).map(({ dst }) => dst);
      expect(targets.sort()).toEqual(['172.29.0.0/24', '172.30.0.0/24', 'default']);
      expect((await cluster.inNode(n, ['iptables-save', '-t', 'nat'])).stdout).toContain('default/kubernetes:https');
    }
  });

  it('serves exec with input, and logs', async () => {
    expect(await cluster.kubectl(['exec', '-i', 'two', '--', 'tr', 'a-z', 'A-Z'], { stdin: 'into the pod' })).toBe(
      'INTO THE POD',
    );
    expect(await cluster.kubectl(['logs', 'two'])).toBe('started\n');
  });

  it('refuses what a node may not do', async () => {
    const label = (node: string, key: string): Promise<{ code: number | null; stderr: string }> => {
      const patch = JSON.stringify({ metadata: { labels: { [key]: 'yes' } } });
      const config = '--kubeconfig=/etc/kubernetes/kubelet.conf';
      return cluster.tryInNode(1, ['/usr/local/bin/kubectl', config, 'patch', 'node', node, '--patch', patch]);
    };
    expect((await label('n2', 'mine')).stderr).toContain('only its own Node object');
    expect((await label('n1', 'node-restriction.kubernetes.io/mine')).stderr).toContain(
      'is not allowed to modify labels',
    );
    expect((await label('n1', 'mine')).code).toBe(0);
  });

  it('notes every write in the audit log', async () => {
    await cluster.kubectl(['create', 'configmap', 'noted', '--from-literal=a=b']);
    const events = readFileSync(cluster.auditLog, 'utf8').trim().split('\n');
    const event = events.find((line) => line.includes('"name":"noted"'));
    expect(JSON.parse(event ?? '{}')).toMatchObject({ verb: 'create', objectRef: { resource: 'configmaps' } });
  });

  it('imports an image into all running nodes', async () => {
    const ctr = (n: number, ...args: string[]): Promise<{ stdout: string }> =>
      cluster.inNode(n, ['ctr', '--namespace=k8s.io', 'images', ...args]);
    await ctr(2, 'rm', imageNames.pause);
    expect((await ctr(2, 'ls', '-q')).stdout).not.toContain(imageNames.pause);
    const [image] = await buildImages({ only: ['pause'], progress: silent });
    await run(clusterCommand('load-image', image?.tar ?? '', '--name', NAME));
    for (const n of [1, 2]) expect((await ctr(n, 'ls', '-q')).stdout).toContain(imageNames.pause);
  });

  it('survives the power cut of a node and the death of its programs', async () => {
    const node = cluster.node(2);
    const before = await cluster.kubectl([
      'get',
      'pod',
      'two',
      '-o',
      'jsonpath={.status.containerStatuses[0].containerID}',
    ]);
    await node.kill();
    expect(node.running()).toBe(false);
    await expect(node.start()).resolves.toBeUndefined();
    const again = async (): Promise<boolean> => {
      const { status } = JSON.parse(await cluster.kubectl(['get', 'pod', 'two', '-o', 'json'])) as {
        status: { containerStatuses: { containerID: string; ready: boolean }[] };
      };
      const [container] = status.containerStatuses;
      return container?.ready === true && container.containerID !== before;
    };
    await waitFor(again, { what: 'a new container of the pod', limitMs: 60_000, everyMs: 200 });
    await cluster.inNode(2, ['ping', '-c1', '-W2', '172.29.0.11']);
    const [kubelet] = cluster.processes().filter(({ part, command }) => part === 'n1' && command.startsWith('kubelet'));
    cluster.node(1).restart('kubelet');
    const replaced = (): boolean =>
      cluster
        .processes()
        .some(({ part, pid, command }) => part === 'n1' && command.startsWith('kubelet') && pid !== kubelet?.pid);
    await waitFor(replaced, { what: 'a new kubelet', limitMs: 10_000 });
  });

  it('has its API server back after a kill', async () => {
    cluster.restart('kube-apiserver');
    const answers = async (): Promise<boolean> =>
      (await cluster.request('GET', '/readyz').catch(() => ({ status: 0 }))).status === 200;
    await waitFor(async () => !(await answers()), { what: 'the end of the API server', limitMs: 10_000 });
    await waitFor(answers, { what: 'the API server', limitMs: 30_000 });
    expect(await cluster.kubectl(['get', 'configmap', 'noted', '-o', 'name'])).toBe('configmap/noted\n');
  });

  it('is described by status, and not started twice', async () => {
    const { stdout, code } = await attempt(clusterCommand('status', '--name', NAME));
    expect(code).toBe(0);
    for (const word of ['kube-apiserver', 'etcd', 'kubelet', 'kube-proxy', 'v1.36.2', '172.29.0.12'])
      expect(stdout).toContain(word);
    const second = await attempt(clusterCommand('up', '--bare', '--name', NAME));
    expect(second.code).toBe(1);
    expect(second.stderr).toContain('runs already');
  });
});

describe('several clusters', () => {
  const [A, B] = ['e2e-a', 'e2e-b'];
  afterAll(async () => {
    await Promise.all([stopCluster(A), stopCluster(B)]);
  });

  it('run side by side and end separately', async () => {
    const [a, b] = await Promise.all([
      startCluster(A, '--bare', '--nodes', '1'),
      startCluster(B, '--bare', '--nodes=2'),
    ]);
    await Promise.all([runPod(a, 'in-a', 'n1'), runPod(b, 'in-b', 'n1')]);
    expect((await a.kubectl(['get', 'nodes', '-o', 'name'])).trim().split('\n')).toEqual(['node/n1']);
    expect((await b.kubectl(['get', 'pods', '-o', 'name'])).trim()).toBe('pod/in-b');
    await stopCluster(A);
    expect(tracesOf(A)).toEqual([]);
    expect(await b.kubectl(['exec', 'in-b', '--', 'echo', 'still here'])).toBe('still here\n');
  });
});

describe('down', () => {
  const NAME = 'e2e-crash';
  const state = paths(clusterDir(NAME));
  const partRuns = (part: string, program = ''): boolean =>
    processesOf(clusterId(NAME)).some((process) => process.part === part && process.command.includes(program));

  const startUp = (): ChildProcess => {
    const [program = '', ...args] = clusterCommand('up', '--bare', '--name', NAME);
    return spawn(program, args, { stdio: 'ignore' });
  };

  const moments: [string, () => boolean][] = [
    ['before anything is started', () => existsSync(state.record)],
    ['while certificates are made', () => existsSync(join(state.pki, 'ca.key'))],
    ['when the control plane starts', () => partRuns('control-plane')],
    ['when a node starts', () => partRuns('n1')],
    ['when containerd runs', () => partRuns('n1', 'containerd')],
    ['when a kubelet runs', () => partRuns('n2', 'kubelet')],
    ['when the controller manager runs', () => partRuns('control-plane', 'kube-controller-manager')],
  ];

  it.each(moments)('leaves nothing of an "up" that was killed %s', async (_, moment) => {
    await stopCluster(NAME);
    const before = await machineState();
    const child = startUp();
    const ended = new Promise((resolve) => child.once('exit', resolve));
    await waitFor(moment, { what: 'the moment', limitMs: 60_000, everyMs: 1 });
    child.kill('SIGKILL');
    await ended;
    expect(tracesOf(NAME)).not.toEqual([]);
    await stopCluster(NAME);
    expect(tracesOf(NAME)).toEqual([]);
    expect(await machineState()).toEqual(before);
  });

  it('ends an "up" that is still at work', async () => {
    const child = startUp();
    const ended = new Promise((resolve) => child.once('exit', (_code, signal) => resolve(signal)));
    await waitFor(() => partRuns('n1'), { what: 'the node', limitMs: 60_000, everyMs: 1 });
    await stopCluster(NAME);
    expect(await ended).toBe('SIGKILL');
    expect(tracesOf(NAME)).toEqual([]);
  });

  it('leaves nothing of a cluster with pods, and is fine twice', async () => {
    const before = await machineState();
    await runPod(await startCluster(NAME, '--bare'), 'some', 'n1');
    expect(await machineState()).toEqual(before);
    await stopCluster(NAME);
    expect(tracesOf(NAME)).toEqual([]);
    expect(await machineState()).toEqual(before);
    await stopCluster(NAME);
    expect((await attempt(clusterCommand('status', '--name', NAME))).code).toBe(1);
  });
});
