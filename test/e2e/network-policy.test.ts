/** NetworkPolicies, with packets: who gets an answer from whom, over both families, on one node and from node to node. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { traffic, type Pod } from '../cluster/traffic.ts';
import { waitFor } from '../cluster/wait.ts';
import {
  inForce,
  isDelivered,
  policy,
  prepareMarker,
  Probers,
  readyOf,
  trace,
  under,
  type PolicySpec,
} from './policies.ts';
import { apply, cluster, custom, field, freshNamespace, podManifest } from './shared.ts';

const ns = 'e2e-np';
const friends = 'e2e-np-friends';

// Two servers in a pod, so that there are ports beside those that a policy means; each pod calls another one "answer".
const servers = ['bash', '-c', 'echo-server 8080 8081 8082 & exec echo-server 8090 8091 8092'];
const answer = (containerPort: number): object => ({
  command: servers,
  ports: [{ name: 'answer', containerPort, protocol: 'TCP' }],
});
const manifests = [
  podManifest(ns, 'web', { node: 'n1', labels: { role: 'web' }, ...answer(8081) }),
  podManifest(ns, 'web2', { node: 'n2', labels: { role: 'web' }, ...answer(8091) }),
  podManifest(ns, 'near', { node: 'n1', labels: { role: 'client' } }),
  podManifest(ns, 'far', { node: 'n2', labels: { role: 'client' } }),
  podManifest(friends, 'guest', { node: 'n2', labels: { role: 'client' } }),
];

const pods = new Map<string, Pod>();
/** Addresses by pod, IPv4 first. */
const addresses = new Map<string, readonly string[]>();
let probers: Probers;

const podOf = (name: string): Pod => {
  const found = pods.get(name);
  if (found === undefined) throw new Error(`no pod ${name}`);
  return found;
};

beforeAll(async () => {
  await Promise.all([freshNamespace(ns), freshNamespace(friends)]);
  await apply(
    custom('Subnet', ns, { cidrBlock: '10.60.0.0/24,fd00:10:60::/112', namespaces: [ns] }),
    custom('Subnet', friends, { cidrBlock: '10.61.0.0/24,fd00:10:61::/112', namespaces: [friends] }),
  );
  await Promise.all([apply(...manifests), prepareMarker()]);
  const all = [...(await readyOf(ns, ['web', 'web2', 'near', 'far'])), ...(await readyOf(friends, ['guest']))];
  for (const pod of all) {
    pods.set(pod.name, pod);
    const ips = await field('pod', pod.name, '{.status.podIPs[*].ip}', pod.namespace);
    addresses.set(pod.name, ips.split(' '));
  }
  probers = new Probers(all);
});

afterAll(() => probers.close());

type Answers = Readonly<Record<string, readonly string[]>>;

/** Which others get an answer from a pod, by target as `web tcp/8081` says it, over IPv4 and over IPv6 alike. */
async function answers(targets: readonly string[]): Promise<Answers> {
  const probes = targets.flatMap((target) => {
    const [to = '', protocol, port] = target.split(/[ /]/);
    const ips = addresses.get(to) ?? [];
    return ips.map((ip) => ({
      protocol: protocol === 'udp' ? ('udp' as const) : ('tcp' as const),
      ip,
      port: Number(port),
    }));
  });
  const all = await probers.who(probes);
  const found = targets.map((target, at) => {
    const [four = [], six] = all.slice(2 * at, 2 * at + 2);
    expect(six, `${target} over IPv6`).toEqual(four);
    return [target, four.filter((name) => name !== target.split(' ')[0])] as const;
  });
  return Object.fromEntries(found);
}

const who = async (target: string): Promise<readonly string[]> => (await answers([target]))[target] ?? [];

