/** Packets in VPCs of their own: overlapping addresses, isolation, what a peering opens, and where static routes lead. */
import { beforeAll, describe, expect, it } from 'vitest';
import { exec, type Pod } from '../cluster/traffic.ts';
import { waitFor } from '../cluster/wait.ts';
import { apply, cluster, field, freshNamespace, podManifest, readyPod } from './shared.ts';

const red = 'e2e-vpc-red';
const blue = 'e2e-vpc-blue';
let fromRed: Pod;
let toRed: Pod;
/** In a range that blue has not: to others of red blue could not reply. */
let aloneInRed: Pod;
let inBlue: Pod;
let sameInBlue: Pod;

const vpc = (name: string, spec: object = {}): object => ({
  apiVersion: 'kubeovn.io/v1',
  kind: 'Vpc',
  metadata: { name },
  spec: { namespaces: [name], ...spec },
});

const subnet = (name: string, of: string, cidrBlock: string, namespaces: readonly string[] = []): object => ({
  apiVersion: 'kubeovn.io/v1',
  kind: 'Subnet',
  metadata: { name },
  spec: { vpc: of, cidrBlock, namespaces },
});

// Nodes do not reach pods of other VPCs, so their kubelets cannot probe: readiness is that of the process.
const pod = (namespace: string, name: string, node: string, asked: Readonly<Record<string, string>>): object =>
  podManifest(namespace, name, { node, annotations: asked, command: ['echo-server'] });

const inSubnet = (name: string, ip?: string): Record<string, string> => ({
  'ovn.kubernetes.io/logical_switch': name,
  ...(ip !== undefined && { 'ovn.kubernetes.io/ip_address': ip }),
});

beforeAll(async () => {
  await freshNamespace(red);
  await freshNamespace(blue);
  await apply(vpc(red), vpc(blue));
  await apply(
    subnet(`${red}-a`, red, '10.41.0.0/24', [red]),
    subnet(`${red}-c`, red, '10.43.0.0/24'),
    subnet(`${blue}-b`, blue, '10.42.0.0/24', [blue]),
    // The same addresses as in the other VPC.
    subnet(`${blue}-a`, blue, '10.41.0.0/24'),
  );
  await apply(
    pod(red, 'red-1', 'n1', inSubnet(`${red}-a`)),
    pod(red, 'red-2', 'n2', inSubnet(`${red}-a`, '10.41.0.22')),
    pod(red, 'red-3', 'n1', inSubnet(`${red}-c`)),
    pod(blue, 'blue-1', 'n2', inSubnet(`${blue}-b`)),
    pod(blue, 'same-1', 'n2', inSubnet(`${blue}-a`, '10.41.0.22')),
  );
  [fromRed, toRed, aloneInRed, inBlue, sameInBlue] = await Promise.all([
    readyPod(red, 'red-1'),
    readyPod(red, 'red-2'),
    readyPod(red, 'red-3'),
    readyPod(blue, 'blue-1'),
    readyPod(blue, 'same-1'),
  ]);
});

/** Whom a new connection to the address reaches; '' for nobody. */
async function answers(from: Pod, ip: string): Promise<string> {
  return (await exec(cluster(), from, ['bash', '-c', `curl -sS -m 2 http://${ip}:8080/ 2>/dev/null; true`])).trim();
}

describe('VPCs', () => {
  it('may have the same addresses, and each reaches its own', async () => {
    expect(toRed.ip).toBe(sameInBlue.ip);
    expect(await answers(fromRed, toRed.ip)).toBe('red-2');
    expect(await answers(inBlue, sameInBlue.ip)).toBe('same-1');
  });

  it('do not reach each other', async () => {
    expect(await answers(aloneInRed, inBlue.ip)).toBe('');
  });

  it('do with a peering and routes, and no more without it', async () => {
    const end = (remoteVpc: string, localConnectIP: string): object => ({
      vpcPeerings: [{ remoteVpc, localConnectIP }],
    });
    const route = (cidr: string, nextHopIP: string): object => ({
      staticRoutes: [{ cidr, nextHopIP, policy: 'policyDst' }],
    });
    await apply(
      vpc(red, { ...end(blue, '169.254.0.1/30'), ...route('10.42.0.0/24', '169.254.0.2') }),
      vpc(blue, { ...end(red, '169.254.0.2/30'), ...route('10.43.0.0/24', '169.254.0.1') }),
    );
    const becomes = (wanted: string): Promise<unknown> =>
      waitFor(async () => ((await answers(aloneInRed, inBlue.ip)) === wanted ? true : undefined), {
        what: `red to hear '${wanted}' from blue`,
        limitMs: 20_000,
        everyMs: 200,
      });
    await becomes('blue-1');
    // A status is written once a second at most.
    await waitFor(async () => (await field('vpc', red, '{.status.vpcPeerings}')) === `["${blue}"]` || undefined, {
      what: 'the peering in the status',
      limitMs: 10_000,
      everyMs: 200,
    });
    await apply(vpc(red), vpc(blue));
    await becomes('');
    expect(await answers(aloneInRed, inBlue.ip)).toBe('');
  });
});

describe('a static route', () => {
  // On the loopback interface of the pod alone, so that whoever gets an answer was led there.
  const behind = '198.51.100.1';
  const router = '10.41.0.200';
  const toRouter = (cidr: string, policy: 'policyDst' | 'policySrc'): object => ({
    staticRoutes: [{ cidr, nextHopIP: router, policy }],
  });

  /** Who in red is answered from behind the router: in the router's subnet, and in the other one. */
  const answered = (): Promise<[string, string]> =>
    Promise.all([answers(fromRed, behind), answers(aloneInRed, behind)]);

  /** The answers once they are these. */
  async function becoming(...wanted: readonly [string, string]): Promise<readonly string[]> {
    let now: readonly string[] = [];
    const isSo = async (): Promise<boolean> => (now = await answered()).join() === wanted.join();
    await waitFor(isSo, { what: `answers ${wanted.join()}`, limitMs: 20_000, everyMs: 200, explain: () => now.join() });
    return now;
  }

  beforeAll(async () => {
    await apply(
      podManifest(red, 'router', {
        node: 'n2',
        annotations: inSubnet(`${red}-a`, router),
        command: ['bash', '-c', `ip address add ${behind}/32 dev lo && exec echo-server`],
        capabilities: ['NET_ADMIN'],
      }),
    );
    await readyPod(red, 'router');
  });

  it('leads whatever is for its prefix to its next hop, a pod', async () => {
    expect(await answered()).toEqual(['', '']);
    await apply(vpc(red, toRouter('198.51.100.0/24', 'policyDst')));
    expect(await becoming('router', 'router')).toEqual(['router', 'router']);
  });

  it('leads whatever is from its prefix there with policySrc', async () => {
    await apply(vpc(red, toRouter(`${aloneInRed.ip}/32`, 'policySrc')));
    expect(await becoming('', 'router')).toEqual(['', 'router']);
  });

  it('leads nowhere when it is gone', async () => {
    await apply(vpc(red));
    expect(await becoming('', '')).toEqual(['', '']);
    expect(await answers(aloneInRed, toRed.ip)).toBe('red-2');
  });
});
