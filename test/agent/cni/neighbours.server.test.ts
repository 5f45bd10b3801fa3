// A pod on a physical network and its neighbours, which are namespaces on the same switch here: who hears of it, who has its
// address already, and a gateway that answers or not. The program runs under the sanitizers.
import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../../eventually.ts';
import { sh } from '../node.ts';
import { port, samplePlan } from '../plan.ts';
import { Runtime, done, refused } from '../runtime.ts';
import { buildNeighbour } from '../shim.ts';
import { inventory, linksInside, settledInventory } from '../traces.ts';

const WIRES = ['', 'announce', 'detect', 'gateway'] as const;
const plan = {
  ...samplePlan,
  ...Object.fromEntries(
    WIRES.map((wire) => [
      `port/default/on${wire}/ovn`,
      {
        ...port(`on${wire}`, '10.16.0.70'),
        addresses: ['10.16.0.70/16', 'fd00::70/64'],
        gateways: ['10.16.0.1', 'fd00::1'],
        wire,
      },
    ]),
  ),
};
const MAC = '00:00:00:00:01:70';

let runtime: Runtime;
let program: string;
beforeAll(async () => {
  program = await buildNeighbour(['-g', '-fsanitize=address,undefined', '-fno-sanitize-recover=all']);
  runtime = await Runtime.create(plan, ['--cni-add-deadline=5', `--neighbour-program=${program}`]);
  await eventually(async () => (await sh('ip', '-n', runtime.node.netns, 'address')).includes('100.64.0.2'));
});
afterAll(async () => {
  await runtime?.dispose();
  await rm(dirname(program), { recursive: true });
});

interface Neighbour {
  readonly netns: string;
  readonly link: string;
}

const present: Neighbour[] = [];
/** A host on the network with these addresses. */
async function neighbour(...addresses: readonly string[]): Promise<string> {
  const netns = await runtime.node.newPod();
  const link = `n${present.length}`;
  present.push({ netns, link });
  const pair = ['link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', link, 'netns', runtime.node.netns] as const;
  await sh('ip', '-n', netns, ...pair);
  for (const address of addresses) {
    const six = address.includes(':') ? ['nodad'] : [];
    await sh('ip', '-n', netns, 'address', 'add', address, 'dev', 'eth0', ...six);
  }
  await sh('ip', '-n', netns, 'link', 'set', 'eth0', 'up');
  await sh('ip', '-n', runtime.node.netns, 'link', 'set', link, 'up');
  await runtime.node.vsctl('add-port', 'br-int', link);
  return netns;
}
afterEach(async () => {
  for (const { link } of present.splice(0)) {
    await runtime.node.vsctl('del-port', 'br-int', link);
    await sh('ip', '-n', runtime.node.netns, 'link', 'delete', link);
  }
});

const gateway = (): Promise<string> => neighbour('10.16.0.1/16', 'fd00::1/64');

describe('a pod on a physical network', () => {
  it.each(['announce', 'detect', 'gateway'])(
    'is heard of by those who knew another of its address (%s)',
    async (wire) => {
      const router = await gateway();
      const know = ['lladdr', '02:00:00:00:00:99', 'dev', 'eth0', 'nud', 'stale'] as const;
      for (const address of ['10.16.0.70', 'fd00::70'])
        await sh('ip', '-n', router, 'neigh', 'replace', address, ...know);
      const pod = await runtime.sandbox(`on${wire}`);
      await runtime.added(pod);
      for (const address of ['10.16.0.70', 'fd00::70'])
        await eventually(async () => (await sh('ip', '-n', router, 'neigh', 'show', address)).includes(MAC));
      expect(await runtime.cni('DEL', pod)).toEqual(done);
    },
  );

  it('says nothing on an overlay', async () => {
    const router = await gateway();
    const know = ['lladdr', '02:00:00:00:00:99', 'dev', 'eth0', 'nud', 'permanent'] as const;
    await sh('ip', '-n', router, 'neigh', 'replace', '10.16.0.70', ...know);
    const pod = await runtime.sandbox('on');
    await runtime.added(pod);
    expect(await sh('ip', '-n', router, 'neigh', 'show', '10.16.0.70')).toContain('02:00:00:00:00:99');
    expect(await runtime.cni('DEL', pod)).toEqual(done);
  });

  it.each([
    ['10.16.0.70', '10.16.0.70/16'],
    ['fd00::70', 'fd00::70/64'],
  ])('is not made while another host has %s', async (address, held) => {
    await gateway();
    const holder = await neighbour(held);
    const before = await settledInventory(runtime);
    const mac = (await sh('ip', 'netns', 'exec', holder, 'cat', '/sys/class/net/eth0/address')).trim();
    for (const wire of ['detect', 'gateway']) {
      const pod = await runtime.sandbox(`on${wire}`);
      const msg = new RegExp(`^${address} is in use by ${mac}$`);
      expect(await runtime.cni('ADD', pod)).toMatchObject(refused(100, msg));
      expect(await inventory(runtime)).toEqual(before);
      expect(await linksInside(runtime, pod)).toEqual([]);
    }
    // A machine that moves has its addresses on two nodes.
    const pod = await runtime.sandbox('onannounce');
    await runtime.added(pod);
    expect(await runtime.cni('DEL', pod)).toEqual(done);
  });

  it.each([
    ['none', [], '10.16.0.1'],
    ['one without IPv6', ['10.16.0.1/16'], 'fd00::1'],
  ])('waits for its gateway: %s', async (_, addresses, missing) => {
    await neighbour(...addresses);
    const before = await settledInventory(runtime);
    const pod = await runtime.sandbox('ongateway');
    const msg = new RegExp(`^gateway ${missing} does not answer$`);
    expect(await runtime.cni('ADD', pod)).toMatchObject(refused(11, msg));
    expect(await inventory(runtime)).toEqual(before);
    const unasked = await runtime.sandbox('ondetect');
    await runtime.added(unasked);
    expect(await runtime.cni('DEL', unasked)).toEqual(done);
  });
});

describe('the program', () => {
  it.each([
    [['/run/netns/none', 'eth0'], 1],
    [[], 1],
    [['/proc/self/ns/net', 'none'], 1],
    [['/proc/self/ns/net', 'lo', 'detect'], 1],
    [['/proc/self/ns/net', 'lo', 'detect', 'x'], 1],
    [['/proc/self/ns/net', 'lo', 'gateway', '10.0.0.1'], 1],
    [['/proc/self/ns/net', 'lo', 'gateway', '10.0.0.1', 'fd00::1'], 1],
    [['/proc/self/ns/net', 'lo', 'sing', '10.0.0.1'], 1],
    [['/proc/self/ns/net', 'lo', ...Array.from({ length: 17 }, () => ['announce', '10.0.0.1']).flat()], 1],
  ])('refuses %j', async (argv, code) => {
    await expect(sh(program, ...argv)).rejects.toMatchObject({ code });
  });
});
