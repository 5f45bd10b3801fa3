/**
 * Three members of ovn-central with TLS, on clusters of their own: raft comes up by itself, strangers are refused, and the
 * death of a leader or the loss of a disk is nobody's work but the programs' own. On a cluster of both families the members talk
 * by IPv4.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Cluster } from '../cluster/cluster.ts';
import { inUrl } from '../cluster/family.ts';
import { FIRST_RUN_MS, startCluster, stopCluster } from '../cluster/fixture.ts';
import { everyAddress, matrix, pods, readyPods, trafficOfEach, type Pod } from '../cluster/traffic.ts';
import { waitFor } from '../cluster/wait.ts';
import { intact } from './node.suite.ts';
import { podManifest } from './shared.ts';

const members = [1, 2, 3];
const soon = { limitMs: 60_000, everyMs: 300 };
let cluster: Cluster;
/** As remotes have it. */
const address = (n: number): string => inUrl(cluster.node(n).ip);

const databases = {
  nb: { name: 'OVN_Northbound', control: 'ovnnb_db', port: 6641, label: 'ovn-nb-leader' },
  sb: { name: 'OVN_Southbound', control: 'ovnsb_db', port: 6642, label: 'ovn-sb-leader' },
} as const;
type Role = keyof typeof databases;
const roles = ['nb', 'sb'] as const;

const apply = (...items: readonly object[]): Promise<string> =>
  cluster.kubectl(['apply', '-f', '-'], { stdin: JSON.stringify({ apiVersion: 'v1', kind: 'List', items }) });

/** The member on node `n`. */
async function member(n: number): Promise<Pod> {
  const all = await pods(cluster, 'kube-system', 'app=ovn-central');
  const found = all.find(({ node }) => node === `n${n}`);
  if (found === undefined) throw new Error(`no ovn-central on n${n}`);
  return found;
}

async function inMember(n: number, ...argv: readonly string[]): Promise<string> {
  return await cluster.kubectl(['-n', 'kube-system', 'exec', (await member(n)).name, '--', ...argv]);
}

/** What a member says of itself and its cluster. */
interface Raft {
  readonly cluster: string;
  readonly server: string;
  readonly role: string;
  readonly leader: string;
  readonly joined: boolean;
  /** Addresses of all servers that count in a vote. */
  readonly servers: readonly string[];
}

async function raft(n: number, role: Role): Promise<Raft> {
  const { name, control } = databases[role];
  const text = await inMember(n, 'ovs-appctl', '-t', `/run/ovn/${control}.ctl`, 'cluster/status', name);
  const field = (key: string): string => new RegExp(`^${key}: (\\S+)`, 'm').exec(text)?.[1] ?? '';
  return {
    cluster: field('Cluster ID'),
    server: field('Server ID'),
    role: field('Role'),
    leader: field('Leader') === 'self' ? field('Server ID') : field('Leader'),
    joined: text.includes('Status: cluster member'),
    servers: [...text.matchAll(/^ {4}\w+ \(\w+ at (\S+)\)/gm)].map(([, at]) => at ?? '').toSorted(),
  };
}

/** The node whose member leads. */
async function leader(role: Role): Promise<number> {
  for (const n of members) if ((await raft(n, role).catch(() => undefined))?.role === 'leader') return n;
  throw new Error(`nobody leads ${role}`);
}

/** Nodes of the pods that carry a leader's label. */
const labelled = async (role: Role): Promise<string[]> =>
  (await pods(cluster, 'kube-system', `app=ovn-central,${databases[role].label}=true`)).map(({ node }) => node);

async function membersReady(): Promise<void> {
  await readyPods(cluster, 'kube-system', 'app=ovn-central', { count: 3 });
}

/** Restarts of our containers by pod, without those of ovn-central. */
async function restarts(): Promise<Record<string, number>> {
  const path = '{range .items[*]}{.metadata.name} {.status.containerStatuses[0].restartCount}{"\\n"}{end}';
  const selector = 'app in (kube-ovn-controller,kube-ovn-cni,ovs)';
  const text = await cluster.kubectl(['-n', 'kube-system', 'get', 'pods', '-l', selector, `-o=jsonpath=${path}`]);
  const lines = text.trim().split('\n');
  return Object.fromEntries(lines.map((line) => [line.split(' ')[0] ?? '', Number(line.split(' ')[1])]));
}

const epoch = async (): Promise<string> =>
  await inMember(await leader('nb'), 'ovn-nbctl', 'get', 'NB_Global', '.', 'external_ids:kubeloom-epoch');

