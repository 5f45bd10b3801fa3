// The evaluation and ovn-trace on one connection.
import type { Course } from '../../../cli/why/course.ts';
import { placeOf, type Vip } from '../../../cli/why/load-balancer.ts';
import { nbOf } from '../../../cli/why/rows.ts';
import { Evaluation, type Way } from '../../../cli/why/verdict.ts';
import type { Tuple, World } from './generate.ts';
import type { Observed } from './observed.ts';
import { Untraceable, type Flow, type Oracle, type Seen } from './oracle.ts';

/** What the evaluation says, in the terms of `Observed`. */
function summary({ steps, end }: Course): { outputs: string[]; rejected: boolean } {
  const outputs = steps.flatMap((step) =>
    step.kind === 'rules' && step.stage === 'to-lport' && step.judgement.effect === 'allow' ? [step.port] : [],
  );
  return { outputs, rejected: end.kind === 'rejected' };
}

/** The virtual address by which the client reaches itself. */
function hairpinOf({ request }: Way): Vip | undefined {
  const step = request.steps.find((one) => one.kind === 'load-balancing');
  return step?.hairpin && step.vip;
}

function agree({ outputs, rejected, text }: Seen, course: Course): void {
  same(JSON.stringify({ outputs, rejected }), JSON.stringify(summary(course)), text);
}

/** Throws an Error with what ovn-trace has printed. */
function same(seen: unknown, said: unknown, text: string): void {
  if (seen !== said) throw new Error(`ovn-trace: ${String(seen)}, the evaluation: ${String(said)}\n${text}`);
}

export class Comparison {
  readonly #oracle: Oracle;
  readonly #world: World;
  readonly #evaluation: Evaluation;

  constructor(oracle: Oracle, world: World) {
    this.#oracle = oracle;
    this.#world = world;
    this.#evaluation = new Evaluation(nbOf(world.rows.facts));
  }

  /** What was compared, for the count. */
  async connection(asked: Tuple): Promise<string> {
    const { from, to, protocol, port } = asked;
    const { ways } = this.#evaluation.verdict({ from: from.name, to, protocol, port });
    const [way] = ways;
    if (way === undefined) throw new Error('no way');
    const request = await this.#oracle.follow(this.#request(asked), this.#world, () => 'new');
    const vip = hairpinOf(way);
    // ovn-trace leaves the source of a packet that comes back to its sender as it was, and knows none without a port.
    if (vip?.port !== 0) same(request.hairpin, vip !== undefined, request.text);
    if (vip !== undefined) return 'hairpin';
    agree(request, way.request);
    const answer = this.#answer(asked, request);
    same(answer === undefined, way.reply === undefined, request.text);
    if (answer === undefined || way.reply === undefined) return 'request alone';
    try {
      const reply = await this.#oracle.follow(answer, this.#world, ({ side, port: at }) => {
        const known = request.entered.has(`${side === 'ingress' ? 'egress' : 'ingress'} ${at}`);
        // What Linux makes of an answer to nothing.
        return known ? 'est,rpl' : protocol === 'udp' ? 'new' : 'inv';
      });
      agree({ ...reply, text: `${request.text}\nThe answer:\n${reply.text}` }, way.reply);
      return 'both';
    } catch (error) {
      if (error instanceof Untraceable) return 'request alone';
      throw error;
    }
  }

  #request({ from, to, six, protocol, port }: Tuple): Flow {
    return {
      switch: from.switch,
      inport: from.name,
      source: from.mac,
      destination: this.#nextHop(from.switch, to),
      src: six ? from.ip6 : from.ip4,
      dst: to,
      protocol,
      ports: [40000, port],
      reply: false,
    };
  }

  #nextHop(on: string, to: string): string {
    const { hosts, routerMac } = this.#world;
    const neighbour = hosts.find(({ ip4, ip6, switch: at }) => at === on && (ip4 === to || ip6 === to));
    return neighbour?.mac ?? routerMac.get(on) ?? '';
  }

  /** The answer to what was seen to arrive at a host, or to leave by the router of its own switch. */
  #answer({ from, to, six, protocol, port }: Tuple, { outputs, backend }: Observed): Flow | undefined {
    const last = outputs.at(-1) ?? '';
    const ports = [portOf(backend) || port, 40000] as const;
    const common = { dst: six ? from.ip6 : from.ip4, protocol, ports, reply: true };
    const host = this.#world.hosts.find(({ name }) => name === last);
    if (host !== undefined) {
      const destination = this.#nextHop(host.switch, common.dst);
      const src = six ? host.ip6 : host.ip4;
      return { ...common, switch: host.switch, inport: last, source: host.mac, destination, src };
    }
    if (last !== `${from.switch}-r` || backend !== undefined || this.#isHost(to)) return undefined;
    const source = this.#world.routerMac.get(from.switch) ?? '';
    return { ...common, switch: from.switch, inport: last, source, destination: from.mac, src: to };
  }

  #isHost(address: string): boolean {
    return this.#world.hosts.some(({ ip4, ip6 }) => ip4 === address || ip6 === address);
  }
}

/** 0 for a backend that keeps the port. */
const portOf = (backend: string | undefined): number => placeOf(backend ?? '')?.port ?? 0;
