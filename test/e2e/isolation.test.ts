/** Packets and the rules of subnets: private ones, those let in, and rules of the user. */
import { beforeAll, describe, expect, it } from 'vitest';
import { exec, type Pod } from '../cluster/traffic.ts';
import { waitFor } from '../cluster/wait.ts';
import { apply, cluster, freshNamespace, nbctl, podManifest, readyPod } from './shared.ts';

const names = ['closed', 'friend', 'stranger'] as const;
type Name = (typeof names)[number];
const ns = (name: Name): string => `e2e-isolation-${name}`;
const range = { closed: '10.31.0.0/24', friend: '10.32.0.0/24', stranger: '10.33.0.0/24' };
const pods = {} as Record<Name | 'neighbour', Pod>;

const subnet = (name: Name, spec: object = {}): object => ({
  apiVersion: 'kubeovn.io/v1',
  kind: 'Subnet',
  metadata: { name: ns(name) },
  spec: { cidrBlock: range[name], namespaces: [ns(name)], natOutgoing: true, ...spec },
});

const isPrivate = { private: true, allowSubnets: [range.friend] };

beforeAll(async () => {
  for (const name of names) await freshNamespace(ns(name));
  await apply(subnet('closed', isPrivate), subnet('friend'), subnet('stranger'));
  // The probes of the kubelets come from the nodes, so that a ready pod shows that they are let in.
  await apply(
    podManifest(ns('closed'), 'closed', { node: 'n1' }),
    podManifest(ns('closed'), 'neighbour', { node: 'n2' }),
    podManifest(ns('friend'), 'friend', { node: 'n2' }),
    podManifest(ns('stranger'), 'stranger', { node: 'n2' }),
  );
  for (const name of names) pods[name] = await readyPod(ns(name), name);
  pods.neighbour = await readyPod(ns('closed'), 'neighbour');
});

/** Whether a new TCP connection and a ping get through; both or neither. */
async function reaches(from: Pod, to: Pod): Promise<boolean> {
  const script = `ping -c1 -W1 ${to.ip} >/dev/null && echo ping; curl -sS -m 2 http://${to.ip}:8080/ >/dev/null 2>&1 && echo http; true`;
  const said = (await exec(cluster(), from, ['bash', '-c', script])).trim().split('\n').filter(Boolean);
  if (said.length === 1) throw new Error(`${from.name} reaches ${to.name} by ${said[0]} only`);
  return said.length === 2;
}

const becomes = (from: Pod, to: Pod, wanted: boolean): Promise<unknown> =>
  waitFor(async () => ((await reaches(from, to).catch(() => !wanted)) === wanted ? true : undefined), {
    what: `${from.name} ${wanted ? 'to reach' : 'not to reach'} ${to.name}`,
    limitMs: 20_000,
    everyMs: 200,
  });

describe('a private subnet', () => {
  it('keeps others out, and lets in whoever is named, and its own', async () => {
    const { closed, neighbour, friend, stranger } = pods;
    expect(await reaches(stranger, closed)).toBe(false);
    expect(await reaches(friend, closed)).toBe(true);
    expect(await reaches(neighbour, closed)).toBe(true);
  });

  it('lets its own pods reach anywhere, with the replies', async () => {
    const { closed, stranger, friend } = pods;
    expect(await reaches(closed, stranger)).toBe(true);
    expect(await reaches(closed, friend)).toBe(true);
    const version = await exec(cluster(), closed, [
      'curl',
      '-sSk',
      '-m3',
      'https://kubernetes.default.svc.cluster.local:443/version',
      '--resolve',
      'kubernetes.default.svc.cluster.local:443:10.96.0.1',
    ]);
    expect(version).toMatch(/gitVersion|Unauthorized|Forbidden/);
  });

  it('is open when it is private no more, and closed again when it is', async () => {
    const { closed, stranger } = pods;
    await apply(subnet('closed'));
    await becomes(stranger, closed, true);
    expect(await nbctl('--bare', '--columns=acls', 'find', 'logical_switch', `name=${ns('closed')}`)).toBe('\n');
    await apply(subnet('closed', isPrivate));
    await becomes(stranger, closed, false);
  });
});

describe('rules of the user', () => {
  it('are on the switch as written, and decide', async () => {
    const { friend, stranger } = pods;
    expect(await reaches(stranger, friend)).toBe(true);
    const match = `ip4.src == ${range.stranger}`;
    const acls = [{ action: 'drop', direction: 'to-lport', match, priority: 1500 }];
    await apply(subnet('friend', { acls }));
    await becomes(stranger, friend, false);
    const text = await nbctl('acl-list', ns('friend'));
    expect(text.trim()).toMatch(new RegExp(`^to-lport  1500 \\(${match.replaceAll('.', '\\.')}\\) drop`));
    await apply(subnet('friend'));
    await becomes(stranger, friend, true);
  });
});
