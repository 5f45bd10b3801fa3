// One OVN, one node with Open vSwitch's userspace datapath, and four lanes of two pods on it: two on the product's rows, and
// each of two on a logical switch by hand that has two ports and nothing else. Open vSwitch asks its devices one after the
// other, and a lane has a quarter more or less by its place among them: each side has the same places.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { compiled } from '../../config/images/compile.ts';
import { networkPolicyRow } from '../../operator/api/policy-row.ts';
import { endpointSliceRow, serviceRow } from '../../operator/api/service-row.ts';
import type { World } from '../../operator/world.ts';
import { newNetns } from '../../test/agent/node.ts';
import { cacheRoot } from '../../test/cluster/cache.ts';
import { run } from '../../test/cluster/exec.ts';
import { startOvn } from '../../test/ovn-central.ts';
import type { OvnCentral } from '../../test/ovn-central.ts';
import { defaults } from '../../test/worlds/process.ts';
import type { Product } from '../nb/product.ts';
import { feed, startProduct } from '../nb/rounds.ts';
import { podEvents } from '../nb/scene.ts';
import { installed } from '../nb/southbound.ts';
import { end, hypervisor } from '../policy/hypervisor.ts';
import type { Hypervisor } from '../policy/hypervisor.ts';
import { CORES, PORT, passesIn, plain, plug, serve } from './lane.ts';
import type { Lane, Lanes, Pod, Seat } from './lane.ts';

const SHAPE = { subnets: 1, nodes: 1 };
const NODE = 'node-0';
/** Of the one subnet of this shape. */
const [LENGTH, GATEWAY] = ['/10', '10.0.0.1'];
/** Of the Service that the pods of the product call. */
export const VIP = '10.96.0.80';

/** What differs between the cases. */
export interface Setting {
  /** That select both pods, and let in and out what they send each other. */
  readonly policies: number;
  /** The cluster's setting `enable-lb`: the Service is in the load balancers, for which all that passes the switch is tracked. */
  readonly balanced: boolean;
}

interface Port extends Seat {
  readonly name: string;
}

const events = podEvents(0, 4, SHAPE);

const productPorts = events.map(({ ip }): Port => {
  const { metadata, spec } = ip as { metadata: { name: string }; spec: { macAddress: string; ipAddress: string } };
  return { name: metadata.name, mac: spec.macAddress, address: `${spec.ipAddress}${LENGTH}`, gateway: GATEWAY };
});

const barePorts = [1, 2, 3, 4].map((at): Port => ({
  name: `bare-${at}`,
  mac: `02:02:00:00:00:0${at}`,
  address: `192.0.2.${at}/24`,
}));

/** Policy number `at`, which differs from the others in a port. */
function policy(at: number): { metadata: object; spec: object } {
  const peers = [{ podSelector: { matchLabels: { team: 'team-0' } } }];
  const ports = [PORT, 10_000 + at].map((port) => ({ port, protocol: 'TCP' }));
  return {
    metadata: { name: `policy-${at}`, namespace: 'bench', uid: `policy-${at}`, generation: 1 },
    spec: {
      podSelector: { matchLabels: { app: 'web' } },
      policyTypes: ['Ingress', 'Egress'],
      ingress: [{ from: peers, ports }],
      egress: [{ to: peers, ports }],
    },
  };
}

/** The Service of the pods that serve. */
function enterService({ service, endpointSlice }: World): void {
  const [name, namespace] = ['web', 'bench'];
  const metadata = { name, namespace, uid: 'service', creationTimestamp: '2026-01-01T00:00:00Z' };
  const spec = {
    clusterIP: VIP,
    clusterIPs: [VIP],
    selector: { app: 'web' },
    ports: [{ port: PORT, protocol: 'TCP' }],
  };
  const row = serviceRow({ metadata, spec });
  const slice = endpointSliceRow({
    metadata: { ...metadata, labels: { 'kubernetes.io/service-name': name } },
    addressType: 'IPv4',
    ports: [{ port: PORT, protocol: 'TCP' }],
    endpoints: productPorts
      .filter((_, at) => at % 2 === 1)
      .map(({ address }) => ({ addresses: [plain(address)], nodeName: NODE, conditions: { ready: true } })),
  });
  if (!row || !slice) throw new Error('the Service cannot be read');
  service.set(`${namespace}/${name}`, row);
  endpointSlice.set(`${namespace}/${name}`, slice);
}

/** A switch with two ports, and nothing else, for each pair. */
async function bareSwitches(ovn: OvnCentral): Promise<void> {
  const added = barePorts.flatMap(({ name, mac, address }, at) => {
    const bare = `bare-switch-${at >> 1}`;
    return [
      ...(at % 2 === 0 ? [['--', 'ls-add', bare]] : []),
      ['--', 'lsp-add', bare, name],
      ['--', 'lsp-set-addresses', name, `${mac} ${plain(address)}`],
    ].flat();
  });
  await ovn.nbctl(...added.slice(1));
}

