// The drivers against the kernel, in network namespaces of their own: as root.
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import * as desired from '../../../agent/desired.ts';
import { ipsetWant, iptablesWant } from '../../../agent/netfilter.ts';
import { routeWant } from '../../../agent/routing.ts';
import type { NodeState } from '../../../agent/state.ts';
import type { Driver, Want } from '../../../agent/drivers/driver.ts';
import { isEmpty, pendingOf } from '../../../agent/drivers/driver.ts';
import { IpsetDriver, IpsetSweep } from '../../../agent/drivers/ipset.ts';
import { IptablesDriver } from '../../../agent/drivers/iptables.ts';
import { LinkDriver, readLinks } from '../../../agent/drivers/link.ts';
import { RouteDriver } from '../../../agent/drivers/route.ts';
import type { Run } from '../../../agent/run.ts';
import { boundedRun } from '../../../agent/run.ts';
import { newNetns, sh } from '../node.ts';
import { link, links, node, settings, state, subnet } from '../samples.ts';

const names: string[] = [];
const bounded = boundedRun({ atOnce: 4, deadlineMs: 10_000 });

let netns: string;
let commands: string[];
let run: Run;
beforeEach(async () => {
  netns = await newNetns();
  names.push(netns);
  commands = [];
  run = (argv, stdin) => {
    commands.push(argv.join(' '));
    return bounded(['nsenter', `--net=/run/netns/${netns}`, ...argv], stdin);
  };
});
afterAll(async () => {
  for (const name of names) await sh('ip', 'netns', 'delete', name);
});

const inside = (...argv: readonly string[]): Promise<string> => sh('nsenter', `--net=/run/netns/${netns}`, ...argv);

/** Applies, and reads back until nothing is pending; the number of processes that it took. */
async function reconcile(driver: Driver, want: Want): Promise<number> {
  const before = commands.length;
  const pending = pendingOf(want, await driver.read(want));
  if (!isEmpty(pending)) await driver.apply(pending, want);
  const used = commands.length - before;
  expect(pendingOf(want, await driver.read(want))).toEqual({ put: new Map(), remove: new Map() });
  return used;
}

const dual = state({
  node: {
    key: 'node/n1',
    item: node({
      internalIps: ['192.0.2.11', '2001:db8::11'],
      serviceCidrs: ['10.96.0.0/12', 'fd00:10:96::/112'],
      join: {
        ifaceId: 'node-n1',
        mac: '00:00:00:00:00:11',
        addresses: ['100.64.0.2/16', 'fd00:100:64::2/112'],
        gateways: ['100.64.0.1', 'fd00:100:64::1'],
        cidrs: ['100.64.0.0/16', 'fd00:100:64::/112'],
      },
    }),
  },
  subnets: [{ key: 'subnet/a', item: subnet({ cidrs: ['10.16.0.0/16', 'fd00:10:16::/64'] }) }],
});

async function makeLinks(): Promise<void> {
  await inside('ip', 'link', 'add', 'ovn0', 'type', 'veth', 'peer', 'name', 'ovn0p');
  await inside('ip', 'link', 'set', 'ovn0p', 'up');
  await inside('ip', 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'eth0p');
  for (const command of [
    'address add 192.0.2.11/24 dev eth0',
    'address add 2001:db8::11/64 dev eth0 nodad',
    'link set eth0 up',
  ])
    await inside('ip', ...command.split(' '));
}

