// A packet in the pipelines of logical switches: what each tracks and asks, as ovn-northd 25.03 makes it of their rows
// (`ls_in_pre_acl` to `ls_in_stateful`, `ls_out_pre_acl` to `ls_out_stateful`), and who enters its connection.
import { compareIp, type Ip } from '../../lib/net/index.ts';
import type { End, Step } from './course.ts';
import { isDiscovery, isMulticast, trackingBit } from './field.ts';
import { judgement, type Effect, type Judgement, type Tracking } from './judge.ts';
import type { Vip } from './load-balancer.ts';
import type { Network, Switch } from './network.ts';
import { changed, packetOf, readdressed, type Header, type Packet, type Slot } from './packet.ts';
import type { Readable, Stage } from './rule.ts';
import type { Port } from './topology.ts';

type Side = 'ingress' | 'egress';

/** Ports that have entered a connection, each in a zone of its own: as it came from the port, and as it went to it. */
export class Zones {
  readonly ingress = new Set<Port>();
  readonly egress = new Set<Port>();
}

export interface Journey {
  readonly header: Header;
  readonly from: Port;
  readonly zones: Zones;
  /** What answers: it finds the connections that its request has entered. */
  readonly reply?: {
    /** The client's own address, when it has reached itself by a virtual one. */
    readonly looped?: Ip;
  };
  /** Which backend is taken. */
  readonly backend: number;
}

export class Traveller {
  readonly steps: Step[] = [];
  /** The client's address, once load balancing has brought the packet back to the port from where it came. */
  looped: Ip | undefined;
  header: Header;
  packet: Packet;
  readonly #network: Network;
  readonly #journey: Journey;
  #tracking: Tracking = 'untracked';

  constructor(network: Network, journey: Journey) {
    this.#network = network;
    this.#journey = journey;
    this.header = journey.header;
    this.packet = packetOf(journey.header, journey.from.name, { source: journey.from.mac, destination: 0n });
  }

  /** From a port into its switch: why it ends there, if it does. */
  ingress(port: Port): End | undefined {
    const here = this.#network.switch(port.switch);
    this.packet = { ...this.packet, inport: port.name, outport: '' };
    this.#track('untracked');
    if (this.#isTracked(here, port, 'ingress')) this.#track(this.#known('ingress', port));
    const before = this.#ask(here, 'from-lport', port);
    if (before.effect !== 'allow') return ended(before.effect);
    const unbalanced = this.#balance(here, port);
    if (unbalanced !== undefined) return unbalanced;
    if (this.#loops(port)) return undefined;
    const after = this.#ask(here, 'from-lport-after-lb', port);
    if (after.effect !== 'allow') return ended(after.effect);
    if (before.commits || after.commits) this.#journey.zones.ingress.add(port);
    return undefined;
  }

  /** Out of the switch by a port. */
  egress(port: Port): End {
    const here = this.#network.switch(port.switch);
    this.packet = { ...this.packet, outport: port.name };
    // Elsewhere what was found at the port of arrival still stands.
    if (this.#isTracked(here, port, 'egress')) this.#track(this.#known('egress', port));
    else if (port.kind === 'router' && !here.rules.related) this.#track('untracked');
    if (!port.enabled) return { kind: 'disabled', port };
    const { effect, commits } = this.#ask(here, 'to-lport', port);
    if (effect !== 'allow') return ended(effect);
    if (commits) this.#journey.zones.egress.add(port);
    return { kind: 'delivered', port };
  }

  /** Through a router to another port. */
  hop(source: Port, destination: Port): void {
    this.change({
      'eth.src': source.mac,
      'eth.dst': destination.mac,
      'ip.ttl': this.packet.slots['ip.ttl'] - 1n,
    });
  }

  change(slots: Partial<Record<Slot, bigint>>): void {
    this.packet = changed(this.packet, slots);
  }

  #ask(here: Switch, stage: Stage, port: Port): Judgement {
    const stateful = here.rules.related || here.vips.any;
    const { defaultDrop } = this.#network;
    const found = judgement(here.rules.stages[stage], this.packet, {
      tracking: this.#tracking,
      stateful,
      unmatched: defaultDrop && here.rules.any ? 'drop' : 'allow',
    });
    this.steps.push({
      kind: 'rules',
      stage,
      switch: here.name,
      port: port.name,
      tracking: this.#tracking,
      judgement: found,
    });
    return found;
  }

  /** Only what tracking calls the first packet of a connection is balanced. */
  #balance(here: Switch, port: Port): End | undefined {
    const vip = this.#tracking === 'new' ? this.#vip(here, port) : undefined;
    if (vip === undefined) return undefined;
    const backend = vip.backends[this.#journey.backend];
    if (backend === undefined) {
      this.steps.push({ kind: 'load-balancing', switch: here.name, vip });
      return { kind: vip.rejects ? 'rejected' : 'no-backend' };
    }
    this.#journey.zones.ingress.add(port);
    const source = compareIp(this.header.source, backend.address) === 0 ? hairpinOf(vip) : undefined;
    this.steps.push({ kind: 'load-balancing', switch: here.name, vip, backend, ...(source && { hairpin: source }) });
    if (source !== undefined) this.looped = this.header.source;
    this.#readdress({
      ...this.header,
      destination: backend.address,
      port: backend.port === 0 ? this.header.port : backend.port,
      ...(source && { source }),
    });
    return undefined;
  }

