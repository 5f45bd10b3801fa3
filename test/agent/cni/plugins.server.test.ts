// With others: called by cnitool, before the reference plugins in a chain, and as the source of addresses of reference plugins
// that make the interface.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../../eventually.ts';
import { sh } from '../node.ts';
import { args, port, samplePlan } from '../plan.ts';
import { Runtime } from '../runtime.ts';
import { inventory, settledInventory } from '../traces.ts';
import { Cnitool } from './cnitool.ts';
import type { Ran } from './cnitool.ts';

const lan = (name: string, ip: string): object => ({
  ...port(name, ip),
  provider: 'lan.default',
  ifaceId: `${name}.lan`,
  mac: '',
  addresses: [`${ip}/24`, `fd00:51::${ip.split('.')[3]}/64`],
  gateways: ['203.0.113.1', 'fd00:51::1'],
  defaultRoute: false,
});

let runtime: Runtime;
let tool: Cnitool;
beforeAll(async () => {
  runtime = await Runtime.create({
    ...samplePlan,
    'port/default/a/lan.default': lan('a', '203.0.113.10'),
    'port/default/b/lan.default': lan('b', '203.0.113.11'),
  });
  tool = await Cnitool.create(runtime);
  await eventually(async () => (await sh('ip', '-n', runtime.node.netns, 'address')).includes('100.64.0.2'));
}, 120_000);
afterAll(() => runtime?.dispose());

const inNode = (...argv: readonly string[]): Promise<string> =>
  sh('nsenter', `--net=/run/netns/${runtime.node.netns}`, ...argv);

const inside = (netns: string, ...argv: readonly [string, ...string[]]): Promise<string> =>
  sh('ip', 'netns', 'exec', netns, ...argv);

interface Result {
  readonly cniVersion: string;
  readonly interfaces: readonly { readonly name: string; readonly mac?: string; readonly mtu?: number }[];
  readonly ips: readonly { readonly address: string; readonly interface?: number }[];
}

function result({ code, stdout, stderr }: Ran): Result {
  if (code !== 0) throw new Error(`cnitool: ${stdout}${stderr}`);
  return JSON.parse(stdout) as Result;
}

const ok = expect.objectContaining({ code: 0 }) as unknown;

describe('cnitool', () => {
  it.each([
    ...['0.3.1', '0.4.0', '1.0.0', '1.1.0'].map((version) => [version, 'dual'] as const),
    ['1.1.0', 'six'] as const,
  ])('adds, checks and deletes in version %s a pod of family %s', async (cniVersion, name) => {
    await tool.network('kube-ovn', cniVersion, [{ type: 'kube-ovn' }]);
    const [before, pod] = [await settledInventory(runtime), await runtime.node.newPod()];
    const call = (command: string): Promise<Ran> =>
      tool.run(command, 'kube-ovn', `/run/netns/${pod}`, { CNI_ARGS: args(name) });
    const { ips, cniVersion: answered } = result(await call('add'));
    expect(answered).toBe(cniVersion);
    const addresses = { dual: ['10.16.0.31/16', 'fd00::31/64'], six: ['fd00::33/64'] };
    expect(ips.map(({ address }) => address)).toEqual(addresses[name]);
    // libcni refuses CHECK in older versions by itself.
    expect((await call('check')).code).toBe(cniVersion === '0.3.1' ? 1 : 0);
    expect(await call('del')).toEqual(ok);
    expect(await call('del')).toEqual(ok);
    expect(await inventory(runtime)).toEqual(before);
    expect(await tool.kept()).toEqual([]);
  });

  it('asks for the status, and has collected what is not in its cache', async () => {
    await tool.network('kube-ovn', '1.1.0', [{ type: 'kube-ovn' }]);
    const failed = await tool.run('status', 'kube-ovn', '');
    expect([failed.code, failed.stdout + failed.stderr]).toEqual([1, expect.stringContaining('ovn0')]);
    await runtime.node.installed('ovn0');
    expect(await eventually(async () => (await tool.run('status', 'kube-ovn', '')).code === 0)).toBe(true);
    const [before, pod] = [await settledInventory(runtime), await runtime.node.newPod()];
    const call = (command: string): Promise<Ran> =>
      tool.run(command, 'kube-ovn', `/run/netns/${pod}`, { CNI_ARGS: args('a') });
    result(await call('add'));
    // It knows of no attachment that is valid.
    expect(await call('gc')).toEqual(ok);
    expect(await inventory(runtime)).toEqual(before);
  });
});

