// Parameters of the node's kernel that decide whether its network works well, under Kube-OVN's names. Read when somebody asks;
// what a kernel does not have is not told.
import { readFile } from 'node:fs/promises';
import { Gauge } from 'prom-client';
import type { Registry } from 'prom-client';

type Read = (path: string) => Promise<string>;
/** Labels beside the host's name, and the value under them. */
type Sample = readonly [labels: Readonly<Record<string, string>>, value: number];

interface Parameter {
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly string[];
  readonly path: string;
  readonly samples: (text: string) => readonly Sample[];
}

const words = (text: string): string[] => text.trim().split(/\s+/);
const number = (text: string): Sample[] => [[{}, Number(text)]];

/** A parameter that is one number. */
const plain = (name: string, path: string, advice: string): Parameter => ({
  name,
  help: `${path}; ${advice}`,
  path,
  samples: number,
});

const parameters: readonly Parameter[] = [
  {
    name: 'ip_local_port_range',
    help: 'Ports of outgoing connections, as labels; they should not meet the range of node ports',
    labels: ['start', 'end'],
    path: '/proc/sys/net/ipv4/ip_local_port_range',
    samples: (text) => {
      const [start = '', end = ''] = words(text);
      return [[{ start, end }, 1]];
    },
  },
  {
    name: 'checksum_err_count',
    help: 'UDP datagrams with a wrong checksum that the node has received; should be 0',
    path: '/proc/net/snmp',
    samples: (text) => [[{}, udpChecksumErrors(text)]],
  },
  {
    name: 'dns_search_domain',
    help: 'Search domains of the node, as labels: each is a query more',
    labels: ['additional'],
    path: '/etc/resolv.conf',
    samples: (text) => searchDomains(text).map((additional) => [{ additional }, 1]),
  },
  plain('tcp_tw_recycle', '/proc/sys/net/ipv4/tcp_tw_recycle', 'should be 0'),
  plain('tcp_mtu_probing', '/proc/sys/net/ipv4/tcp_mtu_probing', 'should be 1'),
  plain('nf_conntrack_tcp_be_liberal', '/proc/sys/net/netfilter/nf_conntrack_tcp_be_liberal', 'should be 1'),
  plain('bridge_nf_call_iptables', '/proc/sys/net/bridge/bridge-nf-call-iptables', '1 for overlay, 0 for underlay'),
  plain('max_size', '/proc/sys/net/ipv6/route/max_size', 'should be 16384 or more'),
  {
    name: 'tcp_mem',
    help: 'Pages of memory for TCP, as labels: where it is easy, pressed, and refused',
    labels: ['minimum', 'pressure', 'maximum'],
    path: '/proc/sys/net/ipv4/tcp_mem',
    samples: (text) => {
      const [minimum = '', pressure = '', maximum = ''] = words(text);
      return [[{ minimum, pressure, maximum }, 1]];
    },
  },
];

/** Of two lines for each protocol, names and values (proc_net(5)). */
function udpChecksumErrors(text: string): number {
  const [names = [], values = []] = text
    .split('\n')
    .filter((line) => line.startsWith('Udp: '))
    .map(words);
  return Number(values[names.indexOf('InCsumErrors')] ?? 0);
}

/** As resolv.conf(5) has it: the last line counts. */
function searchDomains(text: string): string[] {
  const lines = text.split('\n').filter((line) => /^(?:search|domain)\s/.test(line));
  const domains = words(lines.at(-1) ?? '')
    .slice(1)
    .filter((domain) => domain !== '.');
  return domains.length > 0 ? domains : ['no additional search domain'];
}

/** Registers them; `read` is for tests. */
export function kernelGauges(
  registry: Registry,
  hostname: string,
  read: Read = (path) => readFile(path, 'utf8'),
): void {
  for (const { name, help, labels = [], path, samples } of parameters) {
    const gauge = new Gauge({
      name,
      help,
      labelNames: ['hostname', ...labels],
      registers: [],
      async collect() {
        this.reset();
        const text = await read(path).catch(() => undefined);
        if (text === undefined) return;
        for (const [own, value] of samples(text)) this.set({ hostname, ...own }, value);
      },
    });
    registry.registerMetric(gauge);
  }
}
