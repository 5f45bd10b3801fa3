// The part of the product's graph that policies are made of, with pods, namespaces and policies as inputs, and a sink that
// keeps what it is told.
import { Graph } from '../../lib/graph/graph.ts';
import type { GraphClock, Sink, Table } from '../../lib/graph/types.ts';
import { owner as ownerOf } from '../../lib/delta/ids.ts';
import { labelledRow, networkPolicyRow } from '../../operator/api/policy-row.ts';
import { namespaceRow } from '../../operator/api/project.ts';
import { podIpName, podRef } from '../../operator/api/refs.ts';
import type { Indexes, Tables } from '../../operator/api/tables.ts';
import type { Translate } from '../../operator/api/translation.ts';
import { vifPortId } from '../../operator/nb/rows/switch.ts';
import { policies, policySelections, questions } from '../../operator/world.ts';
import { defaults } from '../../test/worlds/process.ts';

/** The newest facts of each source, as the product's tracker holds them. */
class Kept implements Sink<unknown> {
  readonly sources = new Map<string, readonly unknown[]>();

  replace(source: string, facts: readonly unknown[]): void {
    if (facts.length > 0) this.sources.set(source, facts);
    else this.sources.delete(source);
  }

  freeze(source: string, error: unknown): void {
    throw new Error(source, { cause: error });
  }
}

/** Nobody else wants to do anything meanwhile. */
const clock: GraphClock = { now: () => 0, defer: () => undefined };

export class PolicyScene {
  readonly graph = new Graph<Tables, Indexes>({ clock, sliceMs: 1 });
  readonly rows = new Kept();
  readonly #namespaces: Table<Tables['namespace']>;
  readonly #bindings: Table<Tables['binding']>;
  readonly #labelled: Table<Tables['labelled']>;
  readonly #policies: Table<Tables['networkPolicy']>;
  readonly #ports: Table<Tables['port']>;

  constructor(translate: Translate) {
    const { graph } = this;
    const others = new Kept();
    const sinks = { rows: this.rows, plan: others, objects: others, status: others, problems: others, holds: others };
    const tables = {
      namespace: graph.table('namespace'),
      node: graph.table('node'),
      labelled: graph.table('labelled'),
      namedPorts: graph.table('namedPorts'),
      networkPolicy: graph.table('networkPolicy'),
      adminPolicy: graph.table('adminPolicy'),
      domain: graph.table('domain'),
      policyModule: graph.table('policyModule'),
      answer: graph.table('answer'),
      securityGroup: graph.table('securityGroup'),
    };
    const [cluster, network, binding, realm, port] = [
      graph.table('cluster'),
      graph.table('network'),
      graph.table('binding'),
      graph.table('realm'),
      graph.table('port'),
    ];
    graph.table('security');
    graph.index('networksByProvider', network, (row) => [row.provider]);
    const matched = policySelections(graph, tables, { translate });
    policies(graph, sinks, { tables, port, matched, question: questions(graph, matched), network });
    this.#namespaces = tables.namespace;
    this.#labelled = tables.labelled;
    this.#policies = tables.networkPolicy;
    this.#bindings = binding;
    this.#ports = port;
    graph.enter(() => {
      cluster.set('cluster', defaults);
      realm.set(defaults.defaultVpc, { namespaces: [], defaults: [], peers: [] });
      // Of a network policies look at no more than this.
      const part = { name: subnet, vpc: defaults.defaultVpc, provider: 'ovn', cidrs, switched: true };
      network.set(subnet, part as unknown as Tables['network']);
    });
  }

  namespace(name: string): void {
    this.#namespaces.set(name, namespaceRow({ metadata: { name, labels: { 'kubernetes.io/metadata.name': name } } }));
    this.#bindings.set(name, { namespace: name, subnets: [subnet], pools: [] });
  }

  /** A pod on the default subnet. */
  pod(
    namespace: string,
    name: string,
    { labels, address }: { readonly labels: Labels; readonly address: string },
  ): void {
    this.label(namespace, name, labels);
    const owner = ownerOf(podRef(namespace, name));
    const port = podIpName(namespace, name);
    this.#ports.set(port, {
      pod: `${namespace}/${name}`,
      namespace,
      id: vifPortId(owner, port),
      owner,
      provider: 'ovn',
      subnet,
      vpc: defaults.defaultVpc,
      underlay: false,
      node: 'n1',
      addresses: [address],
      dhcp: false,
      groups: [],
      sources: [address],
    });
  }

  label(namespace: string, name: string, labels: Labels): void {
    this.#labelled.set(`${namespace}/${name}`, labelledRow({ metadata: { namespace, name, labels } }));
  }

  leave(namespace: string, name: string): void {
    this.#labelled.delete(`${namespace}/${name}`);
    this.#ports.delete(podIpName(namespace, name));
  }

  policy(namespace: string, name: string, spec: object): void {
    this.#policies.set(`${namespace}/${name}`, networkPolicyRow({ metadata: { namespace, name }, spec }));
  }
}

type Labels = Readonly<Record<string, string>>;

const subnet = defaults.defaultSubnet;
const cidrs = ['10.0.0.0/8'];

/** IPv4 address of a pod by number. */
export const addressOf = (index: number): string => `10.${(index >> 16) & 255}.${(index >> 8) & 255}.${index & 255}`;