  #vip({ vips, vipsOn }: Switch, { chassis }: Port): Vip | undefined {
    const { destination, protocol, port } = this.header;
    return vips.find(destination, protocol, port) ?? vipsOn(chassis).find(destination, protocol, port);
  }

  /** Whether it goes back to the port from where it came (`ls_in_hairpin`), without asking what comes behind. */
  #loops(port: Port): boolean {
    const client = this.#journey.reply?.looped;
    if (client !== undefined && this.#tracking !== 'untracked') {
      this.looped = client;
      this.#readdress({ ...this.header, destination: client });
    }
    if (this.looped === undefined) return false;
    this.change({ 'eth.src': this.packet.slots['eth.dst'], 'eth.dst': port.mac });
    return true;
  }

  #readdress(header: Header): void {
    this.header = header;
    this.packet = readdressed(this.packet, header);
  }

  #track(tracking: Tracking): void {
    this.#tracking = tracking;
    this.change({ ct_state: trackingBits[tracking] });
  }

  /** Ports of routers and of physical networks have no zone of their own where rules are concerned. */
  #isTracked({ rules, vips }: Switch, port: Port, side: Side): boolean {
    if (isMulticast(this.packet) || isDiscovery(this.packet)) return false;
    const { packet } = this;
    if ((rules.related || vips.any) && rules.stateless[side].some(({ test }: Readable) => test(packet))) return false;
    if (vips.any && port.kind !== 'router') return true;
    return rules.related && port.kind === 'plain' && !this.#isDhcp6();
  }

  #isDhcp6(): boolean {
    const { protocol, sourcePort, port } = this.header;
    return protocol === 'udp' && sourcePort === 546 && port === 547;
  }

  #known(side: Side, port: Port): Tracking {
    const { reply, zones } = this.#journey;
    if (reply === undefined) return 'new';
    // What came from a port is answered to it.
    if (zones[side === 'ingress' ? 'egress' : 'ingress'].has(port)) return 'reply';
    // Linux: a SYN+ACK, an INIT ACK or an echo reply begins no connection, a datagram does.
    return this.header.protocol === 'udp' ? 'new' : 'invalid';
  }
}

const trackingBits: Readonly<Record<Tracking, bigint>> = {
  untracked: 0n,
  new: bitsOf('trk', 'new'),
  reply: bitsOf('trk', 'est', 'rpl'),
  invalid: bitsOf('trk', 'inv'),
};

function bitsOf(...names: readonly (keyof typeof trackingBit)[]): bigint {
  return names.map((name) => 1n << BigInt(trackingBit[name])).reduce((a, b) => a | b, 0n);
}

const ended = (effect: Effect): End => ({ kind: effect === 'reject' ? 'rejected' : 'dropped' });

function hairpinOf({ hairpin, address }: Vip): Ip {
  return hairpin.find(({ family }) => family === address.family) ?? address;
}