describe('before the reference plugins', () => {
  it('portmap, bandwidth and tuning work on the interface, and all is gone after', async () => {
    await tool.network('kube-ovn', '1.0.0', [
      { type: 'kube-ovn' },
      { type: 'portmap', capabilities: { portMappings: true } },
      { type: 'bandwidth', capabilities: { bandwidth: true } },
      { type: 'tuning', sysctl: { 'net.ipv4.conf.IFNAME.log_martians': '1' }, mtu: 1300 },
    ]);
    const [before, pod] = [await settledInventory(runtime), await runtime.node.newPod()];
    const env = {
      CNI_ARGS: args('dual'),
      CAP_ARGS: JSON.stringify({
        portMappings: [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }],
        bandwidth: { ingressRate: 8_000_000, ingressBurst: 8_000_000, egressRate: 8_000_000, egressBurst: 8_000_000 },
      }),
    };
    const call = (command: string): Promise<Ran> => tool.run(command, 'kube-ovn', `/run/netns/${pod}`, env);
    const made = result(await call('add'));
    expect(made.ips).toMatchObject([{ address: '10.16.0.31/16' }, { address: 'fd00::31/64' }]);
    const mapped = async (): Promise<string> =>
      (await inNode('iptables-nft-save')) + (await inNode('ip6tables-nft-save'));
    expect(await mapped()).toMatch(/10\.16\.0\.31:80/);
    expect(await mapped()).toMatch(/\[fd00::31\]:80/);
    const [host = ''] = made.interfaces.map(({ name }) => name);
    expect(await inNode('tc', 'qdisc', 'show', 'dev', host)).toContain('tbf');
    expect(await inside(pod, 'cat', '/proc/sys/net/ipv4/conf/eth0/log_martians')).toBe('1\n');
    expect(await inside(pod, 'cat', '/sys/class/net/eth0/mtu')).toBe('1300\n');
    expect(await call('check')).toEqual(ok);
    expect(await call('del')).toEqual(ok);
    expect(await inventory(runtime)).toEqual(before);
    expect(await tool.kept()).toEqual([]);
    expect(await mapped()).not.toMatch(/10\.16\.0\.31|fd00::31/);
  });
});

describe('as the source of addresses', () => {
  const ipam = { type: 'kube-ovn', provider: 'lan.default' };

  it.each<[string, object, (pod: string) => Promise<unknown>]>([
    ['macvlan', { type: 'macvlan', master: 'eth0', mode: 'bridge' }, () => Promise.resolve()],
    ['ptp', { type: 'ptp' }, () => Promise.resolve()],
    ['bridge', { type: 'bridge', bridge: 'cni0' }, () => Promise.resolve()],
    [
      'host-device',
      { type: 'host-device', device: 'spare' },
      () => sh('ip', '-n', runtime.node.netns, 'link', 'add', 'spare', 'type', 'veth', 'peer', 'name', 'spare2'),
    ],
  ])('%s takes them, checks them, and gives them back', async (name, plugin, prepare) => {
    await tool.network(name, '1.0.0', [{ ...plugin, ipam }]);
    const pod = await runtime.node.newPod();
    await prepare(pod);
    const before = await settledInventory(runtime);
    const call = (command: string): Promise<Ran> =>
      tool.run(command, name, `/run/netns/${pod}`, { CNI_ARGS: args('a'), CNI_IFNAME: 'net1' });
    const { ips } = result(await call('add'));
    expect(ips.map(({ address }) => address)).toEqual(['203.0.113.10/24', 'fd00:51::10/64']);
    const shown = await inside(pod, 'ip', '-br', 'address', 'show', 'dev', 'net1', 'scope', 'global');
    expect(shown).toContain('203.0.113.10/24');
    expect(shown).toContain('fd00:51::10/64');
    expect(await call('check')).toEqual(ok);
    expect(await call('del')).toEqual(ok);
    expect(await tool.kept()).toEqual([]);
    expect(await runtime.node.interfaces('kubeloom-ifname', 'net1')).toEqual([]);
    // The bridge itself stays, which is how that plugin is.
    const links = ({ links = [] }: typeof before): string[] => links.filter((link) => link !== 'cni0');
    expect(links(await inventory(runtime))).toEqual(links(before));
  });

  it('two pods reach each other over macvlan, and one tells by CHECK what it has lost', async () => {
    await tool.network('lan', '1.0.0', [{ type: 'macvlan', master: 'eth0', mode: 'bridge', ipam }]);
    const pods = [await runtime.node.newPod(), await runtime.node.newPod()] as const;
    const call = (command: string, at: 0 | 1): Promise<Ran> =>
      tool.run(command, 'lan', `/run/netns/${pods[at]}`, { CNI_ARGS: args(at === 0 ? 'a' : 'b') });
    for (const at of [0, 1] as const) result(await call('add', at));
    for (const ip of ['203.0.113.11', 'fd00:51::11']) await inside(pods[0], 'ping', '-c', '1', '-W', '2', ip);
    await inside(pods[1], 'ip', 'address', 'flush', 'dev', 'eth0');
    expect((await call('check', 1)).code).toBe(1);
    for (const at of [0, 1] as const) expect(await call('del', at)).toEqual(ok);
  });
});
