import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../eventually.ts';
import { TestNode, sh } from './node.ts';
import { args, port, topology } from './plan.ts';
import { buildShim } from './shim.ts';

/** One of a pod's interfaces on an attached network; '' for the only one. */
const onBlue = (name: string, ip: string, ifname: string): object => ({
  ...port(name, ip),
  provider: 'blue.net.ovn',
  ifname,
  ifaceId: `${name}.default.blue.net.ovn${ifname === 'net2' ? '.net2' : ''}`,
  gateways: ['10.50.0.1'],
  defaultRoute: false,
});

const ids = ['a', 'b', 'c', 'd', 'e', 'f'].map((letter) => letter.repeat(64));

let node: TestNode;
let shim: string;
beforeAll(async () => {
  shim = await buildShim();
  node = await TestNode.create(shim);
  await node.createIntegrationBridge();
  await node.writePlan({
    ...topology,
    'port/default/web-1/ovn': port('web-1', '10.16.0.11'),
    'port/default/web-2/ovn': port('web-2', '10.16.0.12'),
    'port/default/several/blue.net.ovn': onBlue('several', '10.50.0.21', 'net1'),
    'port/default/several/blue.net.ovn.net2': onBlue('several', '10.50.0.22', 'net2'),
    'port/default/single/blue.net.ovn': onBlue('single', '10.50.0.23', ''),
    'port/default/dual/ovn': {
      ...port('dual', '10.16.0.13'),
      addresses: ['10.16.0.13/16', 'fd00::13/64'],
      gateways: ['10.16.0.1', 'fd00::1'],
    },
    // Another plugin makes this interface.
    'port/default/web-1/lan.default': {
      ...port('web-1', '192.0.2.7'),
      provider: 'lan.default',
      mac: '',
      defaultRoute: false,
    },
  });
  await node.startAgent(['--iface=eth2']);
}, 60_000);
afterAll(async () => {
  await node?.dispose();
  await rm(dirname(shim), { recursive: true });
});

const add = (netns: string, containerId: string, name: string): ReturnType<TestNode['cni']> =>
  node.cni('ADD', { CNI_CONTAINERID: containerId, CNI_NETNS: `/run/netns/${netns}`, CNI_ARGS: args(name) });

const del = (netns: string, containerId: string, name: string): ReturnType<TestNode['cni']> =>
  node.cni('DEL', { CNI_CONTAINERID: containerId, CNI_NETNS: `/run/netns/${netns}`, CNI_ARGS: args(name) });

const inNode = (...argv: readonly string[]): Promise<string> =>
  sh('nsenter', `--net=/run/netns/${node.netns}`, ...argv);

const linkNames = async (): Promise<string> => await sh('ip', '-n', node.netns, '-br', 'link');

describe('the node', () => {
  it('configures Open vSwitch for OVN', async () => {
    const ids = await eventually(async () => {
      const text = await node.vsctl('get', 'Open_vSwitch', '.', 'external_ids');
      return text.includes('ovn-remote=') && text.includes('198.51.100.11') && text;
    });
    for (const expected of [
      'hostname=n1',
      'ovn-encap-type=geneve',
      'ovn-encap-ip="198.51.100.11"',
      'ovn-remote="tcp:192.0.2.11:6642"',
      'ovn-bridge-datapath-type=netdev',
      'system-id=chassis-1',
    ])
      expect(ids).toContain(expected);
  });

  it('moves the tunnel interface with its address into br-phy', async () => {
    await eventually(async () => (await inNode('ip', '-br', 'address', 'show', 'br-phy')).includes('198.51.100.11/24'));
    expect(await inNode('ip', '-br', 'address', 'show', 'eth2')).not.toContain('198.51.100.11');
    expect(await node.vsctl('list-ports', 'br-phy')).toBe('eth2');
    expect(await node.vsctl('get', 'Bridge', 'br-phy', 'datapath_type')).toBe('netdev');
  });

  it('makes ovn0, its addresses and routes, and puts back what is deleted', async () => {
    await eventually(async () =>
      (await inNode('ip', 'route')).includes('10.16.0.0/16 via 100.64.0.1 dev ovn0 proto 177 src 192.0.2.11'),
    );
    expect(await inNode('ip', 'route')).toContain('100.64.0.0/16 dev ovn0 proto 177 scope link src 100.64.0.2');
    expect(await inNode('ip', 'link', 'show', 'ovn0')).toMatch(/mtu 1400 .*\n.*00:00:00:00:00:11/);
    await inNode('ip', 'route', 'del', '100.64.0.0/16', 'dev', 'ovn0');
    await eventually(async () => (await inNode('ip', 'route')).includes('100.64.0.0/16 dev ovn0'));
    await inNode('ip', 'address', 'del', '100.64.0.2/16', 'dev', 'ovn0');
    await eventually(async () =>
      (await inNode('ip', 'route')).includes('100.64.0.0/16 dev ovn0 proto 177 scope link src'),
    );
  });

  it('masquerades', async () => {
    const save = await eventually(async () => {
      const text = await inNode('iptables-nft-save', '-t', 'nat');
      return text.includes('-j MASQUERADE') && text;
    });
    expect(save).toContain('-A POSTROUTING -m comment --comment "kube-ovn postrouting rules" -j OVN-POSTROUTING');
    expect(save).toContain('--match-set ovn40subnets-nat src -m set ! --match-set ovn40subnets dst -j OVN-MASQUERADE');
    expect(await inNode('ipset', 'list', 'ovn40other-node')).toContain('192.0.2.12');
  });

  it('says that it serves pods only when OVN has installed ovn0', async () => {
    expect(existsSync(node.conflist)).toBe(false);
    const status = await node.cni('STATUS', {}, { cniVersion: '1.1.0' });
    expect([status.code, JSON.parse(status.stdout)]).toMatchObject([1, { code: 50 }]);
    await node.installed('ovn0');
    await eventually(() => existsSync(node.conflist));
    const conflist = JSON.parse(await readFile(node.conflist, 'utf8')) as { plugins: { type: string }[] };
    expect(conflist.plugins.map(({ type }) => type)).toEqual(['kube-ovn', 'portmap']);
    expect((await node.cni('STATUS', {}, { cniVersion: '1.1.0' })).code).toBe(0);
  });
});