/** In this order Open vSwitch gets its devices. */
const places: readonly Port[] = [
  ...productPorts.slice(0, 2),
  ...barePorts.slice(0, 2),
  ...barePorts.slice(2),
  ...productPorts.slice(2),
];

export class Bed {
  readonly ovn: OvnCentral;
  readonly node: Hypervisor;
  readonly product: Lanes;
  readonly raw: Lanes;
  readonly #control: Product;
  readonly #closing: (() => Promise<unknown>)[];
  #policies = 0;

  private constructor(
    parts: { ovn: OvnCentral; node: Hypervisor; control: Product; lanes: readonly [Lanes, Lanes] },
    closing: (() => Promise<unknown>)[],
  ) {
    this.ovn = parts.ovn;
    this.node = parts.node;
    this.#control = parts.control;
    [this.product, this.raw] = parts.lanes;
    this.#closing = closing;
  }

  /** Without policies, and without load balancing. */
  static async create(): Promise<Bed> {
    const closing: (() => Promise<unknown>)[] = [];
    try {
      const bed = await Bed.#create(closing);
      await bed.set({ policies: 0, balanced: false });
      return bed;
    } catch (error) {
      await close(closing);
      throw error;
    }
  }

  static async #create(closing: (() => Promise<unknown>)[]): Promise<Bed> {
    const program = await compiled(join(import.meta.dirname, 'traffic.c'), join(cacheRoot(), 'bench'));
    const ovn = await startOvn(installed());
    closing.push(() => ovn.stop());
    const control = await startProduct([ovn.nb.remote], SHAPE);
    closing.push(() => control.stop());
    await feed(control, events);
    control.graph.enter(() => enterService(control.world));
    await bareSwitches(ovn);

    const space = async (): Promise<string> => {
      const netns = await newNetns();
      closing.push(() => run(['ip', 'netns', 'delete', netns]));
      return netns;
    };
    const netns = await space();
    const pods: Pod[] = [];
    for (const [at, port] of places.entries()) {
      const pod = { ...port, netns: await space() };
      await plug(netns, at, pod);
      pods.push(pod);
    }
    const names = places.map(({ name }) => name);
    const node = await hypervisor(ovn, NODE, names, netns);
    closing.push(() => node.stop());
    if (CORES) await run(['taskset', '--all-tasks', '--cpu-list', '--pid', CORES.switch, String(node.pid)]);

    const lanes: Lane[] = [];
    for (let at = 0; at < pods.length; at += 2) {
      const [client, server] = pods.slice(at, at + 2);
      if (!client || !server) throw new Error('a lane has two pods');
      const lane = { program, client, server };
      const child = await serve(lane);
      closing.push(() => end(child));
      lanes.push(lane);
    }
    const [first, second, third, fourth] = lanes;
    if (!first || !second || !third || !fourth) throw new Error('each side has two lanes');
    const sides = { product: [first, fourth], raw: [second, third] } as const;
    return new Bed({ ovn, node, control, lanes: [sides.product, sides.raw] }, closing);
  }

  /** Resolves when the node has it. */
  async set({ policies, balanced }: Setting): Promise<void> {
    const { graph, world } = this.#control;
    graph.enter(() => {
      world.cluster.set('cluster', { ...defaults, enableLb: balanced });
      for (let at = policies; at < this.#policies; at++) world.networkPolicy.delete(`bench/policy-${at}`);
      for (let at = this.#policies; at < policies; at++)
        world.networkPolicy.set(`bench/policy-${at}`, networkPolicyRow(policy(at)));
    });
    this.#policies = policies;
    await this.#control.committed();
    await this.node.flows();
  }

  /** Milliseconds of processor that Open vSwitch has had, all its threads. */
  processor(): number {
    const tasks = `/proc/${this.node.pid}/task`;
    const spent = readdirSync(tasks).map((task) => readFileSync(join(tasks, task, 'schedstat'), 'utf8').split(' ')[0]);
    return spent.reduce((sum, nanoseconds) => sum + Number(nanoseconds) / 1e6, 0);
  }

  /** How often a packet of this traffic passes the datapath, on average: once more for each time that it is tracked. */
  async passes(traffic: () => Promise<unknown>): Promise<number> {
    await this.node.control('dpif-netdev/pmd-stats-clear');
    await traffic();
    return passesIn(await this.node.control('dpif-netdev/pmd-stats-show'));
  }

  async stop(): Promise<void> {
    await close(this.#closing);
  }
}

/** In reverse; one that fails keeps none of the others from being closed. */
async function close(closing: (() => Promise<unknown>)[]): Promise<void> {
  const failed: unknown[] = [];
  for (const one of closing.splice(0).toReversed()) await one().catch((error: unknown) => failed.push(error));
  if (failed.length > 0) throw new AggregateError(failed, 'the bed was not taken away');
}
