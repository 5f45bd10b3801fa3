/**
 * What policies promise about time, under floods: not one packet passes that none of them allows.
 *
 * - A policy whose creation the API has answered is in force for every pod that is created later, before that pod's first
 *   packet, in both directions. (For pods that run already it comes in force as soon as it has got to their nodes.)
 * - While a policy or a namespace is changed, replaced or deleted, what another policy closes stays closed; also while the
 *   operator is killed and starts again.
 * - A pod that is given the address of another has nothing of what that one was allowed.
 *
 * Packets are counted by the kernel of the pod that must not get them, from the moment on at which its network namespace is made.
 * Each test ends by opening what was closed and seeing the same floods arrive.
 */
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { exec, readyPods, type Pod } from '../cluster/traffic.ts';
import { waitFor } from '../cluster/wait.ts';
import {
  counters,
  deletePolicy,
  inForce,
  policiesPath,
  policy,
  prepareMarker,
  readyOf,
  send,
  under,
  type PolicySpec,
} from './policies.ts';
import { apply, cluster, custom, freshNamespace, killOnNode, podManifest, readyPod, settled } from './shared.ts';

const ns = 'e2e-order';
/** Has no policies. */
const outside = 'e2e-order-outside';
const soon = { limitMs: 60_000, everyMs: 200 };
const unheard = 9999;

const closed: PolicySpec = { podSelector: {}, policyTypes: ['Ingress', 'Egress'] };

let flooders: readonly Pod[];
/** Counts what gets out. */
let witness: Pod;

beforeAll(async () => {
  await Promise.all([freshNamespace(ns), freshNamespace(outside)]);
  await apply(custom('Subnet', ns, { cidrBlock: '10.63.0.0/16', gateway: '10.63.0.1', namespaces: [ns, outside] }));
  const capabilities = ['NET_ADMIN'];
  const command = ['echo-server'];
  await Promise.all([
    prepareMarker(),
    apply(
      podManifest(outside, 'flood1', { node: 'n1', command, capabilities }),
      podManifest(outside, 'flood2', { node: 'n2', command, capabilities }),
      podManifest(outside, 'witness', { node: 'n2', command }),
    ),
  ]);
  const [flood1, flood2, third] = await readyOf(outside, ['flood1', 'flood2', 'witness']);
  if (!flood1 || !flood2 || !third) throw new Error('no pods');
  flooders = [flood1, flood2];
  witness = third;
});

afterEach(async () => {
  await Promise.all(flooders.map((pod) => exec(cluster(), pod, ['bash', '-c', 'pkill -KILL client; true'])));
});

interface Target {
  readonly ip: string;
  readonly mac?: string;
}

/** A datagram each millisecond to each of them from each flooder, also while there is nobody at the address. */
async function flood(targets: readonly Target[]): Promise<void> {
  const lines = targets.flatMap(({ ip, mac }) => [
    ...(mac === undefined ? [] : [`ip neighbour replace ${ip} lladdr ${mac} dev eth0 nud permanent`]),
    `client -u -i 1 -d 600 ${ip} 8082 >/dev/null 2>&1 &`,
  ]);
  await Promise.all(flooders.map((pod) => exec(cluster(), pod, ['bash', '-ec', lines.join('\n')])));
}

const arrived = async (pod: Pod): Promise<number> => {
  const { 'Udp.InDatagrams': heard = NaN, 'Udp.NoPorts': lost = NaN } = await counters(pod);
  return heard + lost;
};

/** The floods do arrive where nothing stops them. */
const arrives = (pod: Pod, before: number): Promise<unknown> =>
  waitFor(async () => (await arrived(pod)) > before + 100, { what: `a flood to reach ${pod.name}`, ...soon });

