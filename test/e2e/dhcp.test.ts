/** DHCP as a client in the pod sees it: what a subnet answers, and what a pod has instead. */
import { beforeAll, describe, expect, it } from 'vitest';
import { exec, type Pod } from '../cluster/traffic.ts';
import { waitFor } from '../cluster/wait.ts';
import { policy, prepareMarker, under } from './policies.ts';
import { annotate, apply, cluster, custom, field, freshNamespace, podManifest, readyPod } from './shared.ts';

const ns = 'e2e-dhcp';
const own = { 4: 'ovn.kubernetes.io/dhcp-v4-options', 6: 'ovn.kubernetes.io/dhcp-v6-options' };
const soon = { limitMs: 30_000, everyMs: 200 };

const subnet = (spec: object): object =>
  custom('Subnet', ns, { cidrBlock: '10.51.0.0/25,fd00:10:51::/112', namespaces: [ns], ...spec });

const withDhcp = subnet({
  enableDHCP: true,
  dhcpV4Options: 'lease_time=7200,dns_server={10.96.0.10;1.1.1.1},domain_name=example.org',
  dhcpV6Options: 'dns_server={2001:db8::53;2001:db8::54}',
});

let plain: Pod;
let different: Pod;

beforeAll(async () => {
  await freshNamespace(ns);
  await apply(withDhcp);
  await apply(
    podManifest(ns, 'plain', { node: 'n1' }),
    podManifest(ns, 'different', {
      node: 'n2',
      annotations: { [own[4]]: 'lease_time=120,dns_server=9.9.9.9,mtu=1280', [own[6]]: 'dns_server=2001:db8::99' },
    }),
  );
  [plain, different] = await Promise.all([readyPod(ns, 'plain'), readyPod(ns, 'different')]);
  for (const pod of [plain, different]) await isLinked(pod);
});

/** A client of IPv6 ends at once while the kernel still tries whether its link-local address is another's (RFC 4862 5.4). */
const isLinked = (pod: Pod): Promise<true> =>
  waitFor(
    async () => {
      const text = await exec(cluster(), pod, ['ip', '-6', '-o', 'address', 'show', 'dev', 'eth0', 'scope', 'link']);
      return (text.includes('fe80:') && !text.includes('tentative')) || undefined;
    },
    { what: `${pod.name} to have a link-local address`, ...soon },
  );

/**
 * dhclient tells its script what it was given; that changes nothing, and ends it. Having kept no lease it asks anew each
 * time. When nobody answers it ends with 2, or is ended (124) where it would go on; anything else is a mistake of ours.
 */
const script = (family: 4 | 6): string => `
cd /tmp
rm -f told
: >leases
cat >conf <<'END'
timeout 2;
initial-delay 0;
request subnet-mask, routers, interface-mtu, domain-name, domain-name-servers, dhcp6.name-servers;
END
cat >script <<'END'
#!/bin/bash
case $reason in BOUND | BOUND6) env | sed -n 's/^new_//p' >/tmp/told && kill $PPID ;; esac
END
chmod +x script
status=0
timeout 3 dhclient -${family} -1 -d -cf /tmp/conf -sf /tmp/script -lf /tmp/leases -pf /tmp/pid eth0 >log 2>&1 || status=$?
[[ ! -s told ]] || { cat told; exit 0; }
[[ $status == 2 || $status == 124 ]] || { cat log >&2; exit $status; }
`;

/** What a client in the pod is given, by the client's names; empty when nobody answers. */
async function answer(pod: Pod, family: 4 | 6): Promise<Readonly<Record<string, string>>> {
  const text = await exec(cluster(), pod, ['bash', '-ec', script(family)]);
  const lines = text.split('\n').filter((line) => line !== '');
  return Object.fromEntries(lines.map((line) => line.split('=', 2) as [string, string]));
}

const addresses = async ({ name }: Pod): Promise<string[]> =>
  (await field('pod', name, '{.status.podIPs[*].ip}', ns)).split(' ');

/** Waits until the answer has this value, and returns the whole of it. */
const becomes = (pod: Pod, family: 4 | 6, [key, value]: readonly [string, string]): Promise<Record<string, string>> =>
  waitFor(
    async () => {
      const now = await answer(pod, family);
      return now[key] === value ? now : undefined;
    },
    {
      what: `${pod.name} to be told ${key}=${value}`,
      ...soon,
      explain: async () => JSON.stringify(await answer(pod, family)),
    },
  );

const ofSubnet = {
  subnet_mask: '255.255.255.128',
  routers: '10.51.0.1',
  interface_mtu: '1400',
  dhcp_lease_time: '7200',
  domain_name_servers: '10.96.0.10 1.1.1.1',
  domain_name: 'example.org',
};

describe('a subnet with DHCP', () => {
  it('answers a client of IPv4 with the address of its pod and the options', async () => {
    const [four] = await addresses(plain);
    expect(await answer(plain, 4)).toMatchObject({ ...ofSubnet, ip_address: four });
  });

  it('answers a client of IPv6', async () => {
    const [, six] = await addresses(plain);
    expect(await answer(plain, 6)).toMatchObject({
      ip6_address: six,
      dhcp6_name_servers: '2001:db8::53 2001:db8::54',
    });
  });
});

describe('a pod that policies isolate', () => {
  it('is answered all the same, and has no other packet out', async () => {
    await prepareMarker();
    const [four, six] = await addresses(plain);
    const ping = ['bash', '-c', `ping -c2 -i0.2 -W1 ${different.ip} >/dev/null; echo $?`];
    expect(await exec(cluster(), plain, ping)).toBe('0\n');
    await under([policy(ns, 'closed', { podSelector: {}, policyTypes: ['Ingress', 'Egress'] })], async () => {
      expect(await answer(plain, 4)).toMatchObject({ ...ofSubnet, ip_address: four });
      expect(await answer(plain, 6)).toMatchObject({ ip6_address: six });
      expect(await exec(cluster(), plain, ping)).toBe('1\n');
    });
  });
});

describe('a pod with options of its own', () => {
  it('is answered with them, and with none of the subnet', async () => {
    const [four, six] = await addresses(different);
    const told = await answer(different, 4);
    expect(told).toMatchObject({
      ip_address: four,
      subnet_mask: '255.255.255.128',
      routers: '10.51.0.1',
      interface_mtu: '1280',
      dhcp_lease_time: '120',
      domain_name_servers: '9.9.9.9',
    });
    expect(told).not.toHaveProperty('domain_name');
    expect(await answer(different, 6)).toMatchObject({ ip6_address: six, dhcp6_name_servers: '2001:db8::99' });
  });

  it('may have others while it runs, and those of the subnet when it asks for none', async () => {
    await annotate(ns, 'different', `${own[4]}=lease_time=90`);
    const now = await becomes(different, 4, ['dhcp_lease_time', '90']);
    expect(now).not.toHaveProperty('domain_name_servers');
    await annotate(ns, 'different', `${own[4]}-`, `${own[6]}-`);
    const [four] = await addresses(different);
    expect(await becomes(different, 4, ['dhcp_lease_time', '7200'])).toMatchObject({ ...ofSubnet, ip_address: four });
    expect(await answer(different, 6)).toMatchObject({ dhcp6_name_servers: '2001:db8::53 2001:db8::54' });
  });
});

describe('a subnet without DHCP', () => {
  it('answers nobody', async () => {
    await apply(subnet({}));
    await waitFor(async () => Object.keys(await answer(plain, 4)).length === 0, { what: 'no answer', ...soon });
    expect(await answer(plain, 6)).toEqual({});
  });
});
