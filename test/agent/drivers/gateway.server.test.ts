// Pods that pass on what comes from outside, against the kernel: a namespace between two others, with packets. As root.
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { compiled } from '../../../config/images/compile.ts';
import { gatewayWant } from '../../../agent/gateways.ts';
import { GatewayDriver } from '../../../agent/drivers/gateway.ts';
import { pendingOf } from '../../../agent/drivers/driver.ts';
import type { Want } from '../../../agent/drivers/driver.ts';
import type { ForwardSpec, GatewaySpec } from '../../../agent/items.ts';
import { boundedRun } from '../../../agent/run.ts';
import { cacheRoot } from '../../cluster/cache.ts';
import { eventually } from '../../eventually.ts';
import { newNetns, sh } from '../node.ts';
import { state } from '../samples.ts';

const run = boundedRun({ atOnce: 4, deadlineMs: 10_000 });
const root = new URL('../../../', import.meta.url).pathname;

/** Outside, between, and where the Service's address is. */
let [client, pod, cluster] = ['', '', ''];
let server: ChildProcess;
let driver: GatewayDriver;

const inside = (netns: string, ...argv: readonly string[]): Promise<string> =>
  sh('nsenter', `--net=/run/netns/${netns}`, ...argv);
const ip = async (netns: string, ...lines: readonly string[]): Promise<void> => {
  for (const line of lines) await inside(netns, 'ip', ...line.split(' '));
};

beforeAll(async () => {
  for (const name of ['client', 'pod', 'cluster'] as const) {
    const netns = await newNetns();
    if (name === 'client') client = netns;
    else if (name === 'pod') pod = netns;
    else cluster = netns;
  }
  await ip(
    pod,
    `link add net1 type veth peer name eth0 netns ${client}`,
    `link add eth0 type veth peer name eth0 netns ${cluster}`,
    'address add 10.16.0.5/16 dev eth0',
    'address add fd00:16::5/112 dev eth0 nodad',
    'link set eth0 up',
  );
  await ip(
    cluster,
    'address add 10.16.0.1/16 dev eth0',
    'address add fd00:16::1/112 dev eth0 nodad',
    // Services' addresses, and another one that is not to be reached.
    'address add 10.96.0.10 dev lo',
    'address add fd00:96::10 dev lo nodad',
    'link set eth0 up',
  );
  await ip(pod, 'route add default via 10.16.0.1', 'route add default via fd00:16::1');
  await ip(
    client,
    'address add 192.0.2.9/24 dev eth0',
    'address add 2001:db8::9/112 dev eth0 nodad',
    // One that the pod reaches by its gateway alone, the client itself.
    'address add 203.0.113.9 dev lo',
    'link set eth0 up',
  );
  // The strictest kernel there is: answers to strangers would be expected by eth0.
  await inside(pod, 'sh', '-c', 'for f in /proc/sys/net/ipv4/conf/*/rp_filter; do echo 1 > $f; done');
  const echo = await compiled(`${root}config/images/test/echo-server.c`, cacheRoot());
  server = spawn('nsenter', [`--net=/run/netns/${cluster}`, echo, '80', '81', '82'], { stdio: 'ignore' });
  const neighbour = await compiled(`${root}agent/cni/neighbour.c`, cacheRoot());
  driver = new GatewayDriver(run, neighbour);
}, 60_000);
afterAll(async () => {
  server.kill();
  for (const netns of [client, pod, cluster]) await sh('ip', 'netns', 'delete', netns);
});

const forward = (port: number, more: Partial<ForwardSpec> = {}): ForwardSpec[] => [
  { protocol: 'tcp', address: '192.0.2.5', port, target: '10.96.0.10', sources: [], ...more },
  { protocol: 'tcp', address: '2001:db8::5', port, target: 'fd00:96::10', sources: [], ...more },
];

const want = (forwards: readonly ForwardSpec[], changes: Partial<GatewaySpec> = {}): Want => {
  const item: GatewaySpec = {
    kind: 'gateway',
    pod: { namespace: 'a', name: 'lb-svc-web-x', uid: 'u' },
    ifaceId: 'lb-svc-web-x.a',
    ifname: 'net1',
    addresses: ['192.0.2.5/24', '2001:db8::5/112'],
    gateways: ['192.0.2.9', '2001:db8::9'],
    innerIfname: 'eth0',
    innerGateways: ['10.16.0.1', 'fd00:16::1'],
    forwards,
    ...changes,
  };
  const placed = { key: 'gateway/a/lb-svc-web-x', item, netns: `/run/netns/${pod}` };
  return gatewayWant(state({ gateways: [placed] }))!;
};

/** How many namespaces had to be changed. */
async function reconcile(wanted: Want): Promise<number> {
  const pending = pendingOf(wanted, await driver.read(wanted));
  await driver.apply(pending);
  expect(pendingOf(wanted, await driver.read(wanted))).toEqual({ put: new Map(), remove: new Map() });
  return pending.put.size;
}

