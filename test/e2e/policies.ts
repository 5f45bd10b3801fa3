/** What end-to-end tests of policies share: policies in few words, when they are in force, and what packets do under them. */
import { Prober, type Probe } from '../cluster/prober.ts';
import { exec, type Pod } from '../cluster/traffic.ts';
import { waitFor } from '../cluster/wait.ts';
import { apply, cluster, field, inCentral, nbctl, podManifest, readyPod } from './shared.ts';

export interface PolicySpec {
  readonly podSelector: object;
  readonly policyTypes?: readonly ('Ingress' | 'Egress')[];
  readonly ingress?: readonly object[];
  readonly egress?: readonly object[];
}

type Annotations = Readonly<Record<string, string>>;

export const policy = (namespace: string, name: string, spec: PolicySpec, annotations: Annotations = {}): object => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata: { name, namespace, annotations },
  spec,
});

/** One request to the API; throws when it is refused, unless the object is to go and there is none. */
export async function send(method: 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, body?: object): Promise<void> {
  const type = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
  const content = body && { type, body: JSON.stringify(body) };
  const answer = await cluster().request(method, path, content);
  if (answer.status < 300 || (method === 'DELETE' && answer.status === 404)) return;
  throw new Error(`${method} ${path}: ${answer.status} ${answer.body}`);
}

export const policiesPath = (namespace: string, name = ''): string =>
  `/apis/networking.k8s.io/v1/namespaces/${namespace}/networkpolicies${name === '' ? '' : `/${name}`}`;

export const deletePolicy = (namespace: string, name: string): Promise<void> =>
  send('DELETE', policiesPath(namespace, name));

/** Ready pods of that name. */
export const readyOf = (namespace: string, names: readonly string[]): Promise<Pod[]> =>
  Promise.all(names.map((name) => readyPod(namespace, name)));

const marker = { namespace: 'e2e-marker', pod: 'marker' } as const;
const soon = { limitMs: 30_000, everyMs: 50 };
let turn = 0;

/** Makes the pod that `inForce` tells by. */
export async function prepareMarker(): Promise<void> {
  await apply(
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: marker.namespace } },
    podManifest(marker.namespace, marker.pod, { command: ['echo-server'] }),
  );
  await readyPod(marker.namespace, marker.pod);
}

/**
 * Waits until what was written to the API before holds for packets. The operator hears of pods, namespaces and policies in
 * the order of each; so a change of each kind that comes behind, and that it needs all three to fill a group and a set, shows
 * that it knows. Then it has nothing left to write, Open vSwitch has the flows of that, and has judged the flows that it
 * remembers by them.
 */
export async function inForce(): Promise<void> {
  const { namespace, pod } = marker;
  const name = `t${Math.floor(performance.timeOrigin)}-${(turn += 1)}`;
  const labels = { turn: name };
  await send('PATCH', `/api/v1/namespaces/${namespace}`, { metadata: { labels } });
  await send('PATCH', `/api/v1/namespaces/${namespace}/pods/${pod}`, { metadata: { labels } });
  const select = { matchLabels: labels };
  const spec = { podSelector: select, ingress: [{ from: [{ namespaceSelector: select }] }] };
  const own = { 'ovn.kubernetes.io/network_policy_for': 'ovn' };
  await send('POST', policiesPath(namespace), policy(namespace, name, spec, own));
  const group = `${name}.${namespace}`.replaceAll('-', '.');
  const known = ['--', 'wait-until', 'Address_Set', `${group}.ingress.allow.IPv4.0`, 'addresses!=[]'];
  await nbctl('--timeout=30', 'wait-until', 'Port_Group', group, 'ports!=[]', ...known);
  await deletePolicy(namespace, name);
  await waitFor(nothingPending, { what: 'the operator to have written all', ...soon });
  await nbctl('--timeout=30', '--wait=hv', 'sync');
  const control = ['ovs-appctl', '--target=/run/openvswitch/ovs-vswitchd.ctl', 'revalidator/wait'];
  await Promise.all(
    cluster()
      .nodes()
      .map(({ n }) => cluster().inNode(n, control)),
  );
}

