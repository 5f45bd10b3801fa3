/** Policies of the administrator, with packets: who wins against NetworkPolicies, and whom nodes and domain names mean. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { adminKinds } from '../../operator/api/admin-policy-row.ts';
import { definition } from '../policy/admin-definitions.ts';
import { exec, type Pod } from '../cluster/traffic.ts';
import { waitFor } from '../cluster/wait.ts';
import { inForce, policy, prepareMarker, Probers, readyOf, under } from './policies.ts';
import { apply, cluster, custom, field, freshNamespace, podManifest } from './shared.ts';

const ns = 'e2e-admin';
const guests = 'e2e-admin-guests';
const names = ['web', 'peer', 'guest'] as const;
const pods = {} as Record<(typeof names)[number], Pod>;
let probers: Probers;

const byName = (name: string): object => ({ matchLabels: { 'kubernetes.io/metadata.name': name } });
const subject = { namespaces: byName(ns) };
const fromGuests = { from: [{ namespaces: byName(guests) }] };
const v1alpha1 = (kind: string, name: string, spec: object): object => ({
  apiVersion: 'policy.networking.k8s.io/v1alpha1',
  kind,
  metadata: { name },
  spec: { subject, ...spec },
});
const admin = (name: string, spec: object): object => v1alpha1('AdminNetworkPolicy', name, { priority: 10, ...spec });
const baseline = (spec: object): object => v1alpha1('BaselineAdminNetworkPolicy', 'default', spec);
const clusterPolicy = (name: string, spec: object): object => ({
  apiVersion: 'policy.networking.k8s.io/v1alpha2',
  kind: 'ClusterNetworkPolicy',
  metadata: { name },
  spec: { subject, priority: 10, tier: 'Admin', ...spec },
});

/** In the words of kubectl. */
const whole = (object: object): readonly [string, string] => {
  const { kind, metadata } = object as { kind: string; metadata: { name: string } };
  return [kind.toLowerCase(), metadata.name];
};
const none = ['delete', '--ignore-not-found'] as const;

/** They hold while `work` runs, and are said to be in order. */
async function administered(policies: readonly object[], work: () => Promise<void>): Promise<void> {
  await apply(...policies);
  try {
    for (const each of policies)
      await cluster().kubectl(['wait', '--for=condition=Ready', '--timeout=30s', whole(each).join('/')]);
    await inForce();
    await work();
  } finally {
    for (const each of policies) await cluster().kubectl([...none, ...whole(each)]);
  }
}

/** Who of the others reaches the web server. */
async function visitors(): Promise<string[]> {
  const [who = []] = await probers.who([{ protocol: 'tcp', ip: pods.web.ip, port: 8081 }]);
  return who.filter((name) => name !== 'web');
}

/** Whether a connection to an address is accepted or refused by it, and not lost on the way. */
async function connects(from: Pod, ip: string, port: number): Promise<boolean> {
  const script = `timeout 1 bash -c '</dev/tcp/${ip}/${port}' 2>&1; echo $?`;
  const told = (await exec(cluster(), from, ['bash', '-c', script])).trim().split('\n');
  return told.at(-1) === '0' || told.some((line) => line.includes('refused'));
}

beforeAll(async () => {
  await cluster().kubectl(['apply', '--filename=-'], {
    stdin: JSON.stringify({
      apiVersion: 'v1',
      kind: 'List',
      items: adminKinds.map((kind) => JSON.parse(definition(kind))),
    }),
  });
  await cluster().kubectl([
    'wait',
    '--for=condition=Established',
    '--timeout=30s',
    ...adminKinds.map(
      (kind) => `crd/${(JSON.parse(definition(kind)) as { metadata: { name: string } }).metadata.name}`,
    ),
  ]);
  for (const each of [baseline({}), admin('deny', {}), admin('pass', {}), admin('nodes', {}), admin('names', {})])
    await cluster().kubectl([...none, ...whole(each)]);
  for (const name of ['accept', 'base']) await cluster().kubectl([...none, ...whole(clusterPolicy(name, {}))]);
  await Promise.all([freshNamespace(ns), freshNamespace(guests)]);
  await apply(
    custom('Subnet', ns, { cidrBlock: '10.66.0.0/24', namespaces: [ns] }),
    podManifest(ns, 'web', { node: 'n1' }),
    podManifest(ns, 'peer', { node: 'n2' }),
    podManifest(guests, 'guest', { node: 'n2' }),
  );
  await prepareMarker();
  const all = [...(await readyOf(ns, ['web', 'peer'])), ...(await readyOf(guests, ['guest']))];
  for (const pod of all) pods[pod.name as (typeof names)[number]] = pod;
  probers = new Probers(all);
});

afterAll(() => probers.close());

