/**
 * The corpus of NetworkPolicy cases over real sockets: of its steps a sample, the same at each run, each told to the API as
 * the difference from the one before. Where a socket is of another mind than the corpus, ovn-trace is asked, too.
 * `KUBELOOM_SEED` draws another sample, `KUBELOOM_STEPS` asks for more of them than usual. The four steps that have
 * further pods or namespaces are judged from the rows alone.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Probe } from '../cluster/prober.ts';
import type { Pod } from '../cluster/traffic.ts';
import type { Labels, NetworkPolicy } from '../policy/api.ts';
import { cyclonus, keyOf, type CaseStep, type Expected } from '../policy/cyclonus.ts';
import { deletePolicy, inForce, isDelivered, policiesPath, prepareMarker, Probers, send, trace } from './policies.ts';
import { apply, custom, freshNamespace, podManifest, readyPod } from './shared.ts';

const seed = Number(process.env['KUBELOOM_SEED'] ?? 1);
const size = Number(process.env['KUBELOOM_STEPS'] ?? 30);

const namespaces = ['x', 'y', 'z'];
const names = ['a', 'b', 'c'];
const every = namespaces.flatMap((namespace) => names.map((name) => ({ namespace, name })));
const isEvery = ({ world }: CaseStep): boolean =>
  world.namespaces.length === namespaces.length && world.pods.length === every.length;

interface Step extends CaseStep {
  readonly name: string;
}

const all = cyclonus().flatMap(({ name, steps }) =>
  steps.filter(isEvery).map((step, at): Step => ({ ...step, name: `${name}, step ${at + 1}` })),
);
const [sample = []] = fc.sample(fc.shuffledSubarray(all, { minLength: size, maxLength: size }), { seed, numRuns: 1 });

const pods = new Map<string, Pod>();
let probers: Probers;

const podOf = (key: string): Pod => {
  const pod = pods.get(key);
  if (pod === undefined) throw new Error(`no pod ${key}`);
  return pod;
};

/** Both protocols at both ports; the addresses are those that blocks of the corpus speak of. */
function manifest({ namespace, name }: (typeof every)[number], at: number): object {
  return podManifest(namespace, name, {
    node: `n${1 + (at % 2)}`,
    annotations: { 'ovn.kubernetes.io/ip_address': `192.168.1.${at + 1}` },
    command: ['bash', '-c', 'echo-server 8080 80 80 & exec echo-server 8090 81 81'],
    ports: [80, 81].flatMap((containerPort) =>
      (['TCP', 'UDP'] as const).map((protocol) => ({
        name: `serve-${containerPort}-${protocol.toLowerCase()}`,
        containerPort,
        protocol,
      })),
    ),
  });
}

beforeAll(async () => {
  await Promise.all(namespaces.map(freshNamespace));
  await apply(custom('Subnet', 'e2e-corpus', { cidrBlock: '192.168.1.0/24', gateway: '192.168.1.254', namespaces }));
  await Promise.all([apply(...every.map(manifest)), prepareMarker()]);
  for (const { namespace, name } of every) {
    const pod = await readyPod(namespace, name);
    pods.set(keyOf(pod), pod);
  }
  probers = new Probers([...pods.values()], keyOf);
});

afterAll(() => probers.close());

/** What the API has of labels and policies. */
const labelled = new Map<string, Labels>();
const made = new Map<string, NetworkPolicy>();

/** Labels that are there no more are taken off. */
async function label(path: string, labels: Labels): Promise<void> {
  const old = Object.keys(labelled.get(path) ?? {}).map((key) => [key, null]);
  await send('PATCH', path, { metadata: { labels: { ...Object.fromEntries(old), ...labels } } });
  labelled.set(path, labels);
}

async function write(policy: NetworkPolicy): Promise<void> {
  const { namespace, name } = policy.metadata;
  const key = keyOf(policy.metadata);
  await (made.has(key)
    ? send('PUT', policiesPath(namespace, name), policy)
    : send('POST', policiesPath(namespace), policy));
  made.set(key, policy);
}

async function become({ world }: Step): Promise<void> {
  const wanted = new Set(world.networkPolicies.map(({ metadata }) => keyOf(metadata)));
  for (const [key, { metadata }] of made) {
    if (wanted.has(key)) continue;
    await deletePolicy(metadata.namespace, metadata.name);
    made.delete(key);
  }
  for (const { name, labels } of world.namespaces) await label(`/api/v1/namespaces/${name}`, labels);
  for (const { namespace, name, labels } of world.pods)
    await label(`/api/v1/namespaces/${namespace}/pods/${name}`, labels);
  for (const policy of world.networkPolicies) await write(policy);
  await inForce();
}

const probeOf = ({ to, protocol, port }: Expected): Probe => ({
  protocol: protocol === 'TCP' ? 'tcp' : 'udp',
  ip: podOf(to).ip,
  port,
});

/** Of these verdicts those of which the sockets are of another mind. */
async function wrong(expected: readonly Expected[]): Promise<Expected[]> {
  const bySource = Map.groupBy(expected, ({ from }) => from);
  const found = await Promise.all(
    [...bySource].map(async ([from, verdicts]) => {
      const answers = await probers.ask(from, verdicts.map(probeOf));
      return verdicts.filter(({ combined }, at) => combined !== (answers[at] !== undefined));
    }),
  );
  return found.flat();
}

/** What answers although it should not is wrong at once; what does not is asked again, since packets do get lost. */
async function mistakes(expected: readonly Expected[]): Promise<Expected[]> {
  const first = await wrong(expected);
  const silent = first.filter(({ combined }) => combined);
  return [...first.filter(({ combined }) => !combined), ...(silent.length === 0 ? [] : await wrong(silent))];
}

async function account(step: Step, verdict: Expected): Promise<string> {
  const { from, to, protocol, port, combined } = verdict;
  const text = await trace(podOf(from), podOf(to), `${protocol.toLowerCase()}.dst == ${port}`);
  const traced = isDelivered(text, podOf(to)) ? 'passes' : 'is dropped';
  const should = combined ? 'should be answered, and is not' : 'should not be answered, and is';
  return `${step.name}: ${from} -> ${to} ${protocol} ${port} ${should}; to ovn-trace it ${traced}:\n${text}`;
}

describe(`the Cyclonus corpus over sockets, seed ${seed}`, () => {
  it(`is right in ${size} of ${all.length} steps`, async () => {
    const told: string[] = [];
    let verdicts = 0;
    expect([...pods.values()].map(({ ip }) => ip)).toEqual(every.map((_, at) => `192.168.1.${at + 1}`));
    for (const step of sample) {
      await become(step);
      const found = await mistakes(step.expected);
      verdicts += step.expected.length;
      for (const verdict of found.slice(0, 3)) told.push(await account(step, verdict));
      if (found.length > 3) told.push(`${step.name}: ${found.length - 3} more`);
    }
    expect(told).toEqual([]);
    expect(verdicts).toBeGreaterThan(size * 100);
  });
});