describe('link and route', () => {
  it('bring ovn0 up with its addresses and routes, and see that they are there', async () => {
    await makeLinks();
    const driver = new LinkDriver(run);
    expect(await reconcile(driver, desired.linkWant(dual))).toBe(2);
    expect(await reconcile(driver, desired.linkWant(dual))).toBe(1);
    const routes = new RouteDriver(run);
    expect(await reconcile(routes, routeWant(dual)!)).toBe(3);
    expect(await reconcile(routes, routeWant(dual)!)).toBe(2);
    expect(await inside('ip', 'route')).toContain('10.16.0.0/16 via 100.64.0.1 dev ovn0 proto 177 src 192.0.2.11');
    expect(await inside('ip', '-6', 'route')).toContain(
      'fd00:10:16::/64 via fd00:100:64::1 dev ovn0 proto 177 src 2001:db8::11',
    );
  });

  it('remove addresses and routes of ours that are not wanted, and no others', async () => {
    await makeLinks();
    await reconcile(new LinkDriver(run), desired.linkWant(dual));
    const want = routeWant(dual)!;
    await reconcile(new RouteDriver(run), want);
    await inside('ip', 'route', 'add', '10.99.0.0/16', 'via', '100.64.0.1', 'proto', '177');
    await inside('ip', 'route', 'add', '10.98.0.0/16', 'via', '100.64.0.1', 'proto', 'static');
    await inside('ip', 'address', 'add', '100.64.9.9/16', 'dev', 'ovn0');
    await reconcile(new RouteDriver(run), want);
    await reconcile(new LinkDriver(run), desired.linkWant(dual));
    const table = await inside('ip', 'route');
    expect(table).not.toContain('10.99.0.0/16');
    expect(table).toContain('10.98.0.0/16');
    expect(await inside('ip', 'address', 'show', 'ovn0')).not.toContain('100.64.9.9');
  });

  it('do what can be done when one change fails, and name that one', async () => {
    await makeLinks();
    await reconcile(new LinkDriver(run), desired.linkWant(dual));
    await inside('ip', 'address', 'del', '2001:db8::11/64', 'dev', 'eth0');
    const driver = new RouteDriver(run);
    const want = routeWant(dual)!;
    const applying = driver.apply(pendingOf(want, await driver.read()));
    await expect(applying).rejects.toThrow(/failed: route replace fd00:10:16::\/64 via/);
    expect(await inside('ip', 'route')).toContain('10.16.0.0/16 via 100.64.0.1');
  });

  it('move the addresses of a tunnel interface to br-phy', async () => {
    await inside('ip', 'link', 'add', 'eth2', 'type', 'veth', 'peer', 'name', 'br-phy');
    await inside('ip', 'address', 'add', '198.51.100.11/24', 'dev', 'eth2');
    const read = async (): Promise<NodeState> =>
      state({
        settings: settings({ iface: 'eth2', 'datapath-type': 'netdev' }),
        links: await readLinks(run),
        taken: ['198.51.100.11/24'],
      });
    const before = await read();
    await reconcile(new LinkDriver(run), desired.linkWant(before));
    expect(await inside('ip', '-br', 'address', 'show', 'eth2')).not.toContain('198.51.100.11');
    expect(await inside('ip', '-br', 'address', 'show', 'br-phy')).toContain('198.51.100.11/24');
    // A process that starts now finds the record, and the address nowhere but at br-phy.
    expect(desired.encapIp(await read())).toBe('198.51.100.11');

    // The interface is given another one: that of br-phy goes, and no other of it.
    await inside('ip', 'address', 'add', '203.0.113.11/24', 'dev', 'br-phy');
    await inside('ip', 'address', 'add', '198.51.100.77/24', 'dev', 'eth2');
    await reconcile(new LinkDriver(run), desired.linkWant(await read()));
    expect(await inside('ip', '-br', 'address', 'show', 'eth2')).toContain('198.51.100.77/24');
    const left = await inside('ip', '-br', 'address', 'show', 'br-phy');
    expect(left).toContain('203.0.113.11/24');
    expect(left).not.toContain('198.51.100.11');
  });
});

