/** What a pod may send from, with packets: anything, or with port security its own addresses and those it is lent. */
import { beforeAll, describe, expect, it } from 'vitest';
import { exec, type Pod } from '../cluster/traffic.ts';
import { waitFor } from '../cluster/wait.ts';
import { annotate, apply, cluster, custom, freshNamespace, podManifest, readyPod } from './shared.ts';

const ns = 'e2e-port-security';
const key = { security: 'ovn.kubernetes.io/port_security', vips: 'ovn.kubernetes.io/port_vips' };
/** Addresses of the subnet that nobody has. */
const spoofed = '10.50.0.66';
const lent = '10.50.0.77';
const spoofedMac = '02:00:00:00:50:66';
const soon = { limitMs: 30_000, everyMs: 200 };

let sender: Pod;
/** Prints each echo request that reaches it. */
let witness: Pod;
let macs: { readonly sender: string; readonly witness: string };

const macOf = async (pod: Pod): Promise<string> =>
  (await exec(cluster(), pod, ['cat', '/sys/class/net/eth0/address'])).trim();

const seen = (): Promise<string> => cluster().kubectl(['--namespace', ns, 'logs', 'witness']);

beforeAll(async () => {
  await freshNamespace(ns);
  await apply(custom('Subnet', ns, { cidrBlock: '10.50.0.0/24', namespaces: [ns] }));
  const command = ['tcpdump', '-l', '-n', '-i', 'eth0', 'icmp[icmptype] == icmp-echo'];
  await apply(
    podManifest(ns, 'sender', { node: 'n1', capabilities: ['NET_ADMIN'] }),
    podManifest(ns, 'witness', { node: 'n2', command }),
  );
  [sender, witness] = await Promise.all([readyPod(ns, 'sender'), readyPod(ns, 'witness')]);
  macs = { sender: await macOf(sender), witness: await macOf(witness) };
  const addresses = [spoofed, lent].map((ip) => `ip address add ${ip}/32 dev eth0`);
  await exec(cluster(), sender, ['bash', '-ec', addresses.join('\n')]);
});

interface Source {
  readonly ip?: string;
  readonly mac?: string;
}

/** Sizes of echo requests, by which they are told from each other. */
let size = 100;

/**
 * Whether a packet from there arrives. One that may certainly be sent comes behind it on the same way: once that one has
 * arrived, the other has or never will. Where the packet must go is told, since a question for it might be what is lost.
 */
async function arrives({ ip = sender.ip, mac = macs.sender }: Source): Promise<boolean> {
  const [probe, after] = [(size += 1), (size += 1)];
  const send = (source: string, address: string, bytes: number): string[] => [
    `ip link set dev eth0 address ${address}`,
    `ip neighbour replace ${witness.ip} lladdr ${macs.witness} dev eth0 nud permanent`,
    `ping -c1 -W0.1 -I ${source} -s ${bytes} ${witness.ip} || true`,
  ];
  const script = [...send(ip, mac, probe), ...send(sender.ip, macs.sender, after)];
  await exec(cluster(), sender, ['bash', '-ec', script.join('\n')]);
  const got = (text: string, bytes: number): boolean => text.includes(`length ${bytes + 8}\n`);
  const text = await waitFor(
    async () => {
      const now = await seen();
      return got(now, after) ? now : undefined;
    },
    { what: 'a packet that may be sent', limitMs: 10_000, everyMs: 100, explain: seen },
  );
  return got(text, probe);
}

const becomes = (source: Source, wanted: boolean): Promise<unknown> =>
  waitFor(async () => (await arrives(source)) === wanted, {
    what: `packets from ${JSON.stringify(source)} ${wanted ? 'to arrive' : 'to be dropped'}`,
    ...soon,
  });

describe('a pod without port security', () => {
  it('sends from any address and any MAC', async () => {
    expect(await arrives({})).toBe(true);
    expect(await arrives({ ip: spoofed })).toBe(true);
    expect(await arrives({ mac: spoofedMac })).toBe(true);
  });
});

describe('a running pod with port security', () => {
  it('sends from its own only', async () => {
    await annotate(ns, 'sender', `${key.security}=true`);
    await becomes({ ip: spoofed }, false);
    expect(await arrives({ mac: spoofedMac })).toBe(false);
    expect(await arrives({ ip: lent })).toBe(false);
    expect(await arrives({})).toBe(true);
  });

  it('sends from those of port_vips, too', async () => {
    await annotate(ns, 'sender', `${key.vips}=${lent}`);
    await becomes({ ip: lent }, true);
    expect(await arrives({ ip: spoofed })).toBe(false);
    expect(await arrives({ ip: lent, mac: spoofedMac })).toBe(false);
  });

  it('is as free as before when it has it no more', async () => {
    await annotate(ns, 'sender', `${key.security}-`, `${key.vips}-`);
    await becomes({ ip: spoofed }, true);
    expect(await arrives({ mac: spoofedMac })).toBe(true);
  });
});

describe('a pod that is made with port security', () => {
  it('has it from its first packet on', async () => {
    await apply(
      podManifest(ns, 'born', { node: 'n1', capabilities: ['NET_ADMIN'], annotations: { [key.security]: 'true' } }),
    );
    const born = await readyPod(ns, 'born');
    const ping = (from: string): string => `ping -c1 -W0.2 -I ${from} ${witness.ip} >/dev/null; echo $?`;
    const script = `ip address add ${spoofed}/32 dev eth0\n${ping(born.ip)}\n${ping(spoofed)}`;
    expect(await exec(cluster(), born, ['bash', '-c', script])).toBe('0\n1\n');
  });
});
