/** Pods on a real cluster: addresses, packets, annotations, events, and what bad input does. */
import { beforeAll, describe, expect, it } from 'vitest';
import { inUrl } from '../cluster/family.ts';
import { everyAddress, exec, matrix, readyPods } from '../cluster/traffic.ts';
import { waitFor } from '../cluster/wait.ts';
import { apply, cluster, events, field, freshNamespace, nbctl, object, podManifest, readyPod } from './shared.ts';

const ns = 'e2e-pods';
const soon = { limitMs: 30_000, everyMs: 200 };

beforeAll(async () => {
  await freshNamespace(ns);
  await cluster().kubectl(['delete', 'subnet', 'e2e-tiny', 'e2e-bad', '--ignore-not-found']);
});

describe('pods', () => {
  it('on both nodes reach each other, nodes reach pods, pods reach the API server', async () => {
    const names = ['a', 'b', 'c', 'd'];
    await apply(
      ...names.map((name, index) => podManifest(ns, name, { node: `n${1 + (index % 2)}`, labels: { set: 'm' } })),
    );
    const all = everyAddress(await readyPods(cluster(), ns, 'set=m', { count: 4 }));
    expect(new Set(all.map(({ ip }) => ip)).size).toBe(8);
    expect(await matrix(cluster(), all)).toEqual([]);
    for (const { ip } of all) await cluster().inNode(1, ['curl', '-sS', '-m', '5', `http://${inUrl(ip)}:8080/`]);
    const [first] = all;
    if (first === undefined) throw new Error('no pod');
    const answer = await exec(cluster(), first, ['curl', '-ksS', '-m', '5', 'https://10.96.0.1:443/livez']);
    expect(answer).not.toBe('');
  });

  it('carry the annotations of Kube-OVN, and an IP object with the same address', async () => {
    const { ips } = await readyPod(ns, 'a');
    const pod = await object('pod', 'a', ns);
    expect(pod).toMatchObject({
      metadata: {
        annotations: {
          'ovn.kubernetes.io/allocated': 'true',
          'ovn.kubernetes.io/routed': 'true',
          'ovn.kubernetes.io/ip_address': ips.join(','),
          'ovn.kubernetes.io/cidr': '10.16.0.0/16,fd00:10:16::/112',
          'ovn.kubernetes.io/gateway': '10.16.0.1,fd00:10:16::1',
          'ovn.kubernetes.io/logical_switch': 'ovn-default',
          'ovn.kubernetes.io/logical_router': 'ovn-cluster',
          'ovn.kubernetes.io/pod_nic_type': 'veth-pair',
          'ovn.kubernetes.io/mac_address': expect.stringMatching(/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/),
        },
      },
    });
    expect(await object('ips.kubeovn.io', `a.${ns}`)).toMatchObject({
      spec: {
        v4IpAddress: ips[0],
        v6IpAddress: ips[1],
        subnet: 'ovn-default',
        podName: 'a',
        namespace: ns,
        nodeName: 'n1',
      },
    });
    expect(await nbctl('get', 'logical_switch_port', `a.${ns}`, 'addresses')).toContain(ips.join(' '));
  });

  it('of the image find in it what people look at a network with', async () => {
    const programs = 'curl traceroute nc arping ping ping6 tcpdump ip iptables ip6tables ipset conntrack pidof';
    const missing = `for p in ${programs}; do command -v $p >/dev/null || echo $p; done`;
    const pod = ['--namespace', 'kube-system', 'exec', 'daemonset/ovs-ovn', '--'];
    expect(await cluster().kubectl([...pod, 'sh', '-c', missing])).toBe('');
  });

  it('get an event of their address', async () => {
    const told = async (): Promise<string | undefined> =>
      (await events(ns, 'a')).find((line) => line.startsWith('Normal PodNetworkAllocated '));
    const { ips } = await readyPod(ns, 'a');
    const event = await waitFor(told, { what: 'the event', ...soon });
    for (const ip of ips) expect(event).toContain(ip);
  });

  it('have port security as soon as they ask for it, and are told', async () => {
    const { ips } = await readyPod(ns, 'b');
    const together = ips.join(' ');
    const security = async (): Promise<string> => await nbctl('get', 'logical_switch_port', `b.${ns}`, 'port_security');
    for (const ip of ips) expect(await security()).not.toContain(ip);
    await cluster().kubectl(['--namespace', ns, 'annotate', 'pod', 'b', 'ovn.kubernetes.io/port_security=true']);
    await waitFor(async () => (await security()).includes(together), { what: 'port security', ...soon });
    const told = async (): Promise<string | undefined> =>
      (await events(ns, 'b')).find((line) => line.startsWith('Normal PodSecurityUpdated '));
    expect(await waitFor(told, { what: 'the event', ...soon })).toContain(`ip=${ips.join(',')} `);
  });

  it('give their address back when they are completed', async () => {
    await apply(podManifest(ns, 'done', { command: ['true'], restartPolicy: 'Never' }));
    await waitFor(async () => (await field('pod', 'done', '{.status.phase}', ns)) === 'Succeeded', {
      what: 'the pod to complete',
      ...soon,
    });
    await waitFor(async () => (await object('ips.kubeovn.io', `done.${ns}`)) === undefined, {
      what: 'its address to be free',
      ...soon,
    });
    expect(
      (await nbctl('--format=csv', '--no-headings', 'find', 'logical_switch_port', `name=done.${ns}`)).trim(),
    ).toBe('');
  });

  it('leave nothing behind when they are deleted', async () => {
    await cluster().kubectl(['--namespace', ns, 'delete', 'pod', 'd', '--wait=true']);
    await waitFor(async () => (await object('ips.kubeovn.io', `d.${ns}`)) === undefined, {
      what: 'its IP object to go',
      ...soon,
    });
    const { stdout } = await cluster().inNode(2, [
      'ovs-vsctl',
      '--bare',
      '--columns=name',
      'find',
      'interface',
      `external_ids:iface-id=d.${ns}`,
    ]);
    expect(stdout.trim()).toBe('');
    const told = async (): Promise<string | undefined> =>
      (await events(ns, 'd')).find((line) => line.startsWith('Normal PodNetworkReleased '));
    expect(await waitFor(told, { what: 'the event', ...soon })).toContain(`ipCR=d.${ns} subnet=ovn-default`);
  });
});

