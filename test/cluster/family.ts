/** Address families of a cluster, and its addresses in each. Pure. */

/** Which families nodes, pods and Services have; of a dual cluster IPv4 is the first. */
export const families = ['ipv4', 'ipv6', 'dual'] as const;
export type Family = (typeof families)[number];

interface Range {
  /** Of a host's number, on the cluster network (eth0) and on the tunnel network (eth2). */
  readonly cluster: (host: number) => string;
  readonly tunnel: (host: number) => string;
  /** Length of both networks' prefixes. */
  readonly prefix: number;
  readonly services: string;
  /** First address of the service range: the Service `kubernetes`. */
  readonly apiService: string;
  readonly dns: string;
  /** Where pods are: subnet `ovn-default` of config/. */
  readonly pods: string;
}

const ranges: Readonly<Record<4 | 6, Range>> = {
  4: {
    cluster: (host) => `172.29.0.${host}`,
    tunnel: (host) => `172.30.0.${host}`,
    prefix: 24,
    services: '10.96.0.0/12',
    apiService: '10.96.0.1',
    dns: '10.96.0.53',
    pods: '10.16.0.0/16',
  },
  // The API server takes no larger range of IPv6 for Services than a /108.
  6: {
    cluster: (host) => `fd00:172:29::${host}`,
    tunnel: (host) => `fd00:172:30::${host}`,
    prefix: 64,
    services: 'fd00:10:96::/112',
    apiService: 'fd00:10:96::1',
    dns: 'fd00:10:96::53',
    pods: 'fd00:10:16::/112',
  },
};

const CONTROL_PLANE_HOST = 10;

/** Lists have an address of each family; what a program takes in one word is joined by commas. */
export interface Addresses {
  readonly controlPlane: readonly [string, ...string[]];
  readonly node: (n: number) => readonly [string, ...string[]];
  readonly tunnel: (n: number) => readonly [string, ...string[]];
  /** Behind an address of the two networks: /24 or /64. */
  readonly prefixOf: (ip: string) => number;
  readonly apiService: readonly string[];
  readonly dns: readonly [string, ...string[]];
  readonly services: string;
  readonly pods: string;
}

export function addressesOf(family: Family): Addresses {
  const [first, ...others] = { ipv4: [4], ipv6: [6], dual: [4, 6] }[family].map((version) => ranges[version as 4 | 6]);
  if (first === undefined) throw new Error(`no family ${family}`);
  const each = <T>(pick: (range: Range) => T): [T, ...T[]] => [pick(first), ...others.map(pick)];
  return {
    controlPlane: each(({ cluster }) => cluster(CONTROL_PLANE_HOST)),
    node: (n) => each(({ cluster }) => cluster(CONTROL_PLANE_HOST + n)),
    tunnel: (n) => each(({ tunnel }) => tunnel(CONTROL_PLANE_HOST + n)),
    prefixOf: (ip) => ranges[ip.includes(':') ? 6 : 4].prefix,
    apiService: each(({ apiService }) => apiService),
    dns: each(({ dns }) => dns),
    services: each(({ services }) => services).join(','),
    pods: each(({ pods }) => pods).join(','),
  };
}

/** As a URL has a host. */
export const inUrl = (ip: string): string => (ip.includes(':') ? `[${ip}]` : ip);