describe('ipset and iptables', () => {
  it('program both families, see that they are there, and take them away', async () => {
    const sets = new IpsetDriver(run);
    const tables = new IptablesDriver(run);
    expect(await reconcile(sets, ipsetWant(dual)!)).toBe(2);
    expect(await reconcile(sets, ipsetWant(dual)!)).toBe(1);
    await reconcile(tables, iptablesWant(dual)!);
    expect(await reconcile(tables, iptablesWant(dual)!)).toBe(2);
    expect(await inside('iptables-nft-save')).toContain('-j SNAT --to-source 192.0.2.11 --random-fully');
    expect(await inside('ip6tables-nft-save')).toContain('-j SNAT --to-source 2001:db8::11 --random-fully');
    expect(await inside('ipset', 'list', 'ovn60subnets')).toContain('fd00:10:16::/64');
    await reconcile(new IptablesDriver(run), new Map());
    expect(await inside('iptables-nft-save')).not.toContain('ovn40');
    expect(await inside('ip6tables-nft-save')).not.toContain('OVN-');
  });

  it('replace a set while rules name it', async () => {
    const sets = new IpsetDriver(run);
    await reconcile(sets, ipsetWant(dual)!);
    await reconcile(new IptablesDriver(run), iptablesWant(dual)!);
    const more = { ...dual, subnets: [...dual.subnets, { key: 'b', item: subnet({ cidrs: ['10.17.0.0/16'] }) }] };
    expect(await reconcile(sets, ipsetWant(more)!)).toBe(2);
    expect(await inside('ipset', 'list', 'ovn40subnets')).toContain('10.17.0.0/16');
    expect(await inside('ipset', 'list', '-name')).not.toContain('scratch');
  });

  it('mend what others have broken, without touching theirs', async () => {
    await reconcile(new IpsetDriver(run), ipsetWant(dual)!);
    const want = iptablesWant(dual)!;
    await reconcile(new IptablesDriver(run), want);
    for (const command of [
      '-t nat -N KUBE-SERVICES',
      '-t nat -I PREROUTING -j KUBE-SERVICES',
      '-t nat -F OVN-MASQUERADE',
      '-D FORWARD -m set --match-set ovn40subnets dst -j ACCEPT',
      '-A FORWARD -s 203.0.113.1 -j DROP',
    ])
      await inside('iptables-nft', ...command.split(' '));
    await reconcile(new IptablesDriver(run), want);
    const rules = await inside('iptables-nft', '-t', 'nat', '-S', 'PREROUTING');
    expect(rules.indexOf('OVN-PREROUTING')).toBeLessThan(rules.indexOf('KUBE-SERVICES'));
    expect(await inside('iptables-nft', '-S', 'FORWARD')).toContain('-A FORWARD -s 203.0.113.1/32 -j DROP');
  });

  it('leave no set of a NAT rule behind, and destroy none that a rule names', async () => {
    const natRules = [{ id: '0123456789ab', action: 'nat', sources: ['10.16.0.4/30'], targets: [] }] as const;
    const subnets = [{ key: 'a', item: subnet({ cidrs: ['10.16.0.0/16'], natRules }) }];
    const drivers: readonly [Driver, (one: NodeState) => Want | undefined][] = [
      [new IpsetDriver(run), ipsetWant],
      [new IptablesDriver(run), iptablesWant],
      [new IpsetSweep(run), ipsetWant],
    ];
    const set = 'ovn40natpr-0123456789ab-src';
    for (const one of [{ ...dual, subnets }, dual])
      for (const [driver, want] of drivers) {
        await reconcile(driver, want(one)!);
        expect(await inside('ipset', 'list', '-name')).toContain(
          driver.name === 'ipset-sweep' && one === dual ? '' : set,
        );
      }
    expect(await inside('ipset', 'list', '-name')).not.toContain('natpr');
    expect(await inside('iptables-nft-save')).not.toContain('PSUBNET');
  });

  it('use the implementation that the node uses', async () => {
    await inside('iptables-legacy', '-t', 'mangle', '-N', 'KUBE-IPTABLES-HINT');
    await reconcile(new IpsetDriver(run), ipsetWant(dual)!);
    await reconcile(new IptablesDriver(run), iptablesWant(dual)!);
    expect(await inside('iptables-legacy-save')).toContain('OVN-POSTROUTING');
    expect(await inside('iptables-nft-save')).not.toContain('OVN-POSTROUTING');
  });
});

it('readLinks tells what a link is', async () => {
  await makeLinks();
  const found = (await readLinks(run)).get('eth0');
  expect(found).toMatchObject(
    link('eth0', {
      index: found!.index,
      mac: found!.mac,
      carrier: false,
      addresses: ['192.0.2.11/24', '2001:db8::11/64'],
    }),
  );
  expect(desired.defaultMtu(state({ links: links(found!) }))).toBe(1400);
});
