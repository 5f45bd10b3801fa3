// The CNI specification 1.1.0, line by line: CHECK, GC, STATUS, and what a plugin for addresses answers.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../../eventually.ts';
import { sh } from '../node.ts';
import { samplePlan as plan } from '../plan.ts';
import { Runtime, done, refused } from '../runtime.ts';
import type { Sandbox, Told } from '../runtime.ts';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await Runtime.create(plan, ['--cni-add-deadline=3']);
});
afterAll(() => runtime?.dispose());

describe('CHECK', () => {
  it.each(['0.4.0', '1.0.0', '1.1.0'])('finds an attachment as its ADD left it, in version %s', async (cniVersion) => {
    const pod = await runtime.sandbox('dual');
    const routes = [{ dst: '198.51.100.0/24' }, { dst: '203.0.113.7/32' }];
    const prevResult = await runtime.added(pod, { cniVersion, routes });
    expect(await runtime.node.cni('CHECK', pod, { cniVersion, routes, prevResult })).toEqual({ code: 0, stdout: '' });
    await runtime.cni('DEL', pod);
  });

  it('does not exist before version 0.4.0', async () => {
    const prevResult = { ips: [] };
    const answer = await runtime.cni('CHECK', await runtime.sandbox('a'), { cniVersion: '0.3.1', prevResult });
    expect(answer).toMatchObject(refused(1, /has no CHECK/, '0.3.1'));
  });

  it.each<[string, RegExp, (pod: Sandbox) => Promise<unknown>]>([
    [
      'the address',
      /no address 10.16.0.31/,
      (pod) => runtime.inPod(pod, 'address', 'delete', '10.16.0.31/16', 'dev', 'eth0'),
    ],
    [
      'the IPv6 address',
      /no address fd00::31/,
      (pod) => runtime.inPod(pod, 'address', 'delete', 'fd00::31/64', 'dev', 'eth0'),
    ],
    ['the default route', /no route 0.0.0.0/, (pod) => runtime.inPod(pod, 'route', 'delete', 'default')],
    ['the IPv6 default route', /no route ::/, (pod) => runtime.inPod(pod, '-6', 'route', 'delete', 'default')],
    ['the interface', /looking at the namespace/, (pod) => runtime.inPod(pod, 'link', 'delete', 'eth0')],
    ['its being up', /eth0 is down/, (pod) => runtime.inPod(pod, 'link', 'set', 'eth0', 'down')],
    ['its MAC', /has the MAC/, (pod) => runtime.inPod(pod, 'link', 'set', 'eth0', 'address', '00:00:00:00:02:02')],
    [
      'the port',
      /Open vSwitch has no/,
      (pod) => runtime.node.vsctl('del-port', `${pod.CNI_CONTAINERID.slice(0, 12)}_h`),
    ],
  ])('misses %s', async (_, msg, harm) => {
    const pod = await runtime.sandbox('dual');
    const prevResult = await runtime.added(pod);
    await harm(pod);
    expect(await runtime.cni('CHECK', pod, { prevResult })).toMatchObject(refused(101, msg));
    await runtime.cni('DEL', pod);
  });

  it('knows of nothing without a result, and of no other address than the assigned one', async () => {
    const pod = await runtime.sandbox('a');
    const prevResult = await runtime.added(pod);
    expect(await runtime.cni('CHECK', pod)).toMatchObject(refused(7, /prevResult/));
    const other = { ...prevResult, ips: [{ address: '10.16.0.99/16', interface: 1 }] };
    expect(await runtime.cni('CHECK', pod, { prevResult: other })).toMatchObject(refused(101, /10.16.0.20\/16 now/));
    await runtime.cni('DEL', pod);
  });

  it('leaves alone what later plugins have changed, which the result tells', async () => {
    const pod = await runtime.sandbox('a');
    const prevResult = await runtime.added(pod);
    await runtime.inPod(pod, 'route', 'delete', 'default');
    await runtime.inPod(pod, 'route', 'add', '192.0.2.0/24', 'dev', 'eth0', 'table', '100');
    const routes = [{ dst: '192.0.2.0/24', gw: '203.0.113.1', table: 100 }];
    expect(await runtime.cni('CHECK', pod, { prevResult: { ...prevResult, routes } })).toEqual(done);
    await runtime.cni('DEL', pod);
  });

  it('answers for a namespace that is gone', async () => {
    const pod = await runtime.sandbox('a');
    const prevResult = await runtime.added(pod);
    const gone = { ...pod, CNI_NETNS: '/run/netns/gone' };
    expect(await runtime.cni('CHECK', gone, { prevResult })).toMatchObject(refused(3, /no network namespace/));
    await runtime.cni('DEL', pod);
  });
});

