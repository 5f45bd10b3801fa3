/** Addresses that somebody asks for, with packets: fixed ones, those of a StatefulSet, those of an IPPool. */
import { beforeAll, describe, expect, it } from 'vitest';
import { exec, type Pod } from '../cluster/traffic.ts';
import { waitFor } from '../cluster/wait.ts';
import { apply, cluster, events, field, freshNamespace, object, podManifest, readyPod } from './shared.ts';

const ns = 'e2e-addresses';
const subnet = {
  apiVersion: 'kubeovn.io/v1',
  kind: 'Subnet',
  metadata: { name: ns },
  spec: { cidrBlock: '10.41.0.0/24', namespaces: [ns] },
};

let client: Pod;

beforeAll(async () => {
  await freshNamespace(ns);
  await apply(subnet);
  await apply(podManifest(ns, 'client', { node: 'n2' }));
  client = await readyPod(ns, 'client');
});

const gone = (name: string): Promise<unknown> =>
  cluster().kubectl(['--namespace', ns, 'delete', 'pod', name, '--wait=true', '--timeout=60s']);

/** What a new connection to the address is answered by. */
const answered = (address: string): Promise<string> =>
  exec(cluster(), client, ['curl', '-sS', '-m', '5', `http://${address}:8080/healthz`]);

const macOf = async (pod: Pod): Promise<string> =>
  (await exec(cluster(), pod, ['cat', '/sys/class/net/eth0/address'])).trim();

describe('a pod with a fixed address and MAC', () => {
  const annotations = {
    'ovn.kubernetes.io/ip_address': '10.41.0.77',
    'ovn.kubernetes.io/mac_address': '02:00:00:00:41:77',
  };

  it.each([
    ['n1', '02:00:00:00:41:77', '02:00:00:00:41:78'],
    ['n2', '02:00:00:00:41:78', '02:00:00:00:41:77'],
  ])('has them on %s, and is found there by who knew another MAC of the address', async (node, mac, other) => {
    const asked = { ...annotations, 'ovn.kubernetes.io/mac_address': mac };
    await apply(podManifest(ns, 'fixed', { node, annotations: asked }));
    const pod = await readyPod(ns, 'fixed');
    expect(pod.ip).toBe('10.41.0.77');
    expect(await macOf(pod)).toBe(mac);
    expect(await exec(cluster(), client, ['ip', 'neigh', 'show', pod.ip])).not.toContain(other);
    await answered(pod.ip);
    await gone('fixed');
  });

  it('is told when another has the address, and has it when that one is gone', async () => {
    await apply(podManifest(ns, 'first', { node: 'n1', annotations }));
    await readyPod(ns, 'first');
    const { 'ovn.kubernetes.io/ip_address': address } = annotations;
    await apply(podManifest(ns, 'second', { node: 'n2', annotations: { 'ovn.kubernetes.io/ip_address': address } }));
    const said = await waitFor(
      async () => (await events(ns, 'second')).find((line) => line.includes('AcquireAddressFailed')),
      { what: 'an event about the taken address', limitMs: 30_000, everyMs: 200 },
    );
    expect(said).toContain('AddressConflict');
    await gone('first');
    expect((await readyPod(ns, 'second')).ip).toBe(address);
    await gone('second');
  });
});

describe('a pod of a StatefulSet', () => {
  const set = {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { name: 'db', namespace: ns },
    spec: {
      serviceName: 'db',
      replicas: 1,
      selector: { matchLabels: { e2e: 'db' } },
      template: {
        metadata: { labels: { e2e: 'db' } },
        spec: (podManifest(ns, 'db') as { readonly spec: object }).spec,
      },
    },
  };

  it('keeps its address when it is deleted, and lets it go with the set', async () => {
    await apply(set);
    const before = await readyPod(ns, 'db');
    const uid = await field('pod', 'db-0', '{.metadata.uid}', ns);
    await gone('db-0');
    const after = await waitFor(
      async () => {
        const now = await object('pod', 'db-0', ns);
        return now !== undefined && (await field('pod', 'db-0', '{.metadata.uid}', ns)) !== uid
          ? readyPod(ns, 'db')
          : undefined;
      },
      { what: 'another pod db-0', limitMs: 60_000, everyMs: 200 },
    );
    expect(after.ip).toBe(before.ip);
    await answered(after.ip);
    await cluster().kubectl(['--namespace', ns, 'delete', 'statefulset', 'db', '--timeout=60s']);
    await waitFor(async () => ((await object('ips.kubeovn.io', `db-0.${ns}`)) === undefined ? true : undefined), {
      what: 'the address to be given back',
      limitMs: 60_000,
      everyMs: 200,
    });
  });
});

describe('an IPPool', () => {
  it('gives its addresses to who names it, counts them, and nobody else has them', async () => {
    await apply({
      apiVersion: 'kubeovn.io/v1',
      kind: 'IPPool',
      metadata: { name: ns },
      spec: { subnet: ns, ips: ['10.41.0.100..10.41.0.101'] },
    });
    await apply(podManifest(ns, 'pooled', { node: 'n1', annotations: { 'ovn.kubernetes.io/ip_pool': ns } }));
    const pod = await readyPod(ns, 'pooled');
    expect(['10.41.0.100', '10.41.0.101']).toContain(pod.ip);
    await answered(pod.ip);
    const counts = (): Promise<string> => field('ippool', ns, '{.status.v4UsingIPs} {.status.v4AvailableIPs}');
    const said = await waitFor(async () => ((await counts()) === '1 1' ? counts() : undefined), {
      what: 'the counts of the pool',
      limitMs: 20_000,
      everyMs: 200,
    });
    expect(said).toBe('1 1');
    await gone('pooled');
    await cluster().kubectl(['delete', 'ippool', ns, '--timeout=60s']);
  });
});