const isolated = policy(ns, 'isolated', { podSelector: {}, policyTypes: ['Ingress'] });
const open = policy(ns, 'open', { podSelector: {}, ingress: [{}] });

describe('an AdminNetworkPolicy', () => {
  it('that denies wins against a NetworkPolicy that allows', async () => {
    await under([open], async () => {
      expect(await visitors()).toEqual(['guest', 'peer']);
      await administered([admin('deny', { ingress: [{ action: 'Deny', ...fromGuests }] })], async () => {
        expect(await visitors()).toEqual(['peer']);
      });
    });
  });

  it('that allows wins against one that isolates, and one that passes leaves it to that', async () => {
    const allow = admin('deny', { priority: 20, ingress: [{ action: 'Allow', ...fromGuests }] });
    const pass = admin('pass', { ingress: [{ action: 'Pass', ...fromGuests }] });
    await under([isolated], async () => {
      await administered([allow], async () => {
        expect(await visitors()).toEqual(['guest']);
      });
      await administered([allow, pass], async () => {
        expect(await visitors()).toEqual([]);
      });
    });
  });

  it('knows nodes', async () => {
    const { ip } = cluster().node(1);
    expect(await connects(pods.peer, ip, 10250)).toBe(true);
    const deny = { action: 'Deny', to: [{ nodes: { matchLabels: { 'kubernetes.io/hostname': 'n1' } } }] };
    await administered([admin('nodes', { egress: [deny] })], async () => {
      expect(await connects(pods.peer, ip, 10250)).toBe(false);
      expect(await connects(pods.peer, cluster().node(2).ip, 10250)).toBe(true);
      expect(await visitors()).toEqual(['guest', 'peer']);
    });
  });

  it('knows domain names by what a DNSNameResolver says of them', async () => {
    const egress = [
      { action: 'Allow', to: [{ domainNames: ['guest.example.com.'] }] },
      { action: 'Deny', to: [{ networks: [`${pods.guest.ip}/32`, `${pods.web.ip}/32`] }] },
    ];
    await administered([admin('names', { egress })], async () => {
      expect(await connects(pods.peer, pods.guest.ip, 8080)).toBe(false);
      const [resolver] = await waitFor(
        async () => {
          const found = await cluster().kubectl(['get', 'dnsnameresolver', '--selector=anp=names', '--output=name']);
          return found.trim() === '' ? undefined : found.trim().split('\n');
        },
        { what: 'a DNSNameResolver', limitMs: 30_000, everyMs: 100 },
      );
      const [, name = ''] = resolver?.split('/') ?? [];
      expect(await field('dnsnameresolver', name, '{.spec.name}')).toBe('guest.example.com.');
      const resolvedAddresses = [{ ip: pods.guest.ip, ttlSeconds: 60, lastLookupTime: new Date().toISOString() }];
      const status = { resolvedNames: [{ dnsName: 'guest.example.com.', resolvedAddresses }] };
      await cluster().kubectl([
        'patch',
        'dnsnameresolver',
        name,
        '--subresource=status',
        '--type=merge',
        `--patch=${JSON.stringify({ status })}`,
      ]);
      await waitFor(() => connects(pods.peer, pods.guest.ip, 8080), {
        what: 'the name to be let through',
        limitMs: 30_000,
        everyMs: 200,
      });
      expect(await connects(pods.peer, pods.web.ip, 8080)).toBe(false);
    });
    await waitFor(
      async () =>
        (await cluster().kubectl(['get', 'dnsnameresolver', '--selector=anp=names', '--output=name'])) === '' ||
        undefined,
      { what: 'the DNSNameResolver to go with the policy', limitMs: 30_000, everyMs: 100 },
    );
  });
});

describe('a BaselineAdminNetworkPolicy', () => {
  it('is for those of whom no NetworkPolicy speaks', async () => {
    await administered([baseline({ ingress: [{ action: 'Deny', ...fromGuests }] })], async () => {
      expect(await visitors()).toEqual(['peer']);
      await under([open], async () => {
        expect(await visitors()).toEqual(['guest', 'peer']);
      });
    });
  });
});

describe('a ClusterNetworkPolicy', () => {
  it('of tier Admin wins against NetworkPolicies, and of tier Baseline loses', async () => {
    const accept = clusterPolicy('accept', { ingress: [{ action: 'Accept', ...fromGuests }] });
    const base = clusterPolicy('base', { tier: 'Baseline', ingress: [{ action: 'Deny', ...fromGuests }] });
    await administered([base], async () => {
      expect(await visitors()).toEqual(['peer']);
      await under([isolated], async () => {
        expect(await visitors()).toEqual([]);
        await administered([accept], async () => {
          expect(await visitors()).toEqual(['guest']);
        });
      });
    });
  });
});