/** Of the operator that leads. */
async function nothingPending(): Promise<boolean> {
  const asked = cluster()
    .nodes()
    .map(({ ip }) => cluster().inControlPlane(['curl', '-sS', '-m2', `http://${ip}:10660/metrics`]));
  const texts = (await Promise.allSettled(asked)).map((answer) =>
    answer.status === 'fulfilled' ? answer.value.stdout : '',
  );
  return texts.some((text) => /^kubeloom_leader 1$/m.test(text) && /^kubeloom_rows_pending 0$/m.test(text));
}

/** Policies that hold while `work` runs. */
export async function under<T>(policies: readonly object[], work: () => Promise<T>): Promise<T> {
  if (policies.length > 0) await apply(...policies);
  try {
    await inForce();
    return await work();
  } finally {
    await Promise.all(
      (policies as { metadata: { namespace: string; name: string } }[]).map(({ metadata: { namespace, name } }) =>
        deletePolicy(namespace, name),
      ),
    );
  }
}

/** Pods that probe each other. */
export class Probers {
  readonly #of = new Map<string, Prober>();

  /** Known by names that are the pods' own, unless told otherwise. */
  constructor(pods: readonly Pod[], nameOf = ({ name }: Pod): string => name) {
    for (const pod of pods) this.#of.set(nameOf(pod), new Prober(cluster(), pod));
  }

  /** Each tries all of them at once: names of those that get an answer, by the place of the probe. */
  async who(probes: readonly Probe[]): Promise<string[][]> {
    const names = [...this.#of.keys()].toSorted();
    const answers = await Promise.all(names.map((name) => this.ask(name, probes)));
    return probes.map((_, place) => names.filter((_name, at) => answers[at]?.[place] !== undefined));
  }

  /** Who answers one of them, undefined where nobody does. */
  ask(from: string, probes: readonly Probe[]): Promise<(string | undefined)[]> {
    const prober = this.#of.get(from);
    if (prober === undefined) throw new Error(`nobody probes from ${from}`);
    return prober.ask(probes);
  }

  close(): void {
    for (const prober of this.#of.values()) prober.close();
  }
}

/** What the kernel has counted in a pod's network namespace since that was made: `Udp.NoPorts`, `Ip.InReceives`, ... */
export async function counters(pod: Pod): Promise<Readonly<Record<string, number>>> {
  const lines = (await exec(cluster(), pod, ['cat', '/proc/net/snmp'])).trim().split('\n');
  const counted: Record<string, number> = {};
  for (let at = 0; at + 1 < lines.length; at += 2) {
    const [protocol = '', ...names] = (lines[at] ?? '').split(' ');
    const [, ...values] = (lines[at + 1] ?? '').split(' ');
    for (const [index, name] of names.entries())
      counted[`${protocol}${name}`.replace(':', '.')] = Number(values[index]);
  }
  return counted;
}

const macOf = async ({ name, namespace }: Pod): Promise<string> =>
  field('pod', name, '{.metadata.annotations.ovn\\.kubernetes\\.io/mac_address}', namespace);

/** What ovn-trace says of the first packet from a pod to another of its subnet: `l4` is `sctp.dst == 80` or the like. */
export async function trace(from: Pod, to: Pod, l4: string): Promise<string> {
  const [source, destination] = await Promise.all([macOf(from), macOf(to)]);
  const flow = [
    `inport == "${from.name}.${from.namespace}"`,
    `eth.src == ${source} && eth.dst == ${destination}`,
    `ip4.src == ${from.ip} && ip4.dst == ${to.ip} && ip.ttl == 64`,
    l4,
  ].join(' && ');
  // One for each stage that asks for the state of the connection.
  const states = Array.from({ length: 4 }, () => '--ct=new');
  return inCentral('ovn-trace', '--no-leader-only', ...states, flow);
}

export const isDelivered = (text: string, { name, namespace }: Pod): boolean =>
  text.includes(`/* output to "${name}.${namespace}"`) || text.includes(`output to "${name}.${namespace}"`);
