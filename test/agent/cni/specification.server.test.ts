// The CNI specification 1.1.0, line by line, as a runtime sees it: the shim's exit status and standard output, with an agent
// and Open vSwitch behind it. ADD, DEL, VERSION; the other commands are in upkeep.server.test.ts.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { args, port, samplePlan as plan, topology } from '../plan.ts';
import { Runtime, done, refused, told } from '../runtime.ts';
import type { Sandbox } from '../runtime.ts';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await Runtime.create(plan, ['--cni-add-deadline=3']);
});
afterAll(() => runtime?.dispose());

const VERSIONS = ['0.3.0', '0.3.1', '0.4.0', '1.0.0', '1.1.0'];

describe('ADD', () => {
  it.each(VERSIONS)('answers in version %s', async (cniVersion) => {
    const pod = await runtime.sandbox('dual');
    const old = cniVersion.startsWith('0.');
    const mtu = cniVersion === '1.1.0' ? { mtu: 1400 } : {};
    expect(await runtime.added(pod, { cniVersion, dns: { nameservers: ['10.96.0.10'] } })).toEqual({
      cniVersion,
      interfaces: [
        { name: `${pod.CNI_CONTAINERID.slice(0, 12)}_h`, ...mtu },
        { name: 'eth0', mac: '00:00:00:00:01:31', sandbox: pod.CNI_NETNS, ...mtu },
      ],
      ips: [
        { ...(old ? { version: '4' } : {}), address: '10.16.0.31/16', gateway: '10.16.0.1', interface: 1 },
        { ...(old ? { version: '6' } : {}), address: 'fd00::31/64', gateway: 'fd00::1', interface: 1 },
      ],
      routes: [
        { dst: '0.0.0.0/0', gw: '10.16.0.1' },
        { dst: '::/0', gw: 'fd00::1' },
      ],
      dns: { nameservers: ['10.96.0.10'] },
    });
    expect(await runtime.node.cni('DEL', pod, { cniVersion })).toEqual({ code: 0, stdout: '' });
  });

  it.each(['0.4.0', '1.1.0'])('answers for a pod with IPv6 alone in version %s', async (cniVersion) => {
    const pod = await runtime.sandbox('six');
    const result = await runtime.added(pod, { cniVersion, routes: [{ dst: '2001:db8::/32' }] });
    const version = cniVersion === '0.4.0' ? { version: '6' } : {};
    expect(result).toMatchObject({
      ips: [{ ...version, address: 'fd00::33/64', gateway: 'fd00::1', interface: 1 }],
      routes: [{ dst: '::/0', gw: 'fd00::1' }, { dst: '2001:db8::/32' }],
    });
    expect(await runtime.inPod(pod, 'address', 'show', 'dev', 'eth0', 'scope', 'global')).not.toMatch(
      /inet |tentative/,
    );
    const table = await runtime.inPod(pod, '-6', 'route');
    expect(table).toContain('default via fd00::1 dev eth0');
    expect(table).toContain('2001:db8::/32 via fd00::1 dev eth0');
    expect(await runtime.cni('CHECK', pod, { cniVersion, prevResult: result })).toMatchObject({ code: 0 });
    expect(await runtime.cni('DEL', pod, { cniVersion })).toMatchObject({ code: 0 });
  });

  it.each(['0.1.0', '0.2.0', '1.2.0', '2.0.0', 'x'])('refuses version %s', async (cniVersion) => {
    const answer = await runtime.cni('ADD', await runtime.sandbox('a'), { cniVersion });
    expect(answer).toMatchObject(refused(1, /is not supported/, '0.3.1'));
  });

  it('refuses an interface that is there and works, and leaves it alone', async () => {
    const pod = await runtime.sandbox('a');
    await runtime.added(pod);
    expect(await runtime.cni('ADD', pod)).toMatchObject(refused(100, /has an interface eth0 already/));
    expect(await runtime.inPod(pod, 'address', 'show', 'dev', 'eth0')).toContain('10.16.0.20/16');
    expect(await runtime.ports(pod)).toHaveLength(1);
    expect(await runtime.cni('DEL', pod)).toEqual(done);
  });

  it('refuses an interface of another plugin, and leaves it alone', async () => {
    const pod = await runtime.sandbox('a');
    await runtime.inPod(pod, 'link', 'add', 'eth0', 'type', 'bridge');
    expect(await runtime.cni('ADD', pod)).toMatchObject(refused(100, /File exists/));
    expect(await runtime.inPod(pod, '-d', 'link', 'show', 'dev', 'eth0')).toContain('bridge');
    expect(await runtime.ports(pod)).toEqual([]);
  });

  it('does not take the name that is another container of its own', async () => {
    // Long interface names leave five digits for the container.
    const of = async (pod: string, rest: string): Promise<Sandbox> => ({
      ...(await runtime.sandbox(pod, 'pod16477688c0e')),
      CNI_CONTAINERID: `99999${rest.repeat(59)}`,
    });
    const [one, two] = [await of('a', '1'), await of('b', '2')];
    await runtime.added(one);
    expect(await runtime.cni('ADD', two)).toMatchObject(refused(100, /taken by an interface of another container/));
    expect(await runtime.cni('DEL', two)).toEqual(done);
    expect(await runtime.ports(one)).toHaveLength(1);
    expect(await runtime.inPod(one, 'link', 'show', 'dev', 'pod16477688c0e')).toContain('LOWER_UP');
    expect(await runtime.cni('DEL', one)).toEqual(done);
  });

  it('passes on what the plugins before have made', async () => {
    const pod = await runtime.sandbox('a');
    const prevResult = {
      cniVersion: '1.0.0',
      interfaces: [{ name: 'dummy0', sandbox: pod.CNI_NETNS }],
      ips: [{ address: '192.0.2.9/24', interface: 0 }],
      routes: [{ dst: '198.51.100.0/24' }],
      dns: { domain: 'example.com' },
    };
    expect(await runtime.added(pod, { prevResult })).toMatchObject({
      interfaces: [{ name: 'dummy0' }, {}, { name: 'eth0' }],
      ips: [prevResult.ips[0], { address: '10.16.0.20/16', interface: 2 }],
      routes: [prevResult.routes[0], { dst: '0.0.0.0/0' }],
      dns: { domain: 'example.com' },
    });
    await runtime.cni('DEL', pod);
  });

  it('adds the routes that the configuration asks for', async () => {
    const pod = await runtime.sandbox('a');
    await runtime.added(pod, { routes: [{ dst: '198.51.100.0/24', gw: '10.16.0.9' }, { dst: '203.0.113.0/24' }] });
    const table = await runtime.inPod(pod, 'route');
    expect(table).toContain('198.51.100.0/24 via 10.16.0.9 dev eth0');
    expect(table).toContain('203.0.113.0/24 via 10.16.0.1 dev eth0');
    await runtime.cni('DEL', pod);
  });

  it.each([
    ['no container id', { CNI_CONTAINERID: '' }, {}, 4, /CNI_CONTAINERID/],
    ['no interface', { CNI_IFNAME: '' }, {}, 4, /CNI_IFNAME/],
    ['an interface name of sixteen letters', { CNI_IFNAME: 'x'.repeat(16) }, {}, 4, /CNI_IFNAME/],
    ['an interface name with a colon', { CNI_IFNAME: 'eth0:1' }, {}, 4, /CNI_IFNAME/],
    ['no namespace', { CNI_NETNS: '' }, {}, 4, /CNI_NETNS/],
    ['no pod', { CNI_ARGS: '' }, {}, 4, /CNI_ARGS/],
    ['a namespace that does not exist', { CNI_NETNS: '/run/netns/gone' }, {}, 3, /no network namespace/],
    ['a namespace that is none', { CNI_NETNS: '/etc/hostname' }, {}, 3, /no network namespace/],
    ['a network without a name', {}, { name: '' }, 7, /"name"/],
    ['a provider that is no text', {}, { provider: 1 }, 7, /"provider"/],
    ['a route that is none', {}, { routes: [{ dst: '10.0.0.0/8\nlink', gw: '10.0.0.1' }] }, 7, /route/],
    ['a device', {}, { deviceID: '0000:03:00.1' }, 2, /"deviceID": "0000:03:00.1"/],
    ['a provider of addresses alone', { CNI_ARGS: args('dual') }, { provider: 'lan.default' }, 7, /"ipam"/],
    ['a kind of interface that is not made', { CNI_ARGS: args('sriov') }, {}, 2, /pod_nic_type: "offload-port"/],
    ['a pod that has no address', { CNI_ARGS: args('nobody') }, {}, 11, /no address/],
  ] as const)('refuses %s', async (...row) => {
    const [, variables, conf, code, msg] = row;
    const pod = { ...(await runtime.sandbox('a')), ...variables };
    expect(await runtime.cni('ADD', pod, conf)).toMatchObject(refused(code, msg));
    expect(await runtime.node.interfaces('pod_name', 'a')).toEqual([]);
  });

  it("refuses the node's own namespace", async () => {
    const pod = { ...(await runtime.sandbox('a')), CNI_NETNS: `/run/netns/${runtime.node.netns}` };
    expect(await runtime.cni('ADD', pod)).toMatchObject(refused(4, /CNI_NETNS is the node's own/));
  });

  it.each([
    ['nothing', '', 6],
    ['garbage', '\u0000\u00ff{', 6],
    ['a list', '[]', 6],
    ['a million brackets', '['.repeat(1_000_000), 6],
    ['more than a mebibyte', `"${'x'.repeat(1 << 20)}"`, 5],
  ])('refuses %s on standard input', async (_, stdin, code) => {
    // Without a socket in it the shim would ask the one of the machine.
    const text = stdin.length > 1 << 20 ? stdin : `${stdin} "server_socket":"${runtime.node.socket}"`;
    const answer = told(await runtime.node.shim({ CNI_COMMAND: 'ADD', ...(await runtime.sandbox('a')) }, text));
    expect(answer).toMatchObject({ code: 1, error: { code, cniVersion: '0.3.1' } });
  });
});

describe('DEL', () => {
  it('succeeds for what was never added, without a namespace, and twice', async () => {
    const pod = await runtime.sandbox('a');
    expect(await runtime.cni('DEL', pod)).toEqual(done);
    await runtime.added(pod);
    const { CNI_NETNS: _, ...gone } = pod;
    expect(await runtime.cni('DEL', gone)).toEqual(done);
    expect(await runtime.cni('DEL', gone)).toEqual(done);
    expect(await runtime.ports(pod)).toEqual([]);
  });

  it('takes the result of the ADD, and one that cannot be read', async () => {
    const pod = await runtime.sandbox('a');
    const prevResult = await runtime.added(pod);
    expect(await runtime.cni('DEL', pod, { prevResult })).toEqual(done);
    expect(await runtime.cni('DEL', pod, { prevResult: 5, routes: 1, name: '', ipam: 'x', provider: 5 })).toEqual(done);
  });

  it('needs the container and the interface', async () => {
    const { CNI_CONTAINERID: _, ...pod } = await runtime.sandbox('a');
    expect(await runtime.cni('DEL', pod)).toMatchObject(refused(4, /CNI_CONTAINERID/));
  });

  it('never takes an address that is of another pod meanwhile', async () => {
    const [before, now] = [await runtime.sandbox('a'), await runtime.sandbox('b')];
    await runtime.added(before);
    // The address passes to another pod while the DEL of the first is late.
    await runtime.restartAgent({ ...topology, 'port/default/b/ovn': port('b', '10.16.0.20') });
    await runtime.added(now);
    expect(await runtime.cni('DEL', before)).toEqual(done);
    expect(await runtime.node.interfaces('iface-id', 'b.default')).toEqual([`${now.CNI_CONTAINERID.slice(0, 12)}_h`]);
    expect(await runtime.inPod(now, 'address', 'show', 'dev', 'eth0')).toContain('10.16.0.20/16');
    expect(await runtime.cni('DEL', now)).toEqual(done);
    await runtime.restartAgent(plan);
  });
});

describe('VERSION', () => {
  const supported = { supportedVersions: VERSIONS };

  it.each([
    ['1.1.0', '{"cniVersion":"1.1.0"'],
    ['0.3.1', '{"cniVersion":"0.3.1"'],
    ['7.0.0', '{"cniVersion":"7.0.0"'],
    ['1.1.0', '{"x":1'],
  ])('answers in %s with all that are spoken, with and without an agent', async (cniVersion, start) => {
    for (const socket of [runtime.node.socket, `${runtime.node.socket}.none`]) {
      const stdin = `${start},"server_socket":"${socket}"}`;
      const { code, error } = told(await runtime.node.shim({ CNI_COMMAND: 'VERSION' }, stdin));
      expect([code, error]).toEqual([0, { cniVersion, ...supported }]);
    }
  });
});

describe('other commands', () => {
  it.each([{}, { CNI_COMMAND: '' }, { CNI_COMMAND: 'UPDATE' }])('refuses %j', async (variables) => {
    const answer = told(await runtime.node.shim(variables, runtime.node.conf()));
    expect(answer).toMatchObject(refused(4, /CNI_COMMAND/));
  });
});
