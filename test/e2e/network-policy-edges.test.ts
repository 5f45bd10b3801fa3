/** What policies leave alone, with packets: a pod that reaches itself through a Service; and what annotations of policies do. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hairpin } from '../../operator/nb/rows/policy.ts';
import { exec, type Pod } from '../cluster/traffic.ts';
import { waitFor } from '../cluster/wait.ts';
import { counters, inForce, policy, prepareMarker, Probers, readyOf, under, type PolicySpec } from './policies.ts';
import { apply, cluster, custom, field, freshNamespace, nbctl, podManifest } from './shared.ts';

const ns = 'e2e-np-edges';
const balancer = 'e2e-hairpin';
/** In no subnet: the way to them is the default route. */
const vips = ['192.0.2.80', '2001:db8::80'];
const soon = { limitMs: 30_000, everyMs: 200 };

let server: Pod;
let near: Pod;
let far: Pod;
let addresses: readonly string[];
let probers: Probers;

beforeAll(async () => {
  await freshNamespace(ns);
  await apply(custom('Subnet', ns, { cidrBlock: '10.64.0.0/24,fd00:10:64::/112', namespaces: [ns] }));
  const capabilities = ['NET_ADMIN'];
  const command = ['echo-server'];
  await Promise.all([
    prepareMarker(),
    apply(
      podManifest(ns, 'server', { node: 'n1', command }),
      podManifest(ns, 'near', { node: 'n1', command, capabilities }),
      podManifest(ns, 'far', { node: 'n2', command, capabilities }),
    ),
  ]);
  const [first, second, third] = await readyOf(ns, ['server', 'near', 'far']);
  if (!first || !second || !third) throw new Error('no pods');
  [server, near, far] = [first, second, third];
  addresses = (await field('pod', 'server', '{.status.podIPs[*].ip}', ns)).split(' ');
  probers = new Probers([server, near, far]);
});

afterAll(() => probers.close());

const toServer = { matchLabels: { e2e: 'server' } };
const closed = (...policyTypes: ('Ingress' | 'Egress')[]): PolicySpec => ({ podSelector: toServer, policyTypes });
const annotation = (key: string, value: string): Record<string, string> => ({ [`ovn.kubernetes.io/${key}`]: value });

