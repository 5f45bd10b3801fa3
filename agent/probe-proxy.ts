// The kubelet's probes of pods in VPCs of their own, whose addresses no node reaches: the node's rules lead them to the
// program `probe-proxy` (probe-proxy.c says how), which connects within the pod. Here is which ports those are, and which of
// them are open.
import { ChildWatch } from './child-watch.ts';
import type { Surveyed } from './child-watch.ts';
import { PROBE_PORT } from './drivers/iptables-rules.ts';
import { mapOf } from './drivers/ovs-replica.ts';
import type { OvsReplica } from './drivers/ovs-replica.ts';
import type { PortSpec } from './items.ts';
import type { Settings } from './settings.ts';
import { host } from './state.ts';
import type { PlanTables } from './tables.ts';

/** A port of a pod that the kubelet probes. */
export interface ProbedPort {
  /** Key of the plan item. */
  readonly key: string;
  readonly address: string;
  readonly port: number;
  /** A connection alone is the probe. */
  readonly bare: boolean;
  /** Path of the pod's network namespace. */
  readonly netns: string;
}

/** One that the rules are made for; a closed one refuses, since whoever is led to the program has a connection at once. */
export type CapturedPort = Pick<ProbedPort, 'key' | 'address' | 'port'> & { readonly open: boolean };

type KeyedPort = { readonly key: string; readonly item: PortSpec };

/** Ports of pods that have their interface. Where two pods have one address, which VPCs allow, the first has the probes. */
function probedPorts(ports: Iterable<KeyedPort>, replica: OvsReplica): ProbedPort[] {
  const found = new Map<string, ProbedPort>();
  for (const { key, item } of ports)
    for (const probed of probedOf(item, replica)) {
      const name = nameOf(probed);
      if (!found.has(name)) found.set(name, { key, ...probed });
    }
  return [...found.values()];
}

function probedOf({ ifaceId, addresses, probes }: PortSpec, replica: OvsReplica): Omit<ProbedPort, 'key'>[] {
  // Plans kept by an agent before this one have none.
  if (((probes as PortSpec['probes'] | undefined) ?? []).length === 0) return [];
  const netns = mapOf(replica.ofIfaceId(ifaceId)[0]?.row, 'external_ids').get('pod_netns') ?? '';
  if (netns === '') return [];
  return addresses.map(host).flatMap((address) => probes.map((probe) => ({ address, netns, ...probe })));
}

const nameOf = ({ address, port }: Pick<ProbedPort, 'address' | 'port'>): string => `${address} ${port}`;

export interface ProbeProxyOptions extends Surveyed {
  readonly settings: Pick<Settings, 'probeProxy'>;
  readonly tables: Pick<PlanTables, 'ports'>;
  readonly replica: OvsReplica;
  /** `captured` answers something else now. */
  readonly changed: () => void;
}

export class ProbeProxy {
  readonly #options: ProbeProxyOptions;
  readonly #watch: ChildWatch;
  readonly #open = new Set<string>();
  #wanted: readonly ProbedPort[] = [];
  #table = '';
  #captured: readonly CapturedPort[] = [];

  constructor(options: ProbeProxyOptions) {
    this.#options = options;
    this.#watch = new ChildWatch({
      ...options,
      argv: [options.settings.probeProxy, String(PROBE_PORT)],
      line: (line) => this.#heard(line),
      missed: () => this.#restarted(),
    });
    // Namespaces are known by the interfaces of pods.
    options.replica.onChange((changes) => {
      if (changes.some(({ table }) => table === 'Interface')) this.look();
    });
  }

  /** The same list until `changed`. */
  get captured(): readonly CapturedPort[] {
    return this.#captured;
  }

  start(): void {
    this.#watch.start();
    // What was looked at before has been told to nobody.
    this.#table = '';
    this.look();
  }

  stop(): void {
    this.#watch.stop();
  }

  /** The ports may have changed; passes over all of the node. */
  look(): void {
    const { tables, replica } = this.#options;
    const ports = probedPorts(tables.ports(), replica);
    const lines = ports.map(({ bare, netns, ...port }) => `${nameOf(port)} ${bare ? 'bare' : 'talk'} ${netns}\n`);
    const table = `${lines.join('')}.\n`;
    this.#wanted = ports;
    if (table === this.#table) return;
    this.#table = table;
    const names = new Set(ports.map(nameOf));
    for (const name of this.#open) if (!names.has(name)) this.#open.delete(name);
    this.#watch.say(table);
    this.#judge();
  }

  #heard(line: string): void {
    const [, state, name = ''] = /^(open|closed) (\S+ \d+)$/.exec(line) ?? [];
    if (state === 'open') this.#open.add(name);
    else this.#open.delete(name);
    this.#judge();
  }

  /** What has opened or closed meanwhile is told again. */
  #restarted(): void {
    this.#open.clear();
    this.#watch.say(this.#table);
    this.#judge();
  }

  #judge(): void {
    const captured = this.#wanted.map(({ key, address, port, bare }) => ({
      key,
      address,
      port,
      open: !bare || this.#open.has(nameOf({ address, port })),
    }));
    if (JSON.stringify(captured) === JSON.stringify(this.#captured)) return;
    this.#captured = captured;
    this.#options.changed();
  }
}