describe('GC', () => {
  const gc = async (valid: unknown, conf: object = {}): Promise<Told> =>
    await runtime.cni('GC', {}, { cniVersion: '1.1.0', 'cni.dev/valid-attachments': valid, ...conf });
  const attachment = (pod: Sandbox): object => ({
    containerID: pod.CNI_CONTAINERID,
    ifname: pod.CNI_IFNAME,
  });
  const present = async (pod: Sandbox): Promise<number> => (await runtime.ports(pod)).length;

  it('keeps valid attachments, and removes the rest of its network alone', async () => {
    const [keep, stale, other] = [
      await runtime.sandbox('b'),
      await runtime.sandbox('c'),
      await runtime.sandbox('a', 'net1'),
    ];
    await runtime.added(keep);
    await runtime.added(stale);
    await runtime.added(other, { name: 'blue', provider: 'blue.default.ovn' });
    expect(await gc([attachment(keep)])).toEqual(done);
    expect([await present(keep), await present(stale), await present(other)]).toEqual([1, 0, 1]);
    expect(await sh('ip', '-n', runtime.node.netns, '-br', 'link')).not.toContain(stale.CNI_CONTAINERID.slice(0, 12));
    // The same container under another interface's name is another attachment.
    expect(await gc([{ ...attachment(keep), ifname: 'net1' }])).toEqual(done);
    expect([await present(keep), await present(other)]).toEqual([0, 1]);
    expect(await gc([], { name: 'blue' })).toEqual(done);
    expect(await present(other)).toBe(0);
  });

  it('removes nothing on the word of a list that it cannot read, of none, or for another plugin', async () => {
    const pod = await runtime.sandbox('b');
    await runtime.added(pod);
    expect(await gc([attachment(pod), { ifname: 'eth0' }])).toMatchObject(refused(7, /attachment/, '1.1.0'));
    expect(await gc(undefined)).toEqual(done);
    expect(await gc([], { type: 'macvlan', ipam: { type: 'kube-ovn' } })).toEqual(done);
    expect(await gc([], { cniVersion: '1.0.0' })).toMatchObject(refused(1, /has no GC/));
    expect(await present(pod)).toBe(1);
    await runtime.cni('DEL', pod);
  });
});

describe('STATUS', () => {
  const status = (cniVersion = '1.1.0'): Promise<Told> => runtime.cni('STATUS', {}, { cniVersion });

  it('is 50 until the node serves pods, 51 when those that are there suffer, and nothing when all is well', async () => {
    expect(await status()).toMatchObject(refused(50, /OVN has not installed ovn0/, '1.1.0'));
    const pod = await runtime.sandbox('a');
    await runtime.added(pod);
    expect(await status()).toMatchObject(refused(51, /OVN has not installed ovn0/, '1.1.0'));
    await runtime.node.installed('ovn0');
    expect(await eventually(async () => (await status()).code === 0 && (await status()))).toEqual({
      code: 0,
      error: {},
    });
    await runtime.cni('DEL', pod);
  });

  it('does not exist before version 1.1.0', async () => {
    expect(await status('1.0.0')).toMatchObject(refused(1, /has no STATUS/));
  });
});

describe('as plugin for addresses', () => {
  const ipam = { type: 'macvlan', name: 'lan', ipam: { type: 'kube-ovn', provider: 'lan.default' } };

  it('answers, checks, and has nothing to delete', async () => {
    const pod = await runtime.sandbox('dual', 'lan0');
    const ips = [{ address: '192.0.2.7/16', gateway: '10.16.0.1' }];
    expect(await runtime.added(pod, ipam)).toEqual({ cniVersion: '1.0.0', ips, routes: [], dns: {} });
    const prevResult = { ips };
    expect(await runtime.cni('CHECK', pod, { ...ipam, prevResult })).toEqual(done);
    const others = { ips: [{ address: '192.0.2.8/16' }] };
    expect(await runtime.cni('CHECK', pod, { ...ipam, prevResult: others })).toMatchObject(refused(101, /192.0.2.7/));
    expect(await runtime.cni('DEL', pod, ipam)).toEqual(done);
    expect(await runtime.cni('DEL', { ...pod, CNI_NETNS: '' }, ipam)).toEqual(done);
  });

  it('makes room for a default route that another plugin is to set', async () => {
    const pod = await runtime.sandbox('dual');
    await runtime.added(pod);
    const asked = { ...ipam, ipam: { ...ipam.ipam, routes: [{ dst: '0.0.0.0/0', gw: '192.0.2.1' }] } };
    const answer = await runtime.added({ ...pod, CNI_IFNAME: 'lan0' }, asked);
    expect(answer['routes']).toEqual([{ dst: '0.0.0.0/0', gw: '192.0.2.1' }]);
    expect(await runtime.inPod(pod, 'route', 'show', 'default')).toBe('');
    expect(await runtime.inPod(pod, '-6', 'route', 'show', 'default')).toContain('fd00::1');
    // There is none now, which is just as well.
    await runtime.added({ ...pod, CNI_IFNAME: 'lan0' }, asked);
    await runtime.cni('DEL', pod);
  });
});

describe('metrics', () => {
  it('count calls by command and answer, and what they have waited for', async () => {
    const pod = await runtime.sandbox('a');
    await runtime.added(pod);
    expect((await runtime.cni('ADD', { ...pod, CNI_NETNS: '' })).code).toBe(1);
    expect(await runtime.cni('DEL', pod)).toEqual(done);
    const inside = ['nsenter', `--net=/run/netns/${runtime.node.netns}`] as const;
    const fetching = "fetch('http://127.0.0.1:10665/metrics').then((r) => r.text()).then((text) => console.log(text))";
    const text = await sh(...inside, process.execPath, '--eval', fetching);
    const value = (series: string): number =>
      Number(
        text
          .split('\n')
          .find((line) => line.startsWith(`${series} `))
          ?.split(' ')[1] ?? '-1',
      );
    const calls = (method: string, status: number): number =>
      value(`cni_op_latency_seconds_count{node_name="n1",method="${method}",status_code="${status}"}`);
    expect(calls('ADD', 200)).toBeGreaterThan(0);
    expect(calls('ADD', 400)).toBeGreaterThan(0);
    expect(calls('DEL', 200)).toBeGreaterThan(0);
    for (const what of ['address', 'route', 'connectivity'])
      expect(value(`cni_wait_${what}_seconds_total{node_name="n1"}`)).toBeGreaterThan(0);
  });
});
