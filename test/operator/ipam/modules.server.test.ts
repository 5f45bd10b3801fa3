// Policy modules that choose addresses, before a real API server and with the operator as a process of its own: zones and
// their pools, what a pod asks for itself, and modules that break in every way, which harm nobody but who waits for them.
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compiled } from '../../../cli/policy/compile.ts';
import { readProject } from '../../../cli/policy/project.ts';
import { declared } from '../../../lib/wasm/index.ts';
import type { JsonObject } from '../../../operator/api/fact.ts';
import { KubeClient } from '../../../operator/kube/client.ts';
import { systemClock } from '../../../operator/kube/clock.ts';
import { resources } from '../../../operator/kube/resources.ts';
import { ensureBuilt } from '../../../policies/build.ts';
import { applyCrds } from '../../crds.ts';
import { eventually } from '../../eventually.ts';
import { type ApiServer, startApiServer } from '../../kube-apiserver.ts';
import { compile, hostile } from '../../lib/wasm/foreign.ts';
import { startServer } from '../../ovsdb-server.ts';
import { OperatorProcess } from '../process.ts';

const scene = `
apiVersion: v1
kind: Namespace
metadata: { name: zoned }
---
apiVersion: kubeovn.io/v1
kind: Subnet
metadata: { name: zoned }
spec: { cidrBlock: 10.25.0.0/16, namespaces: [zoned] }
---
apiVersion: kubeovn.io/v1
kind: IPPool
metadata: { name: east }
spec: { subnet: zoned, ips: [10.25.64.0/24] }
---
apiVersion: kubeovn.io/v1
kind: IPPool
metadata: { name: west, labels: { topology.kubernetes.io/zone: zone-w } }
spec: { subnet: zoned, ips: [10.25.128.0/24] }
---
apiVersion: kubeovn.io/v1
kind: Subnet
metadata: { name: foreign }
spec: { cidrBlock: 10.26.0.0/16 }
`;

const zones = { n1: 'zone-e', n2: 'zone-w', n3: 'zone-x' } as const;
type Node = keyof typeof zones;

const undo: (() => unknown)[] = [];
let api: ApiServer;
let client: KubeClient;
let startOperator: () => Promise<OperatorProcess>;
let operator: OperatorProcess;
let zonePool: Uint8Array;

beforeAll(async () => {
  await ensureBuilt('ipam', 'networkpolicy');
  const example = join(import.meta.dirname, '../../../policies/examples/zone-pool');
  zonePool = (await compiled(await readProject(example), 'release')).bytes;
  api = await startApiServer();
  undo.push(() => api.stop());
  const database = await startServer({ args: ['--remote=ptcp:0:127.0.0.1'] });
  undo.push(() => database.dispose());
  client = new KubeClient({ kubeConfig: api.kubeConfig(), clock: systemClock });
  undo.push(() => client.close());
  await applyCrds(api);
  for (const [name, zone] of Object.entries(zones)) {
    const labels = { 'topology.kubernetes.io/zone': zone };
    await client.create(resources.Node, { apiVersion: 'v1', kind: 'Node', metadata: { name, labels } });
  }
  await api.apply(scene);
  const northboundPort = await database.port();
  let count = 0;
  startOperator = async () => {
    count += 1;
    const flags = ['--lease-duration=15', '--lease-renew-deadline=10', '--lease-retry-period=1'];
    const apiPort = Number(new URL(api.url).port);
    const started = await OperatorProcess.start(`modules-${count}`, { api, apiPort, northboundPort, flags });
    undo.push(() => started.stop());
    await eventually(() => started.leads(), { within: 120_000, every: 100, what: 'an operator that leads' });
    return started;
  };
  operator = await startOperator();
  await pushed('zone-pool', zonePool, { ...zoneSettings('any'), selector: inZoned('zoned') });
}, 400_000);

afterAll(async () => {
  for (const step of undo.toReversed()) await step();
}, 60_000);

const zoneSettings = (otherwise: string, more: object = {}): object => ({
  settings: { pools: { 'zone-e': 'east', ...more }, otherwise },
});

/** Pods with a label, so that modules are in nobody else's way. */
const inZoned = (label: string): object => ({
  namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'zoned' } },
  podSelector: { matchLabels: { module: label } },
});

/** A module with its bytes, in the cluster; resolves when it is in force, or when it is refused. */
async function pushed(name: string, bytes: Uint8Array, spec: object, ready = 'True'): Promise<void> {
  const hash = createHash('sha256').update(bytes).digest('hex');
  const map = `${name}-${hash.slice(0, 12)}`;
  const objects = [
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { namespace: 'kube-system', name: map },
      binaryData: { 'module.wasm': Buffer.from(bytes).toString('base64') },
    },
    {
      apiVersion: 'kubeloom.io/v1alpha1',
      kind: 'PolicyModule',
      metadata: { name },
      spec: { hook: 'ipam', module: { configMap: { name: map }, digest: `sha256:${hash}` }, ...spec },
    },
  ];
  await api.apply(objects.map((object) => JSON.stringify(object)).join('\n---\n'));
  const wanted = (await moduleOf(name))?.metadata.generation;
  await eventually(
    async () => {
      const { conditions = [] } = await status(name);
      const found = conditions.find(({ type }) => type === 'Ready');
      return wanted !== undefined && found?.observedGeneration === wanted && found.status === ready;
    },
    { within: 60_000, every: 100, what: `module ${name} to be ready: ${ready}` },
  );
}

