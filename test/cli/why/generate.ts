// Logical networks at random: switches on a router, groups, sets, rules of all stages, tiers and actions, load balancers.
// Equal seeds make equal networks.
import { Rows, type AclText } from './rows.ts';

export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** At least 0 and below 1 (mulberry32). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  below(count: number): number {
    return Math.floor(this.next() * count);
  }

  one<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }

  chance(part: number): boolean {
    return this.next() < part;
  }

  some<T>(items: readonly T[], part: number): T[] {
    return items.filter(() => this.chance(part));
  }
}

export interface Host {
  readonly name: string;
  readonly switch: string;
  readonly mac: string;
  readonly ip4: string;
  readonly ip6: string;
}

export interface World {
  readonly rows: Rows;
  readonly switches: readonly string[];
  readonly hosts: readonly Host[];
  /** MAC of a router's port, by its switch. */
  readonly routerMac: ReadonlyMap<string, string>;
  /** Virtual addresses, with the port, 0 for all, and the protocol. */
  readonly vips: readonly { readonly address: string; readonly port: number; readonly protocol: string }[];
}

const ports = [53, 80, 8080];
const outside = ['198.51.100.7', '2001:db8::7'];

export function world(random: Random): World {
  const rows = new Rows();
  const switches = ['s1', 's2', 's3'];
  rows.router('r');
  const routerMac = new Map<string, string>();
  const hosts: Host[] = [];
  for (const [at, name] of switches.entries()) {
    const mac = `02:00:00:00:01:0${at + 1}`;
    routerMac.set(name, mac);
    rows.switch(name);
    rows.attach('r', name, mac, [`10.0.${at + 1}.254/24`, `fd00:${at + 1}::fe/64`]);
    for (let host = 1; host <= 3; host++) {
      const one = {
        name: `${name}.h${host}`,
        switch: name,
        mac: `02:00:00:00:0${at + 2}:0${host}`,
        ip4: `10.0.${at + 1}.${host}`,
        ip6: `fd00:${at + 1}::${host}`,
      };
      hosts.push(one);
      rows.port(name, one.name, `${one.mac} ${one.ip4} ${one.ip6}`);
    }
  }
  const names = hosts.map(({ name }) => name);
  for (const group of ['g1', 'g2', 'g3']) rows.group(group, random.some(names, 0.5));
  rows.group('g4', []);
  const of4 = hosts.map(({ ip4 }) => ip4);
  const of6 = hosts.map(({ ip6 }) => ip6);
  rows.set('four', [...random.some(of4, 0.5), '10.0.2.0/24']);
  rows.set('other4', random.some(of4, 0.3));
  rows.set('six', [...random.some(of6, 0.5), 'fd00:3::/64']);
  rows.set('none', []);
  if (random.chance(0.1)) rows.global({ default_acl_drop: 'true' });
  const vips = balancers(random, rows, { switches, hosts });
  rules(random, rows, { switches, hosts });
  return { rows, switches, hosts, routerMac, vips };
}

interface Shape {
  readonly switches: readonly string[];
  readonly hosts: readonly Host[];
}

/** One backend each: ovn-trace draws from several. */
function balancers(random: Random, rows: Rows, { switches, hosts }: Shape): World['vips'] {
  const vips = [];
  for (let number = 1; number <= 4; number++) {
    const six = random.chance(0.4);
    const address = six ? `fd00:96::${number}` : `10.96.0.${number}`;
    const protocol = random.one(['tcp', 'udp', 'sctp']);
    const port = random.chance(0.8) ? random.one(ports) : 0;
    const host = random.one(hosts);
    const text = (ip: string, at: number): string => (at === 0 ? ip : six ? `[${ip}]:${at}` : `${ip}:${at}`);
    const backend = random.chance(0.85) ? text(six ? host.ip6 : host.ip4, port === 0 ? 0 : random.one(ports)) : '';
    rows.balancer(`lb${number}`, {
      on: random.some(switches, 0.5),
      ...(random.chance(0.3) && { through: `lbg${number}` }),
      vips: { [text(address, port)]: backend },
      protocol,
    });
    vips.push({ address, port, protocol });
  }
  return vips;
}