describe('a pod behind a Service', () => {
  const url = (ip: string, port: number): string => (ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`);

  beforeAll(async () => {
    await nbctl('--if-exists', 'lb-del', balancer);
    for (const [at, vip] of vips.entries())
      await nbctl('lb-add', balancer, url(vip, 80), url(addresses[at] ?? '', 8081), 'tcp');
    await nbctl('set', 'Load_Balancer', balancer, `options:hairpin_snat_ip="${hairpin[4]} ${hairpin[6]}"`);
    await nbctl('ls-lb-add', ns, balancer);
    await inForce();
  });

  afterAll(() => nbctl('--if-exists', 'lb-del', balancer));

  /** Who gets an answer from it, by its addresses and through the Service. */
  const who = (): Promise<string[][]> =>
    probers.who([
      ...vips.map((ip) => ({ protocol: 'tcp' as const, ip, port: 80 })),
      ...addresses.map((ip) => ({ protocol: 'tcp' as const, ip, port: 8081 })),
    ]);

  it('is reached by all', async () => {
    const all = ['far', 'near', 'server'];
    expect(await who()).toEqual([all, all, all, all]);
  });

  it.each([
    { types: ['Ingress'], others: [] },
    { types: ['Egress'], others: ['far', 'near'] },
    { types: ['Ingress', 'Egress'], others: [] },
  ] as const)('reaches itself through it, isolated for $types', async ({ types, others }) => {
    const each = [...others, 'server'];
    expect(await under([policy(ns, 'closed', closed(...types))], who)).toEqual([each, each, each, each]);
  });

  const echoes = async (): Promise<number> => (await counters(server))['Icmp.InEchos'] ?? NaN;

  /** How many of three echo requests arrive that a pod sends from an address that is not its own. */
  async function forged(from: Pod): Promise<number> {
    const before = await echoes();
    const script = `ip address replace ${hairpin[4]}/32 dev eth0; ping -c3 -i0.2 -W0.2 -I ${hairpin[4]} ${server.ip} || true`;
    await exec(cluster(), from, ['bash', '-c', script]);
    return (await echoes()) - before;
  }

  it('has nothing of who says that he were it', async () => {
    await inForce();
    for (const pod of [near, far]) expect(await forged(pod)).toBe(3);
    await under([policy(ns, 'closed', closed('Ingress'))], async () => {
      for (const pod of [near, far]) expect(await forged(pod)).toBe(0);
    });
    await under([policy(ns, 'all', { podSelector: {}, policyTypes: ['Ingress'] })], async () => {
      for (const pod of [near, far]) expect(await forged(pod)).toBe(0);
    });
  });
});

const pings = async (from: Pod): Promise<boolean> => {
  const script = `ping -c2 -i0.2 -W1 ${server.ip} >/dev/null && echo yes || echo no`;
  return (await exec(cluster(), from, ['bash', '-c', script])).trim() === 'yes';
};

const connects = async (from: Pod): Promise<boolean> =>
  (await probers.ask(from.name, [{ protocol: 'tcp', ip: server.ip, port: 8081 }]))[0] !== undefined;

describe('enforcement', () => {
  it('stops all when it is standard', async () => {
    await under([policy(ns, 'closed', closed('Ingress'))], async () => {
      expect([await pings(near), await connects(near)]).toEqual([false, false]);
    });
  });

  it('lets pings pass when it is lax', async () => {
    const lax = annotation('network_policy_enforcement', 'lax');
    await under([policy(ns, 'closed', closed('Ingress'), lax)], async () => {
      expect([await pings(far), await connects(far)]).toEqual([true, false]);
    });
  });

  it('is the stricter of two', async () => {
    const lax = policy(ns, 'lax', closed('Ingress'), annotation('network_policy_enforcement', 'lax'));
    await under([lax, policy(ns, 'closed', closed('Ingress'))], async () => {
      expect([await pings(far), await connects(far)]).toEqual([false, false]);
    });
  });
});

describe('a policy with a log', () => {
  /** What ovn-controller of the server's node has logged of rules. */
  async function logged(): Promise<string[]> {
    const [pod = ''] = (
      await cluster().kubectl([
        '--namespace=kube-system',
        'get',
        'pods',
        '--selector=app=ovs',
        `--field-selector=spec.nodeName=${server.node}`,
        '--output=name',
      ])
    ).split('\n');
    const text = await cluster().kubectl(['--namespace=kube-system', 'logs', pod]);
    return text.split('\n').filter((line) => line.includes('acl_log'));
  }

  it('is named where a packet is dropped or allowed', async () => {
    const log = { ...annotation('enable_log', 'true'), ...annotation('log_acl_actions', 'drop,allow') };
    const from = [{ podSelector: { matchLabels: { e2e: 'far' } } }];
    const earlier = (await logged()).length;
    await under([policy(ns, 'logged', { podSelector: toServer, ingress: [{ from }] }, log)], async () => {
      expect([await connects(near), await connects(far)]).toEqual([false, true]);
      const has = (name: string, verdict: string, ip: string) => (line: string) =>
        [`name="${name}"`, `verdict=${verdict}`, 'direction=to-lport', `nw_src=${ip},`].every((part) =>
          line.includes(part),
        );
      const dropped = has(`${ns}/logged`, 'drop', near.ip);
      const allowed = has(`np/logged.${ns}/ingress/IPv4/0`, 'allow', far.ip);
      await waitFor(
        async () => {
          const lines = (await logged()).slice(earlier);
          return lines.some(dropped) && lines.some(allowed);
        },
        { what: 'both in the log', ...soon, explain: async () => (await logged()).slice(-20).join('\n') },
      );
    });
  });
});