interface Status {
  readonly evaluations?: number;
  readonly refusals?: number;
  readonly failing?: number;
  readonly wouldChange?: number;
  readonly lastError?: string;
  readonly conditions?: readonly { type: string; status: string; observedGeneration?: number; message?: string }[];
}

interface Module {
  readonly metadata: { readonly generation: number };
  readonly status?: Status;
}

const moduleOf = (name: string): Promise<Module | undefined> =>
  api.object(`/apis/kubeloom.io/v1alpha1/policymodules/${name}`);

const status = async (name: string): Promise<Status> => (await moduleOf(name))?.status ?? {};

const patch = (name: string, spec: object): Promise<string> =>
  api.kubectl('patch', 'policymodule', name, '--type=merge', `--patch=${JSON.stringify({ spec })}`);

async function run(name: string, node: Node, module = 'zoned', annotations: JsonObject = {}): Promise<void> {
  const metadata = { namespace: 'zoned', name, labels: { module }, annotations };
  const spec = { nodeName: node, containers: [{ name: 'main', image: 'none' }] };
  await client.create(resources.Pod, { apiVersion: 'v1', kind: 'Pod', metadata, spec });
}

const addressOf = async (pod: string): Promise<string> =>
  (await api.object<{ spec: { v4IpAddress: string } }>(`/apis/kubeovn.io/v1/ips/${pod}.zoned`))?.spec.v4IpAddress ?? '';

/** Its address, when it has come. */
const served = (pod: string): Promise<string> =>
  eventually(async () => (await addressOf(pod)) || undefined, {
    within: 30_000,
    every: 50,
    what: `an address of ${pod}`,
  });

/** What the pod's user is told. */
const told = (pod: string, what: RegExp): Promise<string> =>
  eventually(
    async () => {
      const path = `/api/v1/namespaces/zoned/events?fieldSelector=involvedObject.name=${pod}`;
      const events = await api.object<{ items: readonly { message: string }[] }>(path);
      const text = (events?.items ?? []).map(({ message }) => message).join(' ');
      return what.test(text) && text;
    },
    { within: 30_000, every: 100, what: `an event of ${pod} that says ${what.source}` },
  );

const east = /^10\.25\.64\.\d+$/;
const west = /^10\.25\.128\.\d+$/;
const elsewhere = /^10\.25\.0\.\d+$/;

describe('zone-pool', () => {
  it('gives pods an address of the pool of their zone, and others any', async () => {
    await run('e1', 'n1');
    await run('w1', 'n2');
    await run('x1', 'n3');
    await run('unselected', 'n1', 'none');
    expect(await served('e1')).toMatch(east);
    expect(await served('w1')).toMatch(west);
    expect(await served('x1')).toMatch(elsewhere);
    expect(await served('unselected')).toMatch(elsewhere);
    await eventually(async () => ((await status('zone-pool')).evaluations ?? 0) > 0, { within: 20_000 });
  }, 120_000);

  it('has nothing to say to pods that say it themselves', async () => {
    await run('static', 'n1', 'zoned', { 'ovn.kubernetes.io/ip_address': '10.25.0.77' });
    await run('pool', 'n1', 'zoned', { 'ovn.kubernetes.io/ip_pool': 'west' });
    await run('switch', 'n1', 'zoned', { 'ovn.kubernetes.io/logical_switch': 'foreign' });
    expect(await served('static')).toBe('10.25.0.77');
    expect(await served('pool')).toMatch(west);
    expect(await served('switch')).toMatch(/^10\.26\./);
  }, 120_000);

  it('denies, and is heard again with other settings; what is assigned stays', async () => {
    await pushed('strict', zonePool, { ...zoneSettings('refuse'), selector: inZoned('strict') });
    await run('s1', 'n1', 'strict');
    await run('s3', 'n3', 'strict');
    expect(await served('s1')).toMatch(east);
    await told('s3', /policy module strict: no pool of zone zone-x is offered/);
    expect(await addressOf('s3')).toBe('');
    const before = await addressOf('s1');
    await patch('strict', zoneSettings('refuse', { 'zone-e': 'west', 'zone-x': 'east' }));
    // Whoever waited tells that the new settings are in force.
    expect(await served('s3')).toMatch(east);
    await run('s2', 'n1', 'strict');
    expect(await served('s2')).toMatch(west);
    expect(await addressOf('s1')).toBe(before);
  }, 120_000);
});

const isReadyAt =
  (generation: number) =>
  ({ type, status: is, observedGeneration }: NonNullable<Status['conditions']>[number]): boolean =>
    type === 'Ready' && is === 'True' && observedGeneration === generation;