const subnet = (name: string, spec: object): object => ({
  apiVersion: 'kubeovn.io/v1',
  kind: 'Subnet',
  metadata: { name },
  spec,
});

describe('a subnet without a free address', () => {
  it('warns its pods, and gives them an address as soon as one is free', async () => {
    await apply(subnet('e2e-tiny', { cidrBlock: '10.77.0.0/30' }));
    const annotations = { 'ovn.kubernetes.io/logical_switch': 'e2e-tiny' };
    await apply(podManifest(ns, 'first', { annotations }));
    expect((await readyPod(ns, 'first')).ip).toBe('10.77.0.2');
    await apply(podManifest(ns, 'second', { annotations }));
    const warning = /^Warning AcquireAddressFailed .*NoAvailableAddress/;
    await waitFor(async () => (await events(ns, 'second')).some((line) => warning.test(line)), {
      what: 'a warning',
      ...soon,
    });
    await cluster().kubectl(['--namespace', ns, 'delete', 'pod', 'first', '--wait=true']);
    expect((await readyPod(ns, 'second')).ip).toBe('10.77.0.2');
  });
});

describe('an invalid subnet', () => {
  it('says why in its conditions, and hurts nobody else', async () => {
    await apply(subnet('e2e-bad', { cidrBlock: '10.78.0.0/24', gateway: '10.99.0.1' }));
    const validated =
      '{.status.conditions[?(@.type=="Validated")].status} {.status.conditions[?(@.type=="Validated")].message}';
    const told = await waitFor(
      async () => {
        const text = await field('subnet', 'e2e-bad', validated);
        return text.startsWith('False ') ? text : undefined;
      },
      { what: 'the condition', ...soon },
    );
    expect(told).toContain('10.99.0.1');
    await apply(podManifest(ns, 'unhurt'));
    await readyPod(ns, 'unhurt');
    expect(await field('subnet', 'ovn-default', '{.status.conditions[?(@.type=="Ready")].status}')).toBe('True');
    await cluster().kubectl(['delete', 'subnet', 'e2e-bad', '--timeout=20s']);
  });
});
