/** Several subnets of one namespace, with packets: a pod chooses one, or has the first that has a free address. */
import { beforeAll, describe, expect, it } from 'vitest';
import { matrix, type Pod } from '../cluster/traffic.ts';
import { waitFor } from '../cluster/wait.ts';
import { apply, cluster, custom, field, freshNamespace, object, podManifest, readyPod } from './shared.ts';

const ns = 'e2e-subnets';
const small = `${ns}-1`;
const large = `${ns}-2`;
/** Named by no namespace. */
const apart = `${ns}-3`;
const soon = { limitMs: 30_000, everyMs: 200 };

const subnet = (name: string, cidrBlock: string, namespaces: readonly string[] = [ns]): object =>
  custom('Subnet', name, { cidrBlock, namespaces });

beforeAll(async () => {
  await freshNamespace(ns);
  // An address that an earlier run had is not given again at once.
  await cluster().kubectl(['delete', 'subnet', small, large, apart, '--ignore-not-found', '--timeout=60s']);
  // Of four addresses the first and the last are of the network itself, and one is the gateway's.
  await apply(subnet(small, '10.45.0.0/30'), subnet(large, '10.46.0.0/24'), subnet(apart, '10.47.0.0/24', []));
  await waitFor(async () => (await ofNamespace('logical_switch')) === `${small},${large}`, {
    what: 'the subnets in the annotations of the namespace',
    ...soon,
  });
});

const ofNamespace = (key: string): Promise<string> =>
  field('namespace', ns, `{.metadata.annotations.ovn\\.kubernetes\\.io/${key}}`);

/** A new pod, ready. */
async function started(name: string, node: string, asked: readonly [string, string][] = []): Promise<Pod> {
  const annotations = Object.fromEntries(asked.map(([key, value]) => [`ovn.kubernetes.io/${key}`, value]));
  await apply(podManifest(ns, name, { node, annotations }));
  return readyPod(ns, name);
}

describe('a namespace with two subnets', () => {
  const pods: Pod[] = [];

  it('tells of both', async () => {
    expect(await ofNamespace('cidr')).toBe('10.45.0.0/30;10.46.0.0/24');
  });

  it('gives addresses of the second when the first has no more', async () => {
    const first = await started('first', 'n1');
    const second = await started('second', 'n1');
    expect(first.ip).toBe('10.45.0.2');
    expect(second.ip).toMatch(/^10\.46\.0\.\d+$/);
    expect(await field('pod', 'second', '{.metadata.annotations.ovn\\.kubernetes\\.io/logical_switch}', ns)).toBe(
      large,
    );
    pods.push(first, second);
  });

  it('leaves the choice to who makes a pod, whether or not the subnet is one of the two', async () => {
    const [chosen, other] = await Promise.all([
      started('chosen', 'n2', [['logical_switch', large]]),
      started('other', 'n2', [['logical_switch', apart]]),
    ]);
    expect(chosen.ip).toMatch(/^10\.46\.0\.\d+$/);
    expect(other.ip).toMatch(/^10\.47\.0\.\d+$/);
    pods.push(chosen, other);
  });

  it('has packets between all of them', async () => {
    expect(pods).toHaveLength(4);
    expect(await matrix(cluster(), pods)).toEqual([]);
  });

  it('finds the subnet of an address that is asked for', async () => {
    await cluster().kubectl(['--namespace', ns, 'delete', 'pod', 'first', '--timeout=60s']);
    await waitFor(async () => (await object('ips.kubeovn.io', `first.${ns}`)) === undefined, {
      what: 'its IP to go',
      ...soon,
    });
    const [again, fixed] = await Promise.all([
      started('again', 'n2', [['ip_address', '10.45.0.2']]),
      started('fixed', 'n1', [['ip_address', '10.46.0.99']]),
    ]);
    expect([again.ip, fixed.ip]).toEqual(['10.45.0.2', '10.46.0.99']);
    expect(await matrix(cluster(), [again, fixed, ...pods.slice(1)])).toEqual([]);
  });
});
