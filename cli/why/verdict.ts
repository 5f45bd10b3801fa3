// May a connection pass, and what decides: the first packet and its answer, for each backend that it may reach. Knows
// rows of OVN alone, never the objects that wanted them.
import { parseIp, type Family, type Ip } from '../../lib/net/index.ts';
import { arrives, type Course } from './course.ts';
import type { Backend } from './load-balancer.ts';
import { Network } from './network.ts';
import { echo, type Header, type Protocol } from './packet.ts';
import type { Nb } from './rows.ts';
import type { Rule, Unreadable } from './rule.ts';
import type { Port } from './topology.ts';
import { Zones, type Journey } from './traveller.ts';
import { walk, walkIn, type Arrival } from './walk.ts';

export interface Connection {
  /** Name of a logical switch port, or an address. */
  readonly from: string;
  /** An address: a port's, a virtual one, or one outside. */
  readonly to: string;
  /** The client's address, if it is not the first of its port in the family of `to`. */
  readonly source?: string;
  readonly protocol: Protocol;
  /** Left out for ICMP. */
  readonly port?: number | undefined;
  /** 40000 by default. */
  readonly sourcePort?: number | undefined;
}

/** One backend, or the only way. */
export interface Way {
  readonly backend?: Backend;
  readonly passes: boolean;
  readonly request: Course;
  /** undefined when nothing comes that could be answered, or when OVN itself answers. */
  readonly reply?: Course;
}

export interface Verdict {
  /** Whether every way passes, there and back. */
  readonly passes: boolean;
  readonly ways: readonly Way[];
  /** Rules that OVN leaves out, of all switches on the way: what they forbid is allowed. */
  readonly unreadable: readonly Unreadable[];
  /** Rules of equal rank and different effect of which OVN does not say who wins. */
  readonly ambiguous: readonly Rule[];
}

/** What is asked for does not exist, or makes no sense. */
export class ConnectionError extends Error {
  override readonly name = 'ConnectionError';
}

/** Judges connections from the rows of one moment, which it reads when it is made and on demand: they must not change. */
export class Evaluation {
  readonly network: Network;

  constructor(nb: Nb) {
    this.network = new Network(nb);
  }

  /** Throws ConnectionError. */
  verdict(connection: Connection): Verdict {
    const start = this.#start(connection);
    const ways: Way[] = [];
    let backends = 1;
    for (let backend = 0; backend < backends; backend++) {
      const way = this.#way(start, backend);
      ways.push(way);
      backends = Math.max(
        1,
        ...way.request.steps.map((step) => (step.kind === 'load-balancing' ? step.vip.backends.length : 1)),
      );
    }
    const courses = ways.flatMap(({ request, reply }) => (reply === undefined ? [request] : [request, reply]));
    return {
      passes: ways.every(({ passes }) => passes),
      ways,
      unreadable: this.#unreadable(courses),
      ambiguous: ambiguousOf(courses),
    };
  }

  #way({ header, from, to }: Start, backend: number): Way {
    const zones = new Zones();
    const journey: Journey = { header, from, zones, backend };
    const request = to === undefined ? walk(this.network, journey) : walkIn(this.network, journey, to);
    const reply = this.#reply(request, { ...journey, from });
    const balanced = request.steps.find((step) => step.kind === 'load-balancing');
    return {
      ...(balanced?.backend && { backend: balanced.backend }),
      passes: arrives(request) && (reply === undefined || arrives(reply)),
      request,
      ...(reply && { reply }),
    };
  }

  #reply({ end, header, looped }: Arrival, { from, zones, backend }: Journey): Arrival | undefined {
    if (end.kind !== 'delivered' && end.kind !== 'left') return undefined;
    const journey: Journey = {
      header: answerOf(header),
      from: end.port,
      zones,
      backend,
      reply: { ...(looped && { looped }) },
    };
    return end.kind === 'left' ? walkIn(this.network, journey, from) : walk(this.network, journey);
  }

  #start(connection: Connection): Start {
    const destination = parseIp(connection.to);
    if (destination === undefined) throw new ConnectionError(`${connection.to} is not an address`);
    const port = this.network.topology.ports.get(connection.from);
    const header = headerOf(connection, sourceOf(connection, port, destination.family), destination);
    return port === undefined ? this.#outside(header) : { header, from: port };
  }

  /** An address may be a port's, too. */
  #outside(header: Header): Start {
    const { topology } = this.network;
    const [from, another] = topology.holders(header.source);
    if (another !== undefined)
      throw new ConnectionError('several logical switch ports have the source address: name one of them');
    if (from !== undefined) return { header, from };
    const [to, second] = topology.holders(header.destination);
    if (to === undefined) throw new ConnectionError('neither address belongs to a logical switch port');
    if (second !== undefined) throw new ConnectionError('several logical switch ports have the destination address');
    const gateway = topology.gateway(to.switch, header.destination);
    if (gateway === undefined) throw new ConnectionError(`nothing from outside reaches the switch of ${to.name}`);
    return { header, from: gateway, to };
  }

  #unreadable(courses: readonly Course[]): Unreadable[] {
    const names = new Set(courses.flatMap(({ steps }) => steps.map((step) => step.switch)));
    const { topology } = this.network;
    const switches = [...topology.switchName].filter(([, name]) => names.has(name)).map(([id]) => id);
    const all = switches.flatMap((id) => this.network.switch(id).rules.unreadable);
    return [...new Map(all.map((item) => [item.rule.uuid, item])).values()];
  }
}

/** With `to` it comes from outside, by the port `from`. */
interface Start {
  readonly header: Header;
  readonly from: Port;
  readonly to?: Port;
}

function sourceOf({ from, source }: Connection, port: Port | undefined, family: Family): Ip {
  const own = port?.addresses.find((ip) => ip.family === family);
  const told = source ?? (port === undefined ? from : undefined);
  const found = told === undefined ? own : parseIp(told);
  if (found?.family === family) return found;
  if (port === undefined && found === undefined) throw new ConnectionError(`no logical switch port is named ${from}`);
  throw new ConnectionError(`${from} has no address of IPv${family}`);
}

function headerOf({ protocol, port, sourcePort = 40000 }: Connection, source: Ip, destination: Ip): Header {
  if (protocol === 'icmp')
    return { source, destination, protocol, sourcePort: 0, port: 0, type: echo.request[source.family] };
  if (port === undefined) throw new ConnectionError(`${protocol} needs a port`);
  return { source, destination, protocol, sourcePort, port, type: 0 };
}

function answerOf({ source, destination, protocol, sourcePort, port }: Header): Header {
  const family: Family = source.family;
  return {
    source: destination,
    destination: source,
    protocol,
    sourcePort: port,
    port: sourcePort,
    type: protocol === 'icmp' ? echo.reply[family] : 0,
  };
}

function ambiguousOf(courses: readonly Course[]): Rule[] {
  const rules = courses.flatMap(({ steps }) =>
    steps.flatMap((step) => (step.kind === 'rules' && step.judgement.rivals.length > 0 ? step.judgement.rivals : [])),
  );
  return [...new Map(rules.map((rule) => [rule.uuid, rule])).values()];
}

/** One verdict; for several from the same rows keep the evaluation. */
export const verdict = (nb: Nb, connection: Connection): Verdict => new Evaluation(nb).verdict(connection);
