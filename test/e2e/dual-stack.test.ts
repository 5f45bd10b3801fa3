/** Both families at once, with packets: what a pod has on its interface, and who reaches whom by which. */
import { beforeAll, describe, expect, it } from 'vitest';
import { exec, matrix, type Pod } from '../cluster/traffic.ts';
import { waitFor } from '../cluster/wait.ts';
import { apply, cluster, custom, field, freshNamespace, podManifest, readyPod } from './shared.ts';

const ns = 'e2e-dual';
const sixOnly = `${ns}-six`;
const soon = { limitMs: 30_000, everyMs: 200 };

const wished = (suffix: string, value: string): { annotations: Record<string, string> } => ({
  annotations: { [`ovn.kubernetes.io/${suffix}`]: value },
});
const pods = {
  near: { node: 'n1' },
  neighbour: { node: 'n1' },
  far: { node: 'n2' },
  four: { node: 'n2', ...wished('ip_family', 'ipv4') },
  six: { node: 'n2', ...wished('ip_family', 'ipv6') },
  other: { node: 'n1', ...wished('logical_switch', sixOnly) },
};
type Name = keyof typeof pods;
const names = Object.keys(pods) as Name[];

/** One entry for each address. */
const ends: Pod[] = [];
const addressesOf = (name: Name): string[] => ends.filter((end) => end.name === name).map(({ ip }) => ip);
const isSix = ({ ip }: Pod): boolean => ip.includes(':');

beforeAll(async () => {
  await freshNamespace(ns);
  await apply(
    custom('Subnet', ns, { cidrBlock: '10.48.0.0/24,fd00:10:48::/64', namespaces: [ns] }),
    custom('Subnet', sixOnly, { cidrBlock: 'fd00:10:49::/112' }),
  );
  await apply(...names.map((name) => podManifest(ns, name, pods[name])));
  for (const name of names) {
    const pod = await readyPod(ns, name);
    const addresses = (await field('pod', name, '{.status.podIPs[*].ip}', ns)).split(' ');
    ends.push(...addresses.map((ip) => ({ ...pod, ip })));
  }
});

interface Address {
  readonly local: string;
  readonly prefixlen: number;
  readonly scope: string;
  readonly tentative?: boolean;
  readonly dadfailed?: boolean;
}

const json = async <T>(pod: Pod, ...argv: readonly string[]): Promise<T> =>
  JSON.parse(await exec(cluster(), pod, ['ip', '--json', ...argv])) as T;

const podOf = (name: Name): Pod => {
  const found = ends.find((end) => end.name === name);
  if (found === undefined) throw new Error(`no pod ${name}`);
  return found;
};

/** All addresses of eth0 once none is tentative. */
async function onInterface(name: Name): Promise<string[]> {
  const look = async (): Promise<Address[] | undefined> => {
    const [link] = await json<{ addr_info: Address[] }[]>(podOf(name), 'address', 'show', 'dev', 'eth0');
    const all = link?.addr_info ?? [];
    return all.some(({ tentative }) => tentative) ? undefined : all;
  };
  const all = await waitFor(look, { what: `the addresses of ${name} to be in use`, ...soon });
  expect(all.filter(({ dadfailed }) => dadfailed)).toEqual([]);
  return all.map(({ local, prefixlen, scope }) =>
    scope === 'link' ? `${local.replace(/^fe80::.*/, 'fe80::')}/${prefixlen}` : `${local}/${prefixlen}`,
  );
}

async function routesOf(name: Name, family: 4 | 6): Promise<string[]> {
  const all = await json<{ dst: string; gateway?: string }[]>(podOf(name), `-${family}`, 'route');
  return all.map(({ dst, gateway }) => (gateway === undefined ? dst : `${dst} ${gateway}`)).toSorted();
}

describe('a pod of a subnet with both families', () => {
  it('has an address of each, the link-local one, and no other', async () => {
    for (const name of ['near', 'neighbour', 'far'] as const) {
      const [four, six, ...more] = addressesOf(name);
      expect(more).toEqual([]);
      expect(four).toMatch(/^10\.48\.0\.\d+$/);
      expect(six).toMatch(/^fd00:10:48::/);
      expect(await onInterface(name)).toEqual([`${four}/24`, `${six}/64`, 'fe80::/64']);
    }
  });

  it('has the gateway of each for its default route', async () => {
    expect(await routesOf('near', 4)).toEqual(['10.48.0.0/24', 'default 10.48.0.1']);
    expect(await routesOf('near', 6)).toEqual(['default fd00:10:48::1', 'fd00:10:48::/64', 'fe80::/64']);
  });

  it('has one family alone when it asks for it', async () => {
    const [four, six] = [addressesOf('four'), addressesOf('six')];
    expect(four).toEqual([expect.stringMatching(/^10\.48\.0\.\d+$/)]);
    expect(six).toEqual([expect.stringMatching(/^fd00:10:48::/)]);
    expect(await onInterface('four')).toEqual([`${four.join()}/24`, 'fe80::/64']);
    expect(await onInterface('six')).toEqual([`${six.join()}/64`, 'fe80::/64']);
    expect(await routesOf('four', 6)).toEqual(['fe80::/64']);
    expect(await routesOf('six', 4)).toEqual([]);
  });
});

describe('packets', () => {
  it('of IPv4 go on one node and from node to node', async () => {
    const all = ends.filter((end) => !isSix(end));
    expect(all.map(({ name }) => name)).toEqual(['near', 'neighbour', 'far', 'four']);
    expect(await matrix(cluster(), all)).toEqual([]);
  });

  it('of IPv6 do too, and from subnet to subnet', async () => {
    const all = ends.filter(isSix);
    expect(all.map(({ name }) => name)).toEqual(['near', 'neighbour', 'far', 'six', 'other']);
    expect(await matrix(cluster(), all)).toEqual([]);
  });
});

describe('a subnet of IPv6 alone', () => {
  it('gives one address, and IPv6 routes alone', async () => {
    expect(await onInterface('other')).toEqual([`${addressesOf('other').join()}/112`, 'fe80::/64']);
    expect(await routesOf('other', 4)).toEqual([]);
    expect(await routesOf('other', 6)).toEqual(['default fd00:10:49::1', 'fd00:10:49::/112', 'fe80::/64']);
  });

  it('gives no second address when its router advertises itself', async () => {
    const before = await onInterface('other');
    const ipv6RAConfigs = 'address_mode=dhcpv6_stateful,max_interval=4,min_interval=3,send_periodic=true';
    await apply(custom('Subnet', sixOnly, { cidrBlock: 'fd00:10:49::/112', enableIPv6RA: true, ipv6RAConfigs }));
    const heard = async (): Promise<boolean> => {
      const all = await json<{ protocol: string }[]>(podOf('other'), '-6', 'route', 'show', 'default');
      return all.some(({ protocol }) => protocol === 'ra');
    };
    await waitFor(heard, { what: 'an advertisement to reach the pod', ...soon });
    expect(await onInterface('other')).toEqual(before);
    expect(await matrix(cluster(), ends.filter(isSix))).toEqual([]);
  });
});