describe('a pod', () => {
  const perRound = [1, 2, 3, 4];
  const killed = 5;

  it.each([1, 2, 3, 4, killed])('is closed before its first packet (four at once, round %i)', async (round) => {
    const born = perRound.map((place) => ({
      name: `born-${round}-${place}`,
      ip: `10.63.${round}.${place}`,
      mac: `02:00:0a:3f:0${round}:0${place}`,
    }));
    await flood(born);
    const before = await arrived(witness);
    // In the last, it is told of all of them when it starts.
    if (round === killed) await Promise.all([1, 2].map((n) => killOnNode(n, 'operator/main.ts')));
    await apply(
      policy(ns, 'closed', closed),
      ...born.map(({ name, ip, mac }, place) =>
        podManifest(ns, name, {
          node: `n${1 + (place % 2)}`,
          labels: { born: String(round) },
          command: ['client', '-u', '-i', '1', '-d', '600', witness.ip, '8082'],
          annotations: { 'ovn.kubernetes.io/ip_address': ip, 'ovn.kubernetes.io/mac_address': mac },
        }),
      ),
    );
    const pods = await readyPods(cluster(), ns, `born=${round}`, { count: born.length });
    expect(pods.map(({ ip }) => ip)).toEqual(born.map(({ ip }) => ip));
    for (const pod of pods) {
      const sent = async (): Promise<boolean> => ((await counters(pod))['Udp.OutDatagrams'] ?? 0) > 500;
      await waitFor(sent, { what: `${pod.name} to have sent`, ...soon });
      expect((await counters(pod))['Ip.InReceives'], `packets to ${pod.name}`).toBe(0);
    }
    expect((await arrived(witness)) - before, 'packets out').toBe(0);
    await deletePolicy(ns, 'closed');
    for (const pod of pods) await arrives(pod, 0);
    await arrives(witness, before);
    await cluster().kubectl(['--namespace', ns, 'delete', 'pods', '--all', '--grace-period=1', '--timeout=60s']);
  });

  it('that has the address of an allowed one is not allowed', async () => {
    const allowed = { podSelector: { matchLabels: { role: 'allowed' } } };
    const server = podManifest(ns, 'server', { node: 'n1', command: ['echo-server'] });
    const only = policy(ns, 'only', {
      podSelector: { matchLabels: { e2e: 'server' } },
      ingress: [{ from: [allowed] }],
    });
    const client = (name: string, node: string, role: string, port: number): object =>
      podManifest(ns, name, {
        node,
        labels: { role },
        annotations: { 'ovn.kubernetes.io/ip_address': '10.63.9.9' },
        command: ['client', '-u', '-i', '1', '-d', '600', to.ip, String(port)],
      });
    const gone = (name: string): Promise<unknown> =>
      cluster().kubectl(['--namespace', ns, 'delete', 'pod', name, '--grace-period=1', '--timeout=60s']);
    await apply(server, only);
    const to = await readyPod(ns, 'server');
    await inForce();
    // Those of the second go to a port of their own, by which they are told from the first one's.
    const ofSecond = async (): Promise<number> => (await counters(to))['Udp.NoPorts'] ?? NaN;
    for (const [first, second] of [
      ['n1', 'n2'],
      ['n2', 'n1'],
    ] as const) {
      const before = await arrived(to);
      await apply(client('first', first, 'allowed', 8082));
      await arrives(to, before);
      const between = await ofSecond();
      await gone('first');
      await apply(client('second', second, 'other', unheard));
      const pod = await readyPod(ns, 'second');
      expect(pod.ip).toBe('10.63.9.9');
      const sent = async (): Promise<boolean> => ((await counters(pod))['Udp.OutDatagrams'] ?? 0) > 1000;
      await waitFor(sent, { what: 'the second to have sent', ...soon });
      expect((await ofSecond()) - between, `packets from ${second} after ${first}`).toBe(0);
      await cluster().kubectl(['--namespace', ns, 'label', '--overwrite', 'pod', 'second', 'role=allowed']);
      await arrives(to, (await arrived(to)) + 1);
      await gone('second');
    }
    await deletePolicy(ns, 'only');
    await gone('server');
  });
});

