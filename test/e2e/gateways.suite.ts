/**
 * How traffic of pods leaves a cluster, with packets to hosts outside that tell by whom they were called: each kind of gateway,
 * and what becomes of it when one fails. Everything in each of the cluster's families.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Cluster } from '../cluster/cluster.ts';
import { addressesOf, type Family } from '../cluster/family.ts';
import { closeOutside, hostsOutside, openOutside, seenAs, wayBack, type HostsOutside } from '../cluster/outside.ts';
import { exec, type Pod } from '../cluster/traffic.ts';
import { waitFor } from '../cluster/wait.ts';
import { custom, podManifest } from './shared.ts';
import { toolsOf } from './tools.ts';

const ns = 'e2e-gateways';
const soon = { limitMs: 30_000, everyMs: 250 };
const name = (short: string): string => `${ns}-${short}`;
const versionOf = (address: string): 4 | 6 => (address.includes(':') ? 6 : 4);

// Addresses below are of both families, joined by commas; a cluster of one takes its part of them.
const egressIps = '172.29.0.199,fd00:172:29::199';
const extraServices = '10.112.0.0/24,fd00:10:112::/112';
const routerIps = hostsOutside('dual').map(({ routerIp }) => routerIp);

interface Spec {
  readonly cidrBlock: string;
  readonly externalEgressGateway?: string;
  readonly gatewayNode?: string;
  readonly natOutgoingPolicyRules?: readonly { readonly action: string; readonly match: Match }[];
  readonly [field: string]: unknown;
}
interface Match {
  readonly srcIPs: string;
  readonly dstIPs?: string;
}

const subnets: Readonly<Record<string, Spec>> = {
  nat: { cidrBlock: '10.71.0.0/24,fd00:10:71::/112', natOutgoing: true },
  plain: { cidrBlock: '10.71.1.0/24,fd00:10:71:1::/112', natOutgoing: false },
  ruled: {
    cidrBlock: '10.71.2.0/24,fd00:10:71:2::/112',
    natOutgoing: true,
    natOutgoingPolicyRules: [
      { action: 'nat', match: { srcIPs: '10.71.2.10', dstIPs: routerIps[0] ?? '' } },
      { action: 'forward', match: { srcIPs: '10.71.2.8/30' } },
      { action: 'nat', match: { srcIPs: 'fd00:10:71:2::a', dstIPs: routerIps[1] ?? '' } },
      { action: 'forward', match: { srcIPs: 'fd00:10:71:2::8/126' } },
    ],
  },
  central: {
    cidrBlock: '10.71.3.0/24,fd00:10:71:3::/112',
    natOutgoing: true,
    gatewayType: 'centralized',
    gatewayNode: 'n2,n1',
  },
  both: {
    cidrBlock: '10.71.4.0/24,fd00:10:71:4::/112',
    natOutgoing: true,
    gatewayType: 'centralized',
    gatewayNode: 'n1,n2',
    enableEcmp: true,
  },
  own: {
    cidrBlock: '10.71.5.0/24,fd00:10:71:5::/112',
    natOutgoing: true,
    gatewayType: 'centralized',
    gatewayNode: egressIps,
  },
  passed: {
    cidrBlock: '10.71.6.0/24,fd00:10:71:6::/112',
    externalEgressGateway: routerIps.join(','),
    policyRoutingTableID: 1001,
    policyRoutingPriority: 1001,
  },
  chosen: {
    cidrBlock: '10.71.7.0/24,fd00:10:71:7::/112',
    externalEgressGateway: routerIps.join(','),
    policyRoutingTableID: 1002,
    policyRoutingPriority: 1002,
    gatewayType: 'centralized',
    gatewayNode: 'n2',
  },
};

/** A part of the joined addresses. */
const narrowed = (addresses: string, versions: readonly (4 | 6)[]): string[] =>
  addresses.split(',').filter((address) => versions.includes(versionOf(address)));

function narrowedSpec(spec: Spec, versions: readonly (4 | 6)[]): Spec {
  const { cidrBlock, externalEgressGateway: router, gatewayNode: nodes, natOutgoingPolicyRules: rules } = spec;
  const of = (addresses: string): string[] => narrowed(addresses, versions);
  return {
    ...spec,
    cidrBlock: of(cidrBlock).join(','),
    ...(router !== undefined && { externalEgressGateway: of(router).join(',') }),
    ...(nodes === egressIps && {
      gatewayNode: of(nodes)
        .map((ip) => `n2:${ip}`)
        .join(','),
    }),
    ...(rules !== undefined && {
      natOutgoingPolicyRules: rules.filter(({ match }) => versions.includes(versionOf(match.srcIPs))),
    }),
  };
}

