// ovn-trace asked for the whole way of a packet between switches, with a connection tracking that remembers.
import { placeOf } from '../../../cli/why/load-balancer.ts';
import { formatIp } from '../../../lib/net/index.ts';
import type { OvnCentral } from '../../ovn-central.ts';
import { OvnTrace, traceOnce } from '../../ovn-trace.ts';
import type { Tuple, World } from './generate.ts';
import { observed, type Observed, type Place } from './observed.ts';

export interface Flow {
  readonly switch: string;
  readonly inport: string;
  readonly source: string;
  readonly destination: string;
  readonly src: string;
  readonly dst: string;
  readonly protocol: Tuple['protocol'];
  readonly ports: readonly [number, number];
  readonly reply: boolean;
  readonly ttl?: number;
}

function microflow({ inport, source, destination, src, dst, protocol, ports, reply, ttl = 64 }: Flow): string {
  const ip = src.includes(':') ? 'ip6' : 'ip4';
  const types = ip === 'ip4' ? [8, 0] : [128, 129];
  const transport =
    protocol === 'icmp'
      ? [`icmp${ip.slice(2)}.type == ${types[reply ? 1 : 0]}`, `icmp${ip.slice(2)}.code == 0`]
      : [`${protocol}.src == ${ports[0]}`, `${protocol}.dst == ${ports[1]}`];
  const ethernet = [`inport == "${inport}"`, `eth.src == ${source}`, `eth.dst == ${destination}`];
  return [...ethernet, `${ip}.src == ${src}`, `${ip}.dst == ${dst}`, `ip.ttl == ${ttl}`, ...transport].join(' && ');
}

export type State = 'new' | 'est,rpl' | 'inv';

/** What ovn-trace cannot tell: a packet that is known at one port of a switch, and the first of its connection at another. */
export class Untraceable extends Error {}

/** ovn-trace for the rows of one world. */
export class Oracle {
  readonly #ovn: OvnCentral;
  readonly #traces: ReadonlyMap<State, OvnTrace>;

  private constructor(ovn: OvnCentral, traces: ReadonlyMap<State, OvnTrace>) {
    this.#ovn = ovn;
    this.#traces = traces;
  }

  static async start(ovn: OvnCentral): Promise<Oracle> {
    const states = ['new', 'est,rpl', 'inv'] as const;
    const traces = states.map(async (state) => [state, await OvnTrace.start(ovn, state)] as const);
    return new Oracle(ovn, new Map(await Promise.all(traces)));
  }

  /**
   * Through the first switch, and the second behind a router, which are asked for one by one: ovn-trace 25.03 keeps what
   * it knows of a connection on the way through a router, whose patch ports clear it (ovn-controller's physical.c).
   */
  async follow(flow: Flow, { switches, routerMac }: Pick<World, 'switches' | 'routerMac'>, state: Know): Promise<Seen> {
    const names = new Set(switches);
    const first = await this.#through(flow, names, state);
    if (first.onwards === undefined) return first;
    const { switch: on, inport, mac } = first.onwards;
    const { address = flow.dst, port = flow.ports[1] } = placeOf(first.backend ?? '') ?? {};
    const second = await this.#through(
      {
        ...flow,
        switch: on,
        inport,
        source: routerMac.get(on) ?? '',
        destination: mac,
        dst: typeof address === 'string' ? address : formatIp(address),
        ports: [flow.ports[0], port === 0 ? flow.ports[1] : port],
        ttl: 63,
      },
      names,
      state,
    );
    return {
      ...first,
      outputs: [...first.outputs, ...second.outputs],
      rejected: second.rejected,
      entered: new Set([...first.entered, ...second.entered]),
      text: `${first.text}\nThe second switch:\n${second.text}`,
    };
  }

  /** Asks until what connection tracking is to answer at each place is what it is asked with. */
  async #through(flow: Flow, switches: ReadonlySet<string>, state: Know): Promise<Seen> {
    const packet = microflow(flow);
    let states: readonly State[] = ['new'];
    for (;;) {
      const text = await this.#trace(states, flow.switch, packet);
      const seen = observed(text, switches);
      const wanted = seen.lookups.map(state);
      // ovn-trace 25.03 adds the flags of a later lookup to those of an earlier one, where a datapath replaces them.
      if (wanted.includes('new') && wanted.includes('est,rpl')) throw new Untraceable();
      if (wanted.every((one, at) => one === (states[at] ?? states.at(-1)))) return { ...seen, text };
      states = wanted;
    }
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#traces.values()].map((trace) => trace.stop()));
  }

  async #trace(states: readonly State[], datapath: string, packet: string): Promise<string> {
    const [first = 'new'] = states;
    const trace = states.every((state) => state === first) ? this.#traces.get(first) : undefined;
    // One that has ended, as ovn-trace 25.03 does now and then, has no answer.
    const text = await trace?.trace(datapath, packet);
    if (text !== undefined) return text;
    const all = Array.from({ length: 9 }, (_, at) => states[at] ?? first);
    return await traceOnce(this.#ovn, all, datapath, packet).catch((error: unknown) => {
      throw (error as { signal?: string }).signal === 'SIGSEGV' ? new Untraceable() : error;
    });
  }
}

export type Know = (place: Place) => State;

export type Seen = Observed & { readonly text: string };