describe('what one policy closes', () => {
  const annotation = (key: string, value: string): Record<string, string> => ({ [`ovn.kubernetes.io/${key}`]: value });
  const nobody = { namespaceSelector: { matchLabels: { is: 'nobody' } } };
  const ofVictim = { podSelector: { matchLabels: { e2e: 'victim' } } };
  /** Each is in OVN by groups and sets of its own, or by others that it shares. */
  const kinds = {
    shared: policy(ns, 'shared', closed),
    'shared, too': policy(ns, 'rules', { ...ofVictim, ingress: [{ from: [nobody] }] }),
    lax: policy(ns, 'lax', closed, annotation('network_policy_enforcement', 'lax')),
    'its own': policy(
      ns,
      'own',
      { ...ofVictim, ingress: [{ from: [nobody] }] },
      annotation('network_policy_for', 'ovn'),
    ),
  } as const;
  type Kind = keyof typeof kinds;
  const names: Record<Kind, string> = { shared: 'shared', 'shared, too': 'rules', lax: 'lax', 'its own': 'own' };
  const make = (kind: Kind): Promise<void> => send('POST', policiesPath(ns), kinds[kind]);
  const drop = (kind: Kind): Promise<void> => deletePolicy(ns, names[kind]);
  let victim: Pod;

  beforeAll(async () => {
    await apply(podManifest(ns, 'victim', { node: 'n1', command: ['echo-server'] }));
    victim = await readyPod(ns, 'victim');
  });

  /** How many datagrams reach the victim under these policies while they are changed; they do reach it without them. */
  async function leaked(policies: readonly Kind[], change: () => Promise<void>): Promise<number> {
    let before = 0;
    const leak = await under(
      policies.map((kind) => kinds[kind]),
      async () => {
        before = await arrived(victim);
        await flood([victim]);
        await change();
        await inForce();
        return (await arrived(victim)) - before;
      },
    );
    await arrives(victim, before);
    return leak;
  }

  /** Each twenty times, as fast as the API takes it; never both at once. */
  async function comeAndGo(kinds: readonly Kind[]): Promise<void> {
    for (let round = 0; round < 20; round += 1) {
      for (const kind of kinds) {
        await drop(kind);
        await make(kind);
      }
    }
  }

  it.each([
    ['shared', 'shared, too'],
    ['shared', 'its own'],
    ['its own', 'lax'],
    ['lax', 'shared'],
  ] as const)('stays closed while either comes and goes: %s, %s', async (one, other) => {
    const leak = await leaked([one, other], async () => {
      for (const kind of [one, other]) {
        await drop(kind);
        await inForce();
        await make(kind);
        await inForce();
      }
      await comeAndGo([one, other]);
    });
    expect(leak).toBe(0);
  });

  it('stays closed while namespaces that it lets in come and go', async () => {
    const peer = `${ns}-nobody`;
    const leak = await leaked(['shared, too', 'its own'], async () => {
      await apply(
        { apiVersion: 'v1', kind: 'Namespace', metadata: { name: peer, labels: { is: 'nobody' } } },
        podManifest(peer, 'somebody', { node: 'n2', command: ['echo-server'] }),
      );
      await readyPod(peer, 'somebody');
      await cluster().kubectl(['delete', 'namespace', peer, '--timeout=60s']);
    });
    expect(leak).toBe(0);
  });

  it('stays closed while the operator is killed amid changes, and one policy goes meanwhile', async () => {
    const leak = await leaked(['shared', 'its own'], async () => {
      const changes = comeAndGo(['shared', 'its own']);
      await Promise.all([1, 2].map((n) => killOnNode(n, 'operator/main.ts')));
      await changes;
      await drop('shared');
      await settled('app=kube-ovn-controller', 2);
      await inForce();
      await make('shared');
      await drop('its own');
    });
    expect(leak).toBe(0);
  });
});