describe.each(['dual', 'ipv6'] as const)('on a cluster of family %s', (family) => {
  const name = `e2e-ha-${family}`;
  let failed = false;
  beforeAll(async () => {
    cluster = await startCluster(name, '--ovn-members', '3', '--family', family);
  }, FIRST_RUN_MS);
  afterEach(({ task }) => void (failed ||= task.result?.state === 'fail'));
  afterAll(() => stopCluster(name, failed));

  describe('three members', () => {
    it('form one raft cluster for each database; the pods of the leaders are labelled', async () => {
      await membersReady();
      for (const role of roles) {
        const told = await Promise.all(members.map((n) => raft(n, role)));
        const servers = members.map((n) => `ssl:${address(n)}:${databases[role].port + 2}`);
        for (const each of told) expect(each).toMatchObject({ joined: true, servers, cluster: told[0]?.cluster });
        expect(told.filter((each) => each.role === 'leader').length).toBe(1);
        expect(new Set(told.map((each) => each.leader)).size).toBe(1);
        const leads = `n${await leader(role)}`;
        await waitFor(async () => (await labelled(role)).join() === leads, { what: `the label of ${role}`, ...soon });
      }
    });

    it('refuse whoever has no certificate of theirs', async () => {
      const key = ['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-noenc'];
      await inMember(1, ...key, '-subj', '/CN=stranger', '-keyout', '/tmp/key', '-out', '/tmp/cert');
      const request = '{"method":"list_dbs","params":[],"id":0}';
      const ask = async (n: number, port: number, certificate: string): Promise<string> => {
        const client = `openssl s_client -no_ign_eof -CAfile /var/run/tls/cacert ${certificate} -connect ${address(n)}:${port}`;
        return await inMember(1, 'bash', '-c', `{ echo '${request}'; sleep 0.5; } | ${client} 2>&1; true`);
      };
      for (const { name, port } of Object.values(databases)) {
        const own = await Promise.all(
          members.map((n) => ask(n, port, '-cert /var/run/tls/cert -key /var/run/tls/key')),
        );
        for (const answer of own) expect(answer).toContain(name);
        const others = await Promise.all(['', '-cert /tmp/cert -key /tmp/key'].map((options) => ask(2, port, options)));
        for (const answer of others) {
          expect(answer).toContain('Verify return code: 0 (ok)');
          expect(answer).toMatch(/alert (certificate required|unknown ca)/);
          expect(answer).not.toContain(name);
        }
        const plain = ['ovsdb-client', '--timeout=5', 'list-dbs', `tcp:${address(2)}:${port}`];
        await expect(inMember(1, ...plain)).rejects.toThrow('End of file');
      }
      const { stdout } = await cluster.inNode(2, ['find', '/var/lib/kubelet/pods', '-name', 'cakey']);
      expect(stdout.trim()).toBe('');
    });
  });

  describe('the first member', () => {
    it('rejoins with an empty disk, and founds nothing', async () => {
      const before = { nb: await raft(2, 'nb'), sb: await raft(2, 'sb') };
      const { name } = await member(1);
      await cluster.inNode(1, ['bash', '-c', 'rm /etc/origin/ovn/*.db && pkill -9 -f "ovsdb-server.*ovnnb_db"']);
      await waitFor(
        async () => {
          const after = await raft(1, 'nb').catch(() => undefined);
          return after?.joined === true && after.servers.length === 3 && after.server !== before.nb.leader;
        },
        { what: 'the member to be back', ...soon },
      );
      await membersReady();
      expect((await member(1)).name).toBe(name);
      for (const role of roles) {
        const { cluster: id, servers } = before[role];
        const asBefore = async (n: number): Promise<boolean> => {
          const now = await raft(n, role);
          return now.joined && now.cluster === id && now.servers.join() === servers.join();
        };
        const everywhere = async (): Promise<boolean> => (await Promise.all(members.map(asBefore))).every(Boolean);
        await waitFor(everywhere, { what: `three members of the old cluster of ${role}`, ...soon });
      }
      const ports = ['ovn-nbctl', '--no-leader-only', '--bare', '--columns=name', 'list', 'Logical_Switch_Port'];
      const alike = async (): Promise<boolean> => (await inMember(1, ...ports)) === (await inMember(2, ...ports));
      await waitFor(alike, { what: 'the same rows of both members', ...soon });
    });
  });

  describe('pods', () => {
    const ns = 'default';
    const on = (name: string, n: number, set: string): object =>
      podManifest(ns, name, { node: `n${n}`, labels: { [set]: 'yes' } });

    it('on all nodes reach each other', async () => {
      await apply(...members.map((n) => on(`base-${n}`, n, 'base')));
      const all = await readyPods(cluster, ns, 'base=yes', { count: 3 });
      expect(await matrix(cluster, everyAddress(all))).toEqual([]);
    });

    it('come up while the leader of the northbound database is killed, and nothing else has to be restarted', async () => {
      const [from, to] = await readyPods(cluster, ns, 'base=yes', { count: 3 });
      if (from === undefined || to === undefined) throw new Error('no pods');
      const [before, fence, old] = [await restarts(), await epoch(), await leader('nb')];
      const flows = await trafficOfEach(cluster, [from, to]);
      await apply(...members.flatMap((n) => [on(`early-${n}`, n, 'made'), on(`second-${n}`, n, 'made')]));
      await cluster.inNode(old, ['pkill', '-9', '-f', 'ovsdb-server.*ovnnb_db']);
      await apply(...members.map((n) => on(`late-${n}`, n, 'made')));
      const made = await readyPods(cluster, ns, 'made=yes', { count: 9, limitMs: 60_000 });
      expect(await flows.stop()).toEqual(intact(from.ips.length));
      const all = [...made, ...(await readyPods(cluster, ns, 'base=yes', { count: 3 }))];
      expect(new Set(all.flatMap(({ ips }) => ips)).size).toBe(12 * from.ips.length);
      expect(await matrix(cluster, everyAddress(all))).toEqual([]);
      await membersReady();
      expect(await restarts()).toEqual(before);
      expect(await epoch()).toBe(fence);
      const now = `n${await leader('nb')}`;
      await waitFor(async () => (await labelled('nb')).join() === now, {
        what: 'the label of the new leader',
        ...soon,
      });
    });
  });
});