/** The hostile module with its mind made up: what it does at every evaluation. */
const made = async (letter: string, answer = 'null'): Promise<Uint8Array> => {
  const minded = hostile.replace('const c = load<u8>(p + 1);', `const c: u8 = ${letter.charCodeAt(0)};`);
  const source = minded.replace('say("null")', `say(${JSON.stringify(answer)})`);
  return declared(await compile(source), { hook: 'ipam', inputs: [] });
};

const broken: [what: string, letter: string, answer: string, error: RegExp][] = [
  ['loops', 'l', '', /cut off after 200 ms|rests/],
  ['traps', 't', '', /unreachable/],
  ['grows', 'g', '', /the answer is not an object/],
  ['garbles', 'j', '', /not JSON/],
  ['floods', 'h', '', /the result has 100000000 bytes/],
  ['strays', 'x', '{"pools":["nowhere"]}', /pool "nowhere" was not offered/],
  ['escapes', 'x', '{"subnets":["foreign"]}', /subnet "foreign" was not offered/],
  ['oversteps', 'x', '{"addresses":[["10.26.0.9"]]}', /10\.26\.0\.9 is in no subnet that was offered/],
];

describe.each(broken)('a module that %s', (what, letter, answer, error) => {
  it('keeps those waiting who want it, and nobody else', async () => {
    await pushed(what, await made(letter, answer), { selector: inZoned(what), deadlineMilliseconds: 200 });
    await run(`${what}-1`, 'n1', what);
    await run(`beside-${what}`, 'n1');
    await run(`free-${what}`, 'n1', 'none');
    expect(await served(`beside-${what}`)).toMatch(east);
    expect(await served(`free-${what}`)).toMatch(elsewhere);
    expect(await told(`${what}-1`, error)).toMatch(new RegExp(`policy module ${what}: it gives no answer`));
    expect(await addressOf(`${what}-1`)).toBe('');
    await eventually(async () => (await status(what)).failing === 1, {
      within: 30_000,
      every: 100,
      what: 'failing: 1',
    });
    expect((await status(what)).lastError).toMatch(error);
    // As without it, once that is what its user wants.
    await patch(what, { failurePolicy: 'Ignore' });
    expect(await served(`${what}-1`)).toMatch(elsewhere);
  }, 120_000);
});

describe('shadow', () => {
  it('counts what would change, and nobody waits', async () => {
    await pushed('onlooker', zonePool, { ...zoneSettings('any'), selector: inZoned('onlooker'), mode: 'shadow' });
    await run('shadowed', 'n1', 'onlooker');
    expect(await served('shadowed')).toMatch(elsewhere);
    await eventually(async () => (await status('onlooker')).wouldChange === 1, { within: 30_000, every: 100 });
    expect(await status('onlooker')).toMatchObject({ evaluations: 1, refusals: 0 });
  }, 120_000);
});

describe('a module without its bytes', () => {
  it('keeps pods waiting until it is deleted', async () => {
    await pushed('bytes', zonePool, { ...zoneSettings('any'), selector: inZoned('bytes') });
    await patch('bytes', { module: { digest: `sha256:${'0'.repeat(64)}` } });
    await eventually(async () => (await status('bytes')).conditions?.every((one) => !isReadyAt(2)(one)));
    await run('kept', 'n1', 'bytes');
    await told('kept', /policy module bytes: it is not run: the bytes in ConfigMap .* have the digest/);
    expect(await addressOf('kept')).toBe('');
    await api.kubectl('delete', 'policymodule', 'bytes');
    expect(await served('kept')).toMatch(elsewhere);
  }, 120_000);
});

describe('another operator', () => {
  it('moves nobody, asks again for those who wait, and gives no address twice', async () => {
    await pushed('late', await made('l'), { selector: inZoned('late'), deadlineMilliseconds: 200 });
    await run('waits', 'n1', 'late');
    await told('waits', /policy module late: it gives no answer/);
    const before = await addresses();
    operator.signal('SIGKILL');
    const pods = Array.from({ length: 20 }, (_, at) => `after-${at}`);
    await Promise.all(pods.map((pod) => run(pod, 'n2')));
    operator = await startOperator();
    for (const pod of pods) expect(await served(pod)).toMatch(west);
    expect(await addressOf('waits')).toBe('');
    const now = await addresses();
    expect(now.filter(([name]) => before.some(([other]) => other === name))).toEqual(before);
    expect(new Set(now.map(([, address]) => address)).size).toBe(now.length);
    await api.kubectl('delete', 'policymodule', 'late');
    expect(await served('waits')).toMatch(elsewhere);
  }, 240_000);
});

/** Of all pods, by IP object. */
async function addresses(): Promise<[string, string][]> {
  const { items } = JSON.parse(await api.kubectl('get', 'ip', '--output=json')) as {
    readonly items: readonly {
      readonly metadata: { readonly name: string };
      readonly spec: { readonly v4IpAddress: string };
    }[];
  };
  return items
    .map(({ metadata, spec }): [string, string] => [metadata.name, spec.v4IpAddress])
    .sort(([a], [b]) => (a < b ? -1 : 1));
}