/** What the server sees of a client, '' when nobody answers. */
const seen = (url: string, from: string): Promise<string> =>
  inside(client, 'curl', '--silent', '--max-time', '0.5', '--interface', from, `http://${url}/clientip`).then(
    (text) => text.trim(),
    () => '',
  );
const everywhere = (port: number): Promise<string[]> =>
  Promise.all([
    seen(`192.0.2.5:${port}`, '192.0.2.9'),
    seen(`192.0.2.5:${port}`, '203.0.113.9'),
    seen(`[2001:db8::5]:${port}`, '2001:db8::9'),
  ]);

it('fails as long as the interface is not there, and says so', async () => {
  await ip(pod, 'link set net1 name later');
  const wanted = want(forward(80));
  await expect(driver.apply(pendingOf(wanted, await driver.read(wanted)))).rejects.toThrow('net1');
  await ip(pod, 'link set later name net1');
});

it('leads what comes from outside to the Service, by either family, from near and far', async () => {
  expect(await reconcile(want(forward(80)))).toBe(1);
  await eventually(async () => (await everywhere(80)).every((text) => text !== ''), { within: 10_000, every: 100 });
  expect(await everywhere(80)).toEqual(['10.16.0.5', '10.16.0.5', 'fd00:16::5']);
  expect(await inside(pod, 'ip', 'route', 'show', 'table', '100')).toContain('10.96.0.10 via 10.16.0.1 dev eth0');
});

it('changes nothing a second time', async () => {
  expect(await reconcile(want(forward(80)))).toBe(0);
});

it('follows the ports, and takes back what is no longer wanted', async () => {
  expect(await everywhere(81)).toEqual(['', '', '']);
  const both = [...forward(80), ...forward(82, { protocol: 'udp' })];
  await reconcile(want(both));
  expect(await inside(pod, 'iptables-nft-save', '-t', 'nat')).toContain('--dport 82 -j DNAT');
  await reconcile(want(forward(82, { protocol: 'udp' })));
  expect(await everywhere(80)).toEqual(['', '', '']);
  const rules = await inside(pod, 'iptables-nft-save', '-t', 'nat');
  expect(rules).not.toContain('--dport 80');
  expect(rules.match(/-j LB-SVC-DNAT/g)).toHaveLength(1);
});

it('lets in those alone who are named', async () => {
  const only = (address: string): Partial<ForwardSpec> => ({ sources: [address] });
  await reconcile(want([forward(80, only('203.0.113.0/24'))[0]!, forward(80, only('2001:db8::/112'))[1]!]));
  expect(await everywhere(80)).toEqual(['', '10.16.0.5', 'fd00:16::5']);
});

it('repairs what somebody has broken, and leaves alone what is not its own', async () => {
  const wanted = want(forward(80));
  await reconcile(wanted);
  await inside(pod, 'iptables-nft', '-t', 'nat', '-F', 'PREROUTING');
  await inside(pod, 'iptables-nft', '-t', 'nat', '-A', 'LB-SVC-DNAT', '-p', 'tcp', '-j', 'RETURN');
  await inside(pod, 'iptables-nft', '-t', 'nat', '-A', 'POSTROUTING', '-d', '198.51.100.1', '-j', 'MASQUERADE');
  await ip(
    pod,
    'rule del iif net1',
    'route del default table 100',
    'route add 198.51.100.0/24 via 192.0.2.9 table 100',
  );
  await ip(
    pod,
    'rule add iif lo lookup 100 protocol 177',
    'route add 198.51.100.0/25 via 192.0.2.9 table 100 proto 177',
  );
  expect(await reconcile(wanted)).toBe(1);
  expect(await everywhere(80)).toEqual(['10.16.0.5', '10.16.0.5', 'fd00:16::5']);
  expect(await inside(pod, 'iptables-nft-save', '-t', 'nat')).toContain(
    '-A POSTROUTING -d 198.51.100.1/32 -j MASQUERADE',
  );
  const routes = await inside(pod, 'ip', 'route', 'show', 'table', '100');
  expect([routes.includes('198.51.100.0/24'), routes.includes('198.51.100.0/25')]).toEqual([true, false]);
  expect(await inside(pod, 'ip', 'rule')).not.toContain('iif lo');
});

it('goes on with the others when a namespace has gone', async () => {
  const wanted = new Map([...want(forward(81)), ['/run/netns/kubeloom-gone', { text: 'up net1', from: 'gone' }]]);
  await expect(driver.apply(pendingOf(wanted, await driver.read(wanted)))).rejects.toThrow('kubeloom-gone');
  expect(await inside(pod, 'iptables-nft-save', '-t', 'nat')).toContain('--dport 81 -j DNAT');
});