/** The tests, on a cluster of this family that the caller starts. */
export function gatewayCases(cluster: () => Cluster, family: Family): void {
  const { apply, events, field, freshNamespace, readyPod } = toolsOf(cluster);
  const hosts = hostsOutside(family);
  const versions = hosts.map(({ outsideIp }) => versionOf(outsideIp));
  const of = (addresses: string): string[] => narrowed(addresses, versions);
  const nodeIps = (n: number): readonly string[] => cluster().node(n).ips;
  const cidrsOf = (short: string): string[] => of(subnets[short]?.cidrBlock ?? '');
  const onNode = async (n: number, ...argv: readonly string[]): Promise<string> =>
    (await cluster().inNode(n, argv)).stdout;
  const patchSubnet = (short: string, spec: object): Promise<string> =>
    cluster().kubectl(['patch', 'subnet', name(short), '--type=merge', `--patch=${JSON.stringify({ spec })}`]);

  /** A pod on n1, unless said otherwise, in one of the subnets. */
  async function started(short: string, node = 'n1', ips: readonly string[] = []): Promise<Pod> {
    const pod = ips.length === 0 ? `${short}-${node}` : `${short}-${ips[0]?.split(/[.:]/).at(-1)}`;
    const annotations = {
      'ovn.kubernetes.io/logical_switch': name(short),
      ...(ips.length > 0 && { 'ovn.kubernetes.io/ip_address': ips.join(',') }),
    };
    await apply(podManifest(ns, pod, { node, annotations }));
    return readyPod(ns, pod);
  }

  const outside = ({ outsideIp }: HostsOutside): string => outsideIp;
  const router = ({ routerIp }: HostsOutside): string => routerIp;
  const beyond = ({ beyondIp }: HostsOutside): string => beyondIp;

  /** The addresses that the pod is seen with in each family, '' for no answer. */
  async function seen(pod: Pod, by = outside): Promise<string[]> {
    const asked = hosts.map((host) => `$(${seenAs(by(host))})`).join(',');
    return (await exec(cluster(), pod, ['bash', '-c', `echo "${asked}"`])).trim().split(',');
  }

  /** Waits until the pod is seen with the addresses, and returns with which it is. */
  async function becomes(pod: Pod, expected: readonly string[], by = outside): Promise<string[]> {
    let last: string[] = [];
    const look = async (): Promise<boolean> => (last = await seen(pod, by)).join() === expected.join();
    const explain = (): string => `seen as ${last.join()}`;
    await waitFor(look, { what: `${pod.name} to be seen as ${expected.join()}`, ...soon, explain });
    return last;
  }

  /** The way back to the subnet's pods, where their own addresses are seen. */
  async function backBy(short: string, n: number): Promise<void> {
    for (const [at, cidr] of cidrsOf(short).entries()) await wayBack(cluster(), cidr, nodeIps(n)[at] ?? '');
  }

  /** Waits until the status of subnet `central` says so too: the next choice goes by it. */
  const chosen = (node: string): Promise<unknown> =>
    waitFor(async () => (await field('subnet', name('central'), '{.status.activateGateway}')) === node, {
      what: `the status to name ${node}`,
      ...soon,
    });

  beforeAll(async () => {
    await freshNamespace(ns);
    const all = Object.keys(subnets).map(name);
    await cluster().kubectl(['delete', 'subnet', ...all, '--ignore-not-found', '--timeout=60s']);
    await openOutside(cluster());
    for (const ip of of(egressIps)) {
      const six = versionOf(ip) === 6;
      // Of several addresses of IPv6 the kernel masquerades with the one that it likes best, but with none that is deprecated.
      const flags = six ? ['nodad', 'preferred_lft', '0'] : [];
      await cluster().inNode(2, ['ip', 'address', 'replace', `${ip}/${six ? 128 : 32}`, 'dev', 'eth0', ...flags]);
    }
    await apply(
      ...Object.entries(subnets).map(([short, spec]) => custom('Subnet', name(short), narrowedSpec(spec, versions))),
    );
  });
  afterAll(async () => {
    await cluster().kubectl(['delete', 'namespace', ns, '--timeout=120s']);
    await cluster().kubectl(['delete', 'subnet', ...Object.keys(subnets).map(name), '--timeout=60s']);
    for (const ip of of(egressIps))
      await cluster().inNode(2, ['ip', 'address', 'delete', `${ip}/${versionOf(ip) === 6 ? 128 : 32}`, 'dev', 'eth0']);
    await closeOutside(cluster());
  });

  it('ranges of Services are those of the setting and of ServiceCIDR objects', async () => {
    const cidrs = of(extraServices);
    const services = async (n: number): Promise<string> =>
      (await Promise.all(versions.map((version) => onNode(n, 'ipset', 'list', `ovn${version}0services`)))).join('');
    await apply({ apiVersion: 'networking.k8s.io/v1', kind: 'ServiceCIDR', metadata: { name: ns }, spec: { cidrs } });
    for (const n of [1, 2]) {
      const there = async (): Promise<boolean> => {
        const text = await services(n);
        return cidrs.every((cidr) => text.includes(cidr));
      };
      await waitFor(there, { what: `the range on n${n}`, ...soon });
      for (const cidr of addressesOf(family).services.split(',')) expect(await services(n)).toContain(cidr);
    }
    await cluster().kubectl(['delete', 'servicecidr', ns, '--timeout=60s']);
    const gone = async (): Promise<boolean> => {
      const text = await services(1);
      return !cidrs.some((cidr) => text.includes(cidr));
    };
    await waitFor(gone, { what: 'the range to go', ...soon });
  });

  describe('a distributed gateway', () => {
    it('gives what leaves the address of the node of the pod', async () => {
      const [one, two] = await Promise.all([started('nat', 'n1'), started('nat', 'n2')]);
      expect(await becomes(one, nodeIps(1))).toEqual(nodeIps(1));
      expect(await becomes(two, nodeIps(2))).toEqual(nodeIps(2));
    });

    it('leaves the address of the pod without natOutgoing, and follows the switch', async () => {
      const pod = await started('plain');
      await backBy('plain', 1);
      expect(await becomes(pod, pod.ips)).toEqual(pod.ips);
      await patchSubnet('plain', { natOutgoing: true });
      expect(await becomes(pod, nodeIps(1))).toEqual(nodeIps(1));
    });

    it('tells pods of a way out that is narrower than theirs: packets of its size pass, longer ones are refused', async () => {
      const pod = await started('nat');
      for (const { beyondIp, routerIp } of hosts) {
        const headers = versionOf(beyondIp) === 4 ? 28 : 48;
        const passes = (size: number): Promise<boolean> =>
          exec(cluster(), pod, ['ping', '-M', 'do', '-c1', '-W1', '-s', String(size - headers), beyondIp]).then(
            () => true,
            () => false,
          );
        const way = ['ip', 'route', 'replace', beyondIp, 'via', routerIp];
        await onNode(1, ...way);
        await waitFor(() => passes(1300), { what: `${beyondIp} to answer`, ...soon });
        await onNode(1, ...way, 'mtu', '1280');
        const told = async (): Promise<boolean> => {
          await passes(1300);
          return (await exec(cluster(), pod, ['ip', 'route', 'get', beyondIp])).includes(' mtu 1280');
        };
        await waitFor(told, { what: `the pod to know of the way to ${beyondIp}`, ...soon });
        expect([await passes(1280), await passes(1281)]).toEqual([true, false]);
        await onNode(1, 'ip', 'route', 'delete', beyondIp);
      }
    });

    it('makes exceptions by rules: the first that matches decides', async () => {
      const addresses = ['10.71.2.10,fd00:10:71:2::a', '10.71.2.9,fd00:10:71:2::9', '10.71.2.20,fd00:10:71:2::20'];
      const [first, second, other] = await Promise.all(addresses.map((ips) => started('ruled', 'n1', of(ips))));
      await backBy('ruled', 1);
      if (first === undefined || second === undefined || other === undefined) throw new Error('three pods are needed');
      await becomes(second, second.ips);
      await becomes(first, first.ips);
      await becomes(first, nodeIps(1), router);
      await becomes(other, nodeIps(1));
      const path = '{range .status.natOutgoingPolicyRules[*]}{.ruleID} {.match.srcIPs}{"\\n"}{end}';
      const rules = (await field('subnet', name('ruled'), path)).trim().split('\n');
      expect(rules).toHaveLength(2 * versions.length);
      for (const [id, sources = ''] of rules.map((line) => line.split(' ')))
        expect(await onNode(1, 'ipset', 'list', `ovn${versionOf(sources)}0natpr-${id}-src`)).toContain(
          `\n${sources}\n`,
        );
    });
  });

  describe('a centralized gateway', () => {
    it('is the first node that is named, and the status tells', async () => {
      const pod = await started('central');
      await becomes(pod, nodeIps(2));
      expect(await field('subnet', name('central'), '{.status.activateGateway}')).toBe('n2');
    });

    it('is several with ECMP', async () => {
      const pod = await started('both');
      const answered = async (): Promise<boolean> =>
        (await seen(pod)).every((ip, at) => [nodeIps(1)[at], nodeIps(2)[at]].includes(ip));
      await waitFor(answered, { what: 'an answer', ...soon });
      expect(await field('subnet', name('both'), '{.status.activateGateway}')).toBe('');
    });

    it('has the address that is named with the node', async () => {
      expect(await becomes(await started('own'), of(egressIps))).toEqual(of(egressIps));
    });

    it('changes with the spec, which events tell', async () => {
      const pod = await readyPod(ns, 'central-n1');
      await patchSubnet('central', { gatewayNode: 'n1' });
      await becomes(pod, nodeIps(1));
      await chosen('n1');
      await patchSubnet('central', { gatewayNode: 'n2,n1' });
      const told = async (): Promise<boolean> =>
        (await events('default', name('central'))).some((line) => line.includes('SubnetGatewayNodeChanged'));
      await waitFor(told, { what: 'the event', ...soon });
      // n1 is usable and stays: the order counts when choosing anew.
      expect(await seen(pod)).toEqual(nodeIps(1));
    });
  });

  describe('an external egress gateway', () => {
    /** Rules of policy routing in each family. */
    const rules = async (n: number): Promise<string> =>
      (await Promise.all(versions.map((version) => onNode(n, 'ip', `-${version}`, 'rule')))).join('');

    it('is given what pods send by the node of each', async () => {
      const pod = await started('passed', 'n1');
      await backBy('passed', 1);
      await becomes(pod, pod.ips, beyond);
      for (const ip of pod.ips) expect(await rules(1)).toContain(`from ${ip} lookup 1001`);
      expect(await rules(2)).not.toContain('lookup 1001');
      await cluster().kubectl(['--namespace', ns, 'delete', 'pod', pod.name, '--timeout=60s']);
      const gone = async (): Promise<boolean> => !(await rules(1)).includes('lookup 1001');
      await waitFor(gone, { what: 'the rule to go with its pod', ...soon });
    });

    it('is given it by gateway nodes alone', async () => {
      const pod = await started('chosen', 'n1');
      await backBy('chosen', 2);
      await becomes(pod, pod.ips, beyond);
      for (const cidr of cidrsOf('chosen')) expect(await rules(2)).toContain(`from ${cidr} lookup 1002`);
      expect(await rules(1)).not.toContain('lookup 1002');
      for (const version of versions) {
        const table = ['ip', `-${version}`, 'route', 'show', 'table', '1002'];
        expect((await cluster().tryInNode(1, table)).stdout).toBe('');
      }
    });
  });

  describe('when a gateway fails', () => {
    /** Milliseconds from `cause` until the pod is seen with the addresses, in the family for which it took longest. */
    async function failOver(pod: Pod, expected: readonly string[], cause: () => Promise<unknown>): Promise<number> {
      const arriving = hosts.map(({ outsideIp }, at) => {
        const until = `until [ "$(${seenAs(outsideIp)})" = ${expected[at]} ]; do sleep 0.05; done; date +%s%3N`;
        return exec(cluster(), pod, ['timeout', '60', 'bash', '-c', until]);
      });
      const from = Date.now();
      await cause();
      const took = (await Promise.all(arriving)).map((at) => Number(at) - from);
      console.log(`IPv${versions.join(', IPv')} pass after ${took.join(', ')} ms`);
      return Math.max(...took);
    }

    type Nic = 'e0' | 'e2';
    const cables: readonly Nic[] = ['e0', 'e2'];
    const cable = (nic: Nic, state: 'up' | 'down'): Promise<unknown> =>
      cluster().inControlPlane(['ip', 'link', 'set', `n2${nic}`, state]);
    const nft = (rules: string): Promise<unknown> => cluster().inControlPlane(['nft', rules]);
    /** At the other end of the cables, which the node does not see. */
    const passNothing = (): Promise<unknown> => {
      const chains = cables.flatMap((nic) =>
        ['ingress', 'egress'].map(
          (hook) => `chain ${nic}${hook} { type filter hook ${hook} device n2${nic} priority 0; policy drop; };`,
        ),
      );
      return nft(`table netdev silent { ${chains.join(' ')} }`);
    };

    const ready = (): Promise<string> =>
      field(
        'node',
        'n2',
        '{.status.conditions[?(@.type=="Ready")].status},{.status.conditions[?(@.type=="NetworkUnavailable")].status}',
      );

    /** n2 is the gateway again, by the only means: the other one is taken out for a moment. */
    async function gatewayIsN2(pod: Pod): Promise<void> {
      const isN2 = async (): Promise<boolean> => (await seen(pod)).join() === nodeIps(2).join();
      const stays = async (): Promise<boolean> => {
        await patchSubnet('central', { gatewayNode: 'n2' });
        await becomes(pod, nodeIps(2));
        await chosen('n2');
        await patchSubnet('central', { gatewayNode: 'n2,n1' });
        // As long as n1 does not reach it again, it is given up at once for n1.
        for (let look = 0; look < 8; look++) if (!(await isN2())) return false;
        return true;
      };
      await waitFor(stays, { what: 'n2 to stay the gateway', limitMs: 90_000, everyMs: 250 });
    }

    /** The leader must not be cut off with the gateway: another election would be measured. */
    async function leaderOnN1(): Promise<void> {
      const onN1 = async (): Promise<boolean> => {
        const holder = (await field('lease', 'kube-ovn-controller', '{.spec.holderIdentity}', 'kube-system')).split(
          '_',
        )[0];
        const node = await field('pod', holder ?? '', '{.spec.nodeName}', 'kube-system').catch(() => '');
        if (node === 'n2')
          await cluster().kubectl(['--namespace=kube-system', 'delete', 'pod', holder ?? '', '--wait=true']);
        return node === 'n1';
      };
      await waitFor(onN1, { what: 'a leader on n1', limitMs: 120_000, everyMs: 1000 });
    }

    /** Milliseconds that it takes, and what the node tells of itself meanwhile. */
    async function during(
      pod: Pod,
      { cut, mend }: Readonly<Record<'cut' | 'mend', () => Promise<unknown>>>,
    ): Promise<{ readonly took: number; readonly state: string }> {
      try {
        return { took: await failOver(pod, nodeIps(1), cut), state: await ready() };
      } finally {
        await mend();
      }
    }

    it('because its cable of the tunnels is cut: new connections pass within 10 s, and the node stays ready', async () => {
      await leaderOnN1();
      const pod = await readyPod(ns, 'central-n1');
      await gatewayIsN2(pod);
      const { took, state } = await during(pod, { cut: () => cable('e2', 'down'), mend: () => cable('e2', 'up') });
      expect(took).toBeLessThan(10_000);
      expect(state).toBe('True,False');
    });

    it.each([
      {
        how: 'all its cables are cut',
        cut: () => Promise.all(cables.map((nic) => cable(nic, 'down'))),
        mend: () => Promise.all(cables.map((nic) => cable(nic, 'up'))),
      },
      {
        how: 'nothing passes its cables, whose carrier stays',
        cut: passNothing,
        mend: () => nft('delete table netdev silent'),
      },
    ])('because $how: likewise', async ({ cut, mend }) => {
      await leaderOnN1();
      const pod = await readyPod(ns, 'central-n1');
      await gatewayIsN2(pod);
      const { took, state } = await during(pod, { cut, mend });
      expect(took).toBeLessThan(10_000);
      expect(state).toBe('True,False');
    });

    it('because it is not Ready any more: new connections pass within 2 s', async () => {
      const pod = await readyPod(ns, 'central-n1');
      await gatewayIsN2(pod);
      const kubelets = cluster()
        .processes()
        .filter(({ part, command }) => part === 'n2' && command.includes('kubelet '));
      for (const { pid } of kubelets) process.kill(pid, 'SIGSTOP');
      const body = JSON.stringify({
        status: { conditions: [{ type: 'Ready', status: 'False', reason: 'E2e', message: '' }] },
      });
      const content = { type: 'application/strategic-merge-patch+json', body };
      try {
        const cause = (): Promise<unknown> => cluster().request('PATCH', '/api/v1/nodes/n2/status', content);
        // The goal is 2 s; other programs of the machine have their share of these.
        expect(await failOver(pod, nodeIps(1), cause)).toBeLessThan(5000);
      } finally {
        for (const { pid } of kubelets) process.kill(pid, 'SIGCONT');
      }
      await waitFor(async () => (await ready()) === 'True,False', { what: 'n2 to be ready', ...soon });
    });
  });
}
