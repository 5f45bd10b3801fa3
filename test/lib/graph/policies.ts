// A wiring as design.md 6 has it, in miniature: pods, namespaces and policies in, rows and set elements out. It is what
// work counters and the bench are taken with; nothing of Kubernetes or OVN is meant to be right in it but the shape.
//
//   pod -> workload -+--join--> member --> edges: elements of groups and sets
//  policy -+-> selection -^         |
//          +-> acl rows             |
//          namespace ---------------+        pod -> port row    selection -> group and set
import { Graph } from '../../../lib/graph/graph.ts';
import { selectionKey, selector } from '../../../lib/graph/selector.ts';
import type { Labels, Selection, WrittenSelector } from '../../../lib/graph/selector.ts';
import type { GraphClock, Read, Sink, Table } from '../../../lib/graph/types.ts';

export interface Pod {
  readonly namespace: string;
  readonly labels: Labels;
  readonly ip: string;
  readonly node: string;
  readonly subnet: string;
}

export interface Peer {
  readonly namespaces?: WrittenSelector;
  readonly pods: WrittenSelector;
}

export interface Policy {
  readonly namespace: string;
  readonly subject: WrittenSelector;
  readonly peers: readonly Peer[];
}

export interface Tables {
  pod: Pod;
  namespace: { readonly labels: Labels };
  subnet: { readonly cidr: string };
  policy: Policy;
  workload: { readonly scope: string; readonly labels: Labels; readonly ip: string };
  selection: Selection;
  member: readonly string[];
}

/** A row, or one element of the set that a selection stands for. */
export type Fact =
  | { readonly row: string; readonly text: string }
  | { readonly set: string; readonly element: string; readonly address: string };

export const subjectOf = ({ namespace, subject }: Policy): Selection => ({
  scope: namespace,
  entities: selector(subject),
});

export const peerOf = (namespace: string, { namespaces, pods }: Peer): Selection => ({
  ...(namespaces ? { scopes: selector(namespaces) } : { scope: namespace }),
  entities: selector(pods),
});

export const selectionsOf = (policy: Policy): Selection[] => [
  subjectOf(policy),
  ...policy.peers.map((peer) => peerOf(policy.namespace, peer)),
];

export const portText = ({ ip, node }: Pod, cidr: string): string => `${ip} in ${cidr} on ${node}`;
export const aclText = (subject: string, peer: string): string => `outport == @${subject} && ip4.src == $${peer}`;

type Reading = Read<Tables, object>;

/** As the operator has it. */
export const sliceMs = 4;

export interface PolicyWorld {
  readonly graph: Graph<Tables>;
  readonly pod: Table<Pod>;
  readonly namespace: Table<Tables['namespace']>;
  readonly subnet: Table<Tables['subnet']>;
  readonly policy: Table<Policy>;
}

export function policyWorld(clock: GraphClock, sink: Sink<Fact>): PolicyWorld {
  const graph = new Graph<Tables>({ clock, sliceMs });
  const pod = graph.table('pod');
  const namespace = graph.table('namespace');
  const subnet = graph.table('subnet');
  const policy = graph.table('policy');
  const workload = graph.table('workload');
  const selection = graph.table('selection');
  const member = graph.table('member', { equals: Object.is });
  graph.derive(
    'workload',
    pod,
    ({ namespace: scope, labels, ip }, _, key) => [[key, { scope, labels, ip }] as const],
    graph.into(workload),
  );
  graph.derive('policy', policy, translated, policySink(graph.share(selection), sink));
  graph.join('member', { selections: selection, entities: workload, scopes: namespace }, graph.into(member));
  graph.derive('port', pod, portRow, sink);
  graph.derive('edges', workload, elements, sink);
  graph.derive('group', selection, (_, __, key) => [{ row: key, text: '' }], sink);
  return { graph, pod, namespace, subnet, policy };
}

function portRow(pod: Pod, read: Reading, key: string): Fact[] {
  const subnet = read.get('subnet', pod.subnet);
  return subnet ? [{ row: key, text: portText(pod, subnet.cidr) }] : [];
}

function elements({ ip }: Tables['workload'], read: Reading, key: string): Fact[] {
  return (read.get('member', key) ?? []).map((set) => ({ set, element: key, address: ip }));
}

type Translated = Fact | readonly [string, Selection];

/** What a policy comes to: its selections, and rows that name them. */
function translated(policy: Policy, _: Reading, key: string): Translated[] {
  const selections = selectionsOf(policy).map((each) => [selectionKey(each), each] as const);
  const [subject, ...peers] = selections;
  const rows = peers.map(([peer], at) => ({ row: `${key}/${at}`, text: aclText(subject?.[0] ?? '', peer) }));
  return [...selections, ...rows];
}

function policySink(selections: Sink<readonly [string, Selection]>, rows: Sink<Fact>): Sink<Translated> {
  const isRow = (fact: Translated): fact is Fact => 'row' in fact;
  return {
    ...(selections.outputs && { outputs: selections.outputs }),
    replace: (source, facts) => {
      selections.replace(source, facts.filter((fact) => !isRow(fact)) as (readonly [string, Selection])[]);
      rows.replace(source, facts.filter(isRow));
    },
    freeze: (source, error) => rows.freeze(source, error),
  };
}

const perNamespace = 500;
const appsPerNamespace = 50;
const teams = 20;
const tiers = ['front', 'back', 'store', 'batch'];

export const namespaceCount = (pods: number): number => Math.ceil(pods / perNamespace);

export const namespaceLabels = (index: number): Labels => ({ name: `ns${index}`, team: `team${index % teams}` });

/** Pod `index` of its cluster: ten pods of one application have the same labels, but for the version. */
export function podAt(index: number): [key: string, pod: Pod] {
  const home = Math.floor(index / perNamespace);
  const app = index % appsPerNamespace;
  const labels = { app: `app${app}`, tier: tiers[app % 4] as string, version: `v${Math.floor(index / 50) % 2}` };
  const ip = `10.${(index >> 16) & 255}.${(index >> 8) & 255}.${index & 255}`;
  return [
    `ns${home}/pod${index}`,
    { namespace: `ns${home}`, labels, ip, node: `node${index % 100}`, subnet: 'default' },
  ];
}

/** Policy `index`: an application, let in from another one of its namespace and from one tier of a team. */
export function policyAt(index: number, pods: number): [key: string, policy: Policy] {
  const home = index % namespaceCount(pods);
  const round = Math.floor(index / namespaceCount(pods));
  const policy = {
    namespace: `ns${home}`,
    subject: { matchLabels: { app: `app${round % appsPerNamespace}` } },
    peers: [
      {
        pods: {
          matchExpressions: [
            { key: 'app', operator: 'In', values: [`app${(round + 7) % 50}`, `app${(round + 9) % 50}`] },
          ],
        },
      },
      {
        namespaces: { matchLabels: { team: `team${index % teams}` } },
        pods: { matchLabels: { tier: tiers[index % 4] as string } },
      },
    ],
  };
  return [`ns${home}/policy${index}`, policy];
}

/** Fills the inputs, all in one entry. */
export function populate({ graph, ...tables }: PolicyWorld, pods: number, policies: number): void {
  graph.enter(() => {
    tables.subnet.set('default', { cidr: '10.0.0.0/8' });
    for (let index = 0; index < namespaceCount(pods); index++)
      tables.namespace.set(`ns${index}`, { labels: namespaceLabels(index) });
    for (let index = 0; index < pods; index++) tables.pod.set(...podAt(index));
    for (let index = 0; index < policies; index++) tables.policy.set(...policyAt(index, pods));
  });
}