function rules(random: Random, rows: Rows, { switches, hosts }: Shape): void {
  const count = random.one([0, 3, 10, 30]);
  // Without equal priorities OVN's choice is known.
  const priorities = Array.from({ length: count }, (_, at) => [random.next(), 10 * at + 1] as const).sort(
    (x, y) => x[0] - y[0],
  );
  const actions = random.chance(0.35)
    ? ['allow', 'drop', 'pass', 'allow-stateless']
    : ['allow-related', 'allow', 'drop', 'drop', 'reject', 'pass', 'allow-stateless'];
  const tiers = random.one([[0], [2], [0, 1, 2, 3]]);
  for (const [, priority] of priorities) {
    const onGroup = random.chance(0.6);
    const holder = onGroup ? random.one(['g1', 'g2', 'g3']) : random.one(switches);
    const direction = random.one(['from-lport', 'to-lport'] as const);
    const afterLb = direction === 'from-lport' && random.chance(0.6);
    const at = `${direction === 'to-lport' ? 'outport' : 'inport'} == @${onGroup ? holder : random.one(['g1', 'g4'])}`;
    const about = match(random, hosts, 2);
    const acl: AclText = {
      direction,
      action: random.one(actions),
      priority,
      tier: random.one(tiers),
      afterLb,
      match: random.chance(onGroup ? 0.7 : 0.2) ? `${at} && ${about}` : about,
    };
    if (onGroup) rows.aclOnGroup(holder, acl);
    else rows.aclOnSwitch(holder, acl);
  }
}

/** A match at random, in parentheses where it has several parts; some that OVN refuses are among them. */
function match(random: Random, hosts: readonly Host[], depth: number): string {
  if (depth === 0 || random.chance(0.4)) return comparison(random, hosts);
  if (random.chance(0.1)) return `!(${match(random, hosts, depth - 1)})`;
  const sign = random.one([' && ', ' || ']);
  const parts = Array.from({ length: 2 + random.below(2) }, () => match(random, hosts, depth - 1));
  return `(${parts.join(sign)})`;
}

function comparison(random: Random, hosts: readonly Host[]): string {
  const { name, ip4, ip6, mac } = random.one(hosts);
  const port = random.one(ports);
  const side = random.one(['src', 'dst']);
  const protocol = random.one(['tcp', 'udp', 'sctp']);
  const all = [
    ['ip', 'ip4', 'ip6', 'tcp', 'udp', 'sctp', 'icmp', 'icmp4', 'icmp6', 'arp', '1', '0'],
    [`ip4.${side} == ${ip4}`, `ip6.${side} == ${ip6}`, `ip4.${side} != ${ip4}`, `ip6.${side} != ${ip6}`],
    [`ip4.${side} == 10.0.${1 + random.below(3)}.0/24`, `ip6.${side} == fd00:${1 + random.below(3)}::/64`],
    [`ip4.${side} == $four`, `ip4.${side} != $other4`, `ip6.${side} == $six`, `ip4.${side} == $none`],
    [`ip4.${side} != $none`, `ip4.${side} == $g1_ip4`, `ip6.${side} == $g2_ip6`, `ip4.${side} == {${ip4}, $four}`],
    [`${protocol}.dst == ${port}`, `${protocol}.dst != ${port}`, `50 <= ${protocol}.dst <= 80`],
    [`${protocol}.${side} == {${port}, 40000}`, `${protocol}.dst[0..3] == 5`, `${protocol}.dst < 100`],
    [`inport == "${name}"`, `outport == "${name}"`, 'inport == @g2', 'outport == @g3', 'inport == "s1-r"'],
    [`eth.src == ${mac}`, `eth.${side}[0..7] == 1`, 'ip.ttl == 64', 'ip.ttl == 63', 'ip.proto == 6'],
    ['icmp4.type == 8', 'icmp6.type == 128', 'icmp4.type == 0', 'ct.new', 'ct.est', '!ct.trk', 'eth.mcast'],
    // Refused, or refused where the group has no port, or not of the family.
    ['inport == @g4', 'ip4.src == $gone', '!tcp', 'ip.ttl > 3', 'ip4.src == $six', `inport != "${name}"`],
  ];
  return random.one(all.flat());
}

export interface Tuple {
  readonly from: Host;
  readonly to: string;
  readonly six: boolean;
  readonly protocol: 'tcp' | 'udp' | 'sctp' | 'icmp';
  readonly port: number;
}

export function tuple(random: Random, { hosts, vips }: World): Tuple {
  const from = random.one(hosts);
  const port = random.one(ports);
  const protocol = random.one(['tcp', 'udp', 'sctp', 'icmp'] as const);
  if (random.chance(0.25)) {
    const vip = random.one(vips);
    const aimed = random.chance(0.8);
    return {
      from,
      to: vip.address,
      six: vip.address.includes(':'),
      protocol: aimed ? (vip.protocol as Tuple['protocol']) : protocol,
      port: aimed && vip.port > 0 ? vip.port : port,
    };
  }
  const six = random.chance(0.4);
  if (random.chance(0.05)) return { from, to: outside[six ? 1 : 0] as string, six, protocol, port };
  const to = random.one(hosts.filter((host) => host !== from));
  return { from, to: six ? to.ip6 : to.ip4, six, protocol, port };
}