const web = { matchLabels: { role: 'web' } };
const clients = { podSelector: { matchLabels: { role: 'client' } } };
const inFriends = { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': friends } } };
const onWeb = (...ingress: readonly object[]): PolicySpec => ({ podSelector: web, ingress });
const ports = (...list: readonly object[]): object => ({ from: [clients], ports: list });
const block = (end: string): object[] => {
  const [four, six] = addresses.get(end) ?? [];
  return [
    { ipBlock: { cidr: '10.60.0.0/24', except: ['10.60.0.1/32', `${four}/32`] } },
    { ipBlock: { cidr: 'fd00:10:60::/112', except: [`${six}/128`] } },
  ];
};
const named = (name: string): object => ({ podSelector: { matchLabels: { e2e: name } } });

interface Case {
  readonly name: string;
  /** Read when the pods have their addresses. */
  readonly specs: () => readonly PolicySpec[];
  readonly expected: Answers;
}

const cases: readonly Case[] = [
  {
    name: 'none lets all pass',
    specs: () => [],
    expected: {
      'web tcp/8081': ['far', 'guest', 'near', 'web2'],
      'web udp/8082': ['far', 'guest', 'near', 'web2'],
      'guest udp/8082': ['far', 'near', 'web', 'web2'],
    },
  },
  {
    name: 'one for ingress without rules isolates, and lets answers in',
    specs: () => [{ podSelector: web, policyTypes: ['Ingress'] }],
    expected: { 'web tcp/8081': [], 'web udp/8082': [], 'far tcp/8081': ['guest', 'near', 'web', 'web2'] },
  },
  {
    name: 'one for egress without rules isolates, and lets answers out',
    specs: () => [{ podSelector: web, policyTypes: ['Egress'] }],
    expected: {
      'far tcp/8081': ['guest', 'near'],
      'guest udp/8082': ['far', 'near'],
      'web tcp/8081': ['far', 'guest', 'near'],
      'web udp/8082': ['far', 'guest', 'near'],
    },
  },
  {
    name: 'pods of its namespace are let in',
    specs: () => [onWeb({ from: [clients] })],
    expected: { 'web tcp/8081': ['far', 'near'], 'web2 udp/8082': ['far', 'near'] },
  },
  {
    name: 'pods of another namespace are let in',
    specs: () => [onWeb({ from: [inFriends] })],
    expected: { 'web tcp/8081': ['guest'], 'web2 udp/8082': ['guest'] },
  },
  {
    name: 'pods and their namespaces are selected by operators',
    specs: () => {
      const podSelector = {
        matchExpressions: [
          { key: 'role', operator: 'NotIn', values: ['web'] },
          { key: 'e2e', operator: 'In', values: ['far', 'guest', 'web2'] },
          { key: 'absent', operator: 'DoesNotExist' },
        ],
      };
      return [onWeb({ from: [{ namespaceSelector: {}, podSelector }] })];
    },
    expected: { 'web tcp/8081': ['far', 'guest'] },
  },
  {
    name: 'a block has exceptions',
    specs: () => [onWeb({ from: block('far') })],
    expected: { 'web tcp/8081': ['near', 'web2'], 'web udp/8082': ['near', 'web2'], 'web2 tcp/8081': ['near', 'web'] },
  },
  {
    name: 'a block has exceptions on the way out',
    specs: () => [{ podSelector: web, policyTypes: ['Egress'], egress: [{ to: block('far') }] }],
    expected: { 'near tcp/8081': ['far', 'guest', 'web', 'web2'], 'far tcp/8081': ['guest', 'near'] },
  },
  {
    name: 'a port is of one protocol',
    specs: () => [onWeb(ports({ protocol: 'TCP', port: 8081 }, { protocol: 'UDP', port: 8092 }))],
    expected: {
      'web tcp/8081': ['far', 'near'],
      'web udp/8092': ['far', 'near'],
      'web tcp/8091': [],
      'web udp/8082': [],
    },
  },
  {
    name: 'a range has both its ends, and nothing behind them',
    specs: () => [
      onWeb(ports({ protocol: 'TCP', port: 8081, endPort: 8090 }, { protocol: 'UDP', port: 8083, endPort: 8092 })),
    ],
    expected: {
      'web tcp/8081': ['far', 'near'],
      'web tcp/8091': [],
      'web udp/8082': [],
      'web udp/8092': ['far', 'near'],
    },
  },
  {
    name: 'a named port is the number that each pod has for it',
    specs: () => [onWeb(ports({ protocol: 'TCP', port: 'answer' }))],
    expected: {
      'web tcp/8081': ['far', 'near'],
      'web tcp/8091': [],
      'web2 tcp/8081': [],
      'web2 tcp/8091': ['far', 'near'],
    },
  },
  {
    name: 'a named port on the way out is the number that each receiver has for it',
    specs: () => [
      { podSelector: clients.podSelector, policyTypes: ['Egress'], egress: [{ ports: [{ port: 'answer' }] }] },
    ],
    expected: {
      'web tcp/8081': ['far', 'guest', 'near', 'web2'],
      'web tcp/8091': ['guest', 'web2'],
      'web2 tcp/8091': ['far', 'guest', 'near', 'web'],
      'web2 tcp/8081': ['guest', 'web'],
    },
  },
  {
    name: 'datagrams alone go out, to one pod alone',
    specs: () => [
      {
        podSelector: web,
        policyTypes: ['Egress'],
        egress: [{ to: [named('far')], ports: [{ protocol: 'UDP', port: 8082 }] }],
      },
    ],
    expected: {
      'far udp/8082': ['guest', 'near', 'web', 'web2'],
      'far tcp/8081': ['guest', 'near'],
      'near udp/8082': ['far', 'guest'],
    },
  },
  {
    name: 'several allow what any of them allows',
    specs: () => [
      onWeb(),
      onWeb({ from: [named('near')] }),
      onWeb({ from: [inFriends], ports: [{ protocol: 'UDP' }] }),
    ],
    expected: { 'web tcp/8081': ['near'], 'web udp/8082': ['guest', 'near'] },
  },
];

describe('policies', () => {
  it.each(cases)('$name', async ({ specs, expected }) => {
    const policies = specs().map((spec, at) => policy(ns, `case-${at}`, spec));
    expect(await under(policies, () => answers(Object.keys(expected)))).toEqual(expected);
  });

  it('of SCTP decide, as ovn-trace says', async () => {
    const [from, to] = [podOf('near'), podOf('web')];
    const passes = async (l4: string): Promise<boolean> => isDelivered(await trace(from, to, l4), to);
    const sctp = policy(ns, 'sctp', onWeb(ports({ protocol: 'SCTP', port: 80, endPort: 90 })));
    const found = await under([sctp], async () => {
      const flows = ['sctp.dst == 79', 'sctp.dst == 80', 'sctp.dst == 90', 'sctp.dst == 91', 'tcp.dst == 80'];
      return Promise.all(flows.map(passes));
    });
    expect(found).toEqual([false, true, true, false, false]);
  });
});

describe('a running connection', () => {
  it('lives on while other policies come and go, with its answers, in both directions', async () => {
    const open = policy(ns, 'open', {
      podSelector: web,
      policyTypes: ['Ingress', 'Egress'],
      ingress: [{ from: [named('near')] }],
      egress: [{ to: [named('far')] }],
    });
    const other = policy(ns, 'other', { podSelector: web, ingress: [{ from: [inFriends] }], egress: [{ ports: [] }] });
    await under([open], async () => {
      const flows = [
        await traffic(cluster(), [podOf('near'), podOf('web')]),
        await traffic(cluster(), [podOf('web'), podOf('far')]),
        await traffic(cluster(), [podOf('near'), podOf('web')], { udp: true }),
      ];
      for (let round = 0; round < 2; round += 1) {
        await under([other], async () => expect(await who('web tcp/8081')).toContain('guest'));
        await inForce();
      }
      for (const flow of flows) expect(await flow.stop()).toMatchObject({ connected: true, lost: 0 });
    });
  });
});

/** Kubelet's count of probes of a pod. */
async function probed(pod: Pod, result: 'successful' | 'failed'): Promise<number> {
  const { body } = await cluster().request('GET', `/api/v1/nodes/${pod.node}/proxy/metrics/probes`);
  const line = body.split('\n').find((text) => {
    const has = (label: string, value: string): boolean => text.includes(`${label}="${value}"`);
    return text.startsWith('prober_probe_total') && has('pod_uid', pod.uid) && has('result', result);
  });
  return Number(line?.split(' ').at(-1) ?? 0);
}

/** Over IPv4 and over IPv6 alike. */
async function fromHost(n: number, { ips }: Pod): Promise<boolean> {
  const reaches = async (ip: string): Promise<boolean> =>
    (await cluster().tryInNode(n, ['bash', '-c', `exec 3<>/dev/tcp/${ip}/8081`], { timeoutMs: 1500 })).code === 0;
  const [four, six] = await Promise.all(ips.map(reaches));
  if (four === undefined) throw new Error('the pod has no address');
  expect(six, 'over IPv6').toBe(four);
  return four;
}

describe('an isolated pod', () => {
  it('is probed by the kubelet of its node, and reached by no other node', async () => {
    const [near, far] = [podOf('near'), podOf('far')];
    expect([await fromHost(1, near), await fromHost(2, near)]).toEqual([true, true]);
    const all = policy(ns, 'all', { podSelector: {}, policyTypes: ['Ingress', 'Egress'] });
    await under([all], async () => {
      expect([await fromHost(1, near), await fromHost(2, near)]).toEqual([true, false]);
      expect([await fromHost(1, far), await fromHost(2, far)]).toEqual([false, true]);
      for (const pod of [near, far]) {
        const before = { good: await probed(pod, 'successful'), bad: await probed(pod, 'failed') };
        expect(before.good).toBeGreaterThan(0);
        await waitFor(async () => (await probed(pod, 'successful')) >= before.good + 3, {
          what: `three probes of ${pod.name}`,
          limitMs: 30_000,
          everyMs: 200,
        });
        expect(await probed(pod, 'failed')).toBe(before.bad);
        const ready = '{.status.conditions[?(@.type=="Ready")].status}';
        expect(await field('pod', pod.name, ready, ns)).toBe('True');
      }
    });
    await inForce();
    expect([await fromHost(2, near), await fromHost(1, far)]).toEqual([true, true]);
  });

  it('is reached by the other node from an address that a policy allows', async () => {
    const near = podOf('near');
    const join = await field('node', 'n2', '{.metadata.annotations.ovn\\.kubernetes\\.io/ip_address}');
    const from = [...join.split(','), ...cluster().node(2).ips].map((ip) => ({
      ipBlock: { cidr: `${ip}/${ip.includes(':') ? 128 : 32}` },
    }));
    const open = policy(ns, 'open', {
      podSelector: { matchLabels: { e2e: 'near' } },
      policyTypes: ['Ingress'],
      ingress: [{ from }],
    });
    await under([open], async () => expect(await fromHost(2, near)).toBe(true));
  });
});