describe('CNI', () => {
  it('gives two pods a network in which they reach each other', async () => {
    const [one, two] = [await node.newPod(), await node.newPod()];
    const adding = [add(one, ids[0]!, 'web-1'), add(two, ids[1]!, 'web-2')];
    await Promise.all([node.install(ids[0]!), node.install(ids[1]!)]);
    const [first, second] = await Promise.all(adding);
    expect(first).toMatchObject({ code: 0 });
    expect(second).toMatchObject({ code: 0 });
    expect(JSON.parse(first!.stdout)).toEqual({
      cniVersion: '1.0.0',
      interfaces: [
        { name: `${'a'.repeat(12)}_h` },
        { name: 'eth0', mac: '00:00:00:00:01:11', sandbox: `/run/netns/${one}` },
      ],
      ips: [{ address: '10.16.0.11/16', gateway: '10.16.0.1', interface: 1 }],
      routes: [{ dst: '0.0.0.0/0', gw: '10.16.0.1' }],
      dns: {},
    });
    expect(await sh('ip', '-n', one, 'route')).toContain('default via 10.16.0.1 dev eth0');
    expect(await sh('ip', '-n', one, 'link', 'show', 'eth0')).toContain('mtu 1400');
    await sh('ip', 'netns', 'exec', one, 'ping', '-c', '2', '-i', '0.2', '-W', '2', '10.16.0.12');
    expect((await del(two, ids[1]!, 'web-2')).code).toBe(0);
    expect(await node.interfaces('kubeloom-container', ids[1]!)).toEqual([]);
    expect((await del(two, ids[1]!, 'web-2')).code).toBe(0);
  });

  it('gives each of several interfaces on one network its own port, by its name', async () => {
    const pod = await node.newPod();
    const call = (command: string, ifname: string, name = 'several', id = '7'): ReturnType<TestNode['cni']> =>
      node.cni(
        command,
        {
          CNI_CONTAINERID: id.repeat(64),
          CNI_NETNS: `/run/netns/${pod}`,
          CNI_ARGS: args(name),
          CNI_IFNAME: ifname,
        },
        { provider: 'blue.net.ovn' },
      );
    const installed = async (iface: string): Promise<void> => {
      const [port = ''] = await eventually(async () => {
        const found = await node.interfaces('iface-id', iface);
        return found.length > 0 && found;
      });
      await node.installed(port);
    };
    const adding = [call('ADD', 'net2'), call('ADD', 'net1')];
    await Promise.all(['several.default.blue.net.ovn', 'several.default.blue.net.ovn.net2'].map(installed));
    const answers = (await Promise.all(adding)).map(({ stdout }) => JSON.parse(stdout) as object);
    expect(answers).toMatchObject([
      { ips: [{ address: '10.50.0.22/16' }], interfaces: [{}, { name: 'net2' }] },
      { ips: [{ address: '10.50.0.21/16' }], interfaces: [{}, { name: 'net1' }] },
    ]);
    expect((await call('DEL', 'net1')).code).toBe(0);
    expect(await node.interfaces('iface-id', 'several.default.blue.net.ovn')).toEqual([]);
    expect(await node.interfaces('iface-id', 'several.default.blue.net.ovn.net2')).toEqual(['77777777_net2_h']);

    // Another one that is new to a running pod waits for its own port, and leaves the present one alone.
    const first = call('ADD', 'net1', 'single', '8');
    await installed('single.default.blue.net.ovn');
    expect((await first).code).toBe(0);
    expect(JSON.parse((await call('ADD', 'net2', 'single', '8')).stdout)).toMatchObject({
      code: 11,
      msg: expect.stringContaining('no address allocated to pod default/single provider ovn (blue.net.ovn)') as string,
    });
    expect(await node.interfaces('iface-id', 'single.default.blue.net.ovn')).toEqual(['88888888_net1_h']);
  }, 30_000);

  it('keeps the port of the present sandbox when an earlier one is deleted late', async () => {
    const pod = await node.newPod();
    const adding = add(pod, ids[2]!, 'web-1');
    await node.install(ids[2]!);
    expect((await adding).code).toBe(0);
    expect(await node.interfaces('iface-id', 'web-1.default')).toEqual([`${'c'.repeat(12)}_h`]);
    expect((await del('', ids[0]!, 'web-1')).code).toBe(0);
    expect(await node.interfaces('iface-id', 'web-1.default')).toEqual([`${'c'.repeat(12)}_h`]);
    expect(await linkNames()).not.toContain('a'.repeat(12));
    expect(await linkNames()).toContain('c'.repeat(12));
  });

  it('enters a namespace by any path, and gives a pod both families', async () => {
    const pod = await node.newPod();
    const holder = spawn('nsenter', [`--net=/run/netns/${pod}`, 'sleep', '60'], { stdio: 'ignore' });
    try {
      const netns = `/proc/${holder.pid}/ns/net`;
      await eventually(
        async () =>
          (await sh('readlink', netns)) === (await sh('ip', 'netns', 'exec', pod, 'readlink', '/proc/self/ns/net')),
      );
      const variables = { CNI_CONTAINERID: '6'.repeat(64), CNI_NETNS: netns, CNI_ARGS: args('dual') };
      const adding = node.cni('ADD', variables, { cniVersion: '0.3.1' });
      await node.install('6'.repeat(64));
      const { stdout } = await adding;
      expect(JSON.parse(stdout)).toMatchObject({ ips: [{ version: '4' }, { version: '6', address: 'fd00::13/64' }] });
      expect(await sh('ip', '-n', pod, '-6', 'address', 'show', 'dev', 'eth0')).toMatch(
        /fd00::13\/64 scope global nodad/,
      );
      expect(await sh('ip', '-n', pod, '-6', 'route')).toContain('default via fd00::1 dev eth0');
      const prevResult = JSON.parse(stdout) as object;
      expect((await node.cni('CHECK', variables, { prevResult })).code).toBe(0);
      expect((await node.cni('DEL', variables)).code).toBe(0);
      expect(JSON.parse((await node.cni('CHECK', variables, { prevResult })).stdout)).toMatchObject({ code: 101 });
    } finally {
      holder.kill();
    }
  });

  it('gives another plugin the address for its interface, and makes none without a MAC', async () => {
    const asked = {
      CNI_CONTAINERID: ids[0]!,
      CNI_NETNS: '/run/netns/none',
      CNI_IFNAME: 'lan0',
      CNI_ARGS: args('web-1'),
    };
    const provider = 'lan.default';
    const given = await node.cni('ADD', asked, { type: 'macvlan', ipam: { type: 'kube-ovn', provider } });
    expect([given.code, JSON.parse(given.stdout)]).toEqual([
      0,
      { cniVersion: '1.0.0', ips: [{ address: '192.0.2.7/16', gateway: '10.16.0.1' }], routes: [], dns: {} },
    ]);
    const refused = await node.cni('ADD', asked, { provider });
    expect([refused.code, JSON.parse(refused.stdout)]).toMatchObject([1, { code: 7 }]);
    expect(await node.interfaces('kubeloom-ifname', 'lan0')).toEqual([]);
  });

  it('collects what the runtime no longer knows, of its own network', async () => {
    const keep = [{ containerID: ids[2]!, ifname: 'eth0' }];
    const gc = (name: string, valid: object[]): ReturnType<TestNode['cni']> =>
      node.cni('GC', {}, { cniVersion: '1.1.0', name, 'cni.dev/valid-attachments': valid });
    expect((await gc('kube-ovn', keep)).code).toBe(0);
    expect((await gc('another', [])).code).toBe(0);
    expect((await node.interfaces('kubeloom-container', ids[2]!)).length).toBe(1);
    expect((await gc('kube-ovn', [])).code).toBe(0);
    expect(await node.interfaces('kubeloom-container', ids[2]!)).toEqual([]);
    expect(await linkNames()).not.toContain('c'.repeat(12));
  });

  it('deletes what was never added', async () => {
    expect(await del('', ids[5]!, 'nobody')).toEqual({ code: 0, stdout: '' });
  });

  it('answers code 11 for a pod that the plan does not have, after its deadline', async () => {
    const pod = await node.newPod();
    const answer = await add(pod, ids[3]!, 'unknown');
    expect(answer.code).toBe(1);
    expect(JSON.parse(answer.stdout)).toMatchObject({ code: 11, cniVersion: '1.0.0' });
  }, 30_000);

  it('undoes everything and names the step when one fails', async () => {
    const pod = await node.newPod();
    await sh('ip', '-n', pod, 'link', 'add', 'eth0', 'type', 'bridge');
    const answer = await add(pod, ids[3]!, 'web-2');
    expect(answer.code).toBe(1);
    const error = JSON.parse(answer.stdout) as { code: number; msg: string };
    expect(error.code).toBe(100);
    expect(error.msg).toMatch(/^making the interface pair failed: .*File exists/s);
    expect(await node.interfaces('kubeloom-container', ids[3]!)).toEqual([]);
    expect(await linkNames()).not.toContain('d'.repeat(12));
  });

  it('ends an ADD that is under way when its container is deleted', async () => {
    const pod = await node.newPod();
    const adding = add(pod, ids[3]!, 'web-2');
    await eventually(async () => (await node.interfaces('kubeloom-container', ids[3]!)).length > 0);
    expect((await del(pod, ids[3]!, 'web-2')).code).toBe(0);
    expect(await node.interfaces('kubeloom-container', ids[3]!)).toEqual([]);
    expect((await adding).code).toBe(1);
    expect(await linkNames()).not.toContain('d'.repeat(12));
  });

  it('undoes an ADD whose runtime has gone', async () => {
    const pod = await node.newPod();
    const variables = { CNI_CONTAINERID: ids[3]!, CNI_NETNS: `/run/netns/${pod}`, CNI_ARGS: args('web-2') };
    const gone = new AbortController();
    const adding = node.cni('ADD', variables, {}, gone.signal);
    await eventually(async () => (await node.interfaces('kubeloom-container', ids[3]!)).length > 0);
    gone.abort();
    await adding;
    await eventually(async () => (await node.interfaces('kubeloom-container', ids[3]!)).length === 0);
    expect(await eventually(async () => !(await linkNames()).includes('d'.repeat(12)))).toBe(true);
  });

  it('leaves nothing after an agent that was killed within ADD, and adds again', async () => {
    const pod = await node.newPod();
    const adding = add(pod, ids[4]!, 'web-2');
    await eventually(async () => (await node.interfaces('kubeloom-container', ids[4]!)).length > 0);
    await node.stopAgent('SIGKILL');
    expect(JSON.parse((await adding).stdout)).toMatchObject({ code: 11 });
    expect(await node.cni('VERSION', {})).toMatchObject({ code: 0 });
    await node.startAgent(['--iface=eth2']);
    expect((await del(pod, ids[4]!, 'web-2')).code).toBe(0);
    expect(await node.interfaces('kubeloom-container', ids[4]!)).toEqual([]);
    expect(await linkNames()).not.toContain('e'.repeat(12));
    const again = add(pod, ids[4]!, 'web-2');
    await node.install(ids[4]!);
    expect((await again).code).toBe(0);
  });

  it('changes nothing on a node that is as it should be', async () => {
    await node.stopAgent();
    const before = await inNode('iptables-nft-save');
    const database = await node.vsctl('--columns=_uuid,external_ids', 'list', 'Interface');
    const logged = node.agentLog.length;
    await node.startAgent(['--iface=eth2']);
    await eventually(() => node.agentLog.slice(logged).includes('the node serves pods'));
    expect(await inNode('iptables-nft-save').then((text) => text.replaceAll(/^#.*$/gm, ''))).toBe(
      before.replaceAll(/^#.*$/gm, ''),
    );
    expect(await node.vsctl('--columns=_uuid,external_ids', 'list', 'Interface')).toBe(database);
    const since = node.agentLog.slice(logged);
    expect(
      since.split('\n').filter((line) => line.includes('node state changed') && !line.includes('offload')),
    ).toEqual([]);
  });
});
