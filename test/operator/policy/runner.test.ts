// The runner with real modules in real threads: from bytes and questions to answers, through replacement and failure.
import { createHash } from 'node:crypto';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { compiled } from '../../../cli/policy/compile.ts';
import { readProject } from '../../../cli/policy/project.ts';
import { systemClock } from '../../../operator/kube/clock.ts';
import type { Answer, ModuleReport, ModuleState, Question } from '../../../operator/api/policy-module.ts';
import { policyModuleRow } from '../../../operator/api/policy-module.ts';
import { filesOf, ModuleRunner } from '../../../operator/policy/runner.ts';
import { declared } from '../../../lib/wasm/index.ts';
import { compile, hostile } from '../../lib/wasm/foreign.ts';

const digestOf = (bytes: Uint8Array): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
const filesWith = (bytes: Uint8Array): ReturnType<typeof filesOf> =>
  filesOf({ binaryData: { 'module.wasm': Buffer.from(bytes).toString('base64') } });

let metadata: Uint8Array;
let overlap: Uint8Array;
let zonePool: Uint8Array;
/** Chooses a pool that there is not. */
let straying: Uint8Array;
/** Loops when the first letter of its input is none that it knows: JSON objects begin with a brace. */
let looping: Uint8Array;
let judge: Uint8Array;

beforeAll(async () => {
  const example = async (name: string): Promise<Uint8Array> =>
    (await compiled(await readProject(`${import.meta.dirname}/../../../policies/examples/${name}`), 'release')).bytes;
  [metadata, overlap] = [await example('metadata-address'), await example('no-overlap')];
  zonePool = await example('zone-pool');
  const loop = await compile(hostile.replace('const c = load<u8>(p + 1);', 'const c: u8 = 0x6c;'));
  looping = declared(loop, { hook: 'acl', inputs: ['pod.labels'] });
  const stray = hostile
    .replace('const c = load<u8>(p + 1);', 'const c: u8 = 0;')
    .replace('"null"', `'{"pools":["nowhere"]}'`);
  straying = declared(await compile(stray), { hook: 'ipam', inputs: [] });
  judge = declared(loop, { hook: 'admission', inputs: [] });
}, 180_000);

const runners: ModuleRunner[] = [];
afterEach(async () => {
  await Promise.all(runners.splice(0).map((runner) => runner.stop()));
});

class Heard {
  readonly answers = new Map<string, Answer | undefined>();
  readonly states = new Map<string, ModuleState | undefined>();
  readonly reports = new Map<string, ModuleReport | undefined>();
  readonly runner: ModuleRunner;

  constructor() {
    this.runner = new ModuleRunner({
      clock: systemClock,
      answered: (answers) => {
        for (const [key, answer] of answers) this.answers.set(key, answer);
      },
      state: (module, state) => this.states.set(module, state),
      report: (module, report) => this.reports.set(module, report),
    });
    runners.push(this.runner);
  }

  module(name: string, spec: object): void {
    const row = policyModuleRow({ metadata: { name }, spec });
    this.runner.module(name, row);
  }

  idle(): Promise<void> {
    return this.runner.whenIdle(20_000);
  }
}

const specOf = (bytes: Uint8Array, rest: object): object => ({
  hook: 'acl',
  module: { configMap: { name: 'm' }, digest: digestOf(bytes) },
  settings: { label: 'm' },
  ...rest,
});

const question = (labels: Record<string, string>): Question => ({
  module: 'meta',
  namespace: 'a',
  input: { namespace: { name: 'a', labels } },
});

describe('questions', () => {
  it('are answered, whatever comes first, and again by the next version', async () => {
    const heard = new Heard();
    heard.runner.question('meta/1', question({}));
    heard.runner.files('kube-system/m', filesWith(metadata));
    heard.module('meta', specOf(metadata, {}));
    heard.runner.question('meta/2', question({ m: 'x' }));
    await heard.idle();
    expect(heard.states.get('meta')).toEqual({ at: 'ready', digest: digestOf(metadata), inputs: ['namespace.labels'] });
    expect(heard.answers.get('meta/1')).toMatchObject({ namespace: 'a', rules: [{ action: 'drop', priority: 10 }] });
    expect(heard.answers.get('meta/2')).toEqual({ namespace: 'a', rules: [] });
    // Other settings are another version.
    heard.module('meta', specOf(metadata, { settings: { label: 'm', value: 'y' } }));
    await heard.idle();
    expect(heard.answers.get('meta/2')).toMatchObject({ rules: [{ action: 'drop' }] });
    heard.runner.question('meta/2', undefined);
    heard.module('meta', specOf(metadata, { mode: 'shadow' }));
    await heard.idle();
    expect(heard.answers.get('meta/2')).toBeUndefined();
    heard.runner.module('meta', undefined);
    await heard.idle();
    expect([heard.states.get('meta'), heard.answers.get('meta/1')]).toEqual([undefined, undefined]);
  });

  it('that nobody can answer in time are failures, and are counted', async () => {
    const heard = new Heard();
    heard.runner.files('kube-system/m', filesWith(looping));
    heard.module('meta', specOf(looping, { settings: {}, deadlineMilliseconds: 50 }));
    heard.runner.question('meta/1', question({}));
    await heard.idle();
    expect(heard.answers.get('meta/1')).toEqual({ failure: 'it was cut off after 50 ms' });
    expect(heard.reports.get('meta')).toMatchObject({ failing: 1, lastError: 'it was cut off after 50 ms' });
  });
});

describe('a module is refused', () => {
  it.each<[string, () => [object, ReturnType<typeof filesOf>], RegExp]>([
    ['without its ConfigMap', () => [{}, 'absent'], /ConfigMap kube-system\/m does not exist/],
    ['when its ConfigMap cannot be read', () => [{}, 'unreadable'], /cannot be read/],
    ['without its key', () => [{}, new Map()], /has no module\.wasm/],
    ['with other bytes', () => [{}, filesWith(overlap)], /have the digest sha256:/],
    ['with settings that it does not take', () => [{ settings: {} }, filesWith(metadata)], /^label: which label/],
    ['for another hook', () => [{ hook: 'admission' }, filesWith(metadata)], /written for hook acl/],
    ['with too little memory', () => [{ memoryLimit: '64Ki' }, filesWith(metadata)], /allowed are 65536/],
    ['with a limit that is none', () => [{ memoryLimit: '1Gi' }, filesWith(metadata)], /memoryLimit 1Gi/],
  ])('%s', async (_, given, message) => {
    const [spec, files] = given();
    const heard = new Heard();
    heard.runner.files('kube-system/m', files);
    heard.module('meta', specOf(metadata, spec));
    await heard.idle();
    expect(heard.states.get('meta')).toEqual({ at: 'refused', message: expect.stringMatching(message) });
  });

  it('and comes into force when that is put right', async () => {
    const heard = new Heard();
    heard.module('meta', specOf(metadata, {}));
    heard.runner.question('meta/1', question({}));
    heard.runner.files('kube-system/m', 'absent');
    await heard.idle();
    expect(heard.states.get('meta')?.at).toBe('refused');
    heard.runner.files('kube-system/m', filesWith(metadata));
    await heard.idle();
    expect(heard.states.get('meta')?.at).toBe('ready');
    expect(heard.answers.get('meta/1')).toMatchObject({ rules: [{ action: 'drop' }] });
  });
});

describe('admission', () => {
  const subnet = (cidrBlock: string): object => ({ metadata: { name: 's' }, spec: { cidrBlock, big: 2n ** 70n } });
  const judges = (rest: object = {}): object =>
    specOf(overlap, {
      hook: 'admission',
      settings: { ranges: ['10.200.0.0/16'] },
      selector: { kinds: ['Subnet'] },
      ...rest,
    });

  async function withJudge(bytes: Uint8Array, spec: object): Promise<Heard> {
    const heard = new Heard();
    heard.runner.files('kube-system/m', filesWith(bytes));
    heard.module('no-overlap', spec);
    await heard.idle();
    return heard;
  }

  it('refuses with the words of the module', async () => {
    const { runner } = await withJudge(overlap, judges());
    expect(await runner.admit('Subnet', 'CREATE', subnet('10.200.1.0/24') as never, undefined)).toEqual({
      allowed: false,
      message: 'policy module no-overlap: cidrBlock 10.200.1.0/24 overlaps 10.200.0.0/16, which is in use elsewhere',
    });
    const allowed = { allowed: true, message: '' };
    expect(await runner.admit('Subnet', 'CREATE', subnet('10.1.1.0/24') as never, undefined)).toEqual(allowed);
    expect(await runner.admit('Vpc', 'CREATE', subnet('10.200.1.0/24') as never, undefined)).toEqual(allowed);
    expect(await runner.admit('PolicyModule', 'DELETE', undefined, {})).toEqual(allowed);
  });

  it('in shadow counts and allows', async () => {
    const heard = await withJudge(overlap, judges({ mode: 'shadow' }));
    expect(await heard.runner.admit('Subnet', 'CREATE', subnet('10.200.1.0/24') as never, undefined)).toEqual({
      allowed: true,
      message: '',
    });
    expect(heard.reports.get('no-overlap')).toMatchObject({ evaluations: 1, refusals: 1, wouldChange: 1 });
  });

  it.each([
    ['Fail', false],
    ['Ignore', true],
  ])('without an answer does as failurePolicy %s says', async (failurePolicy, allowed) => {
    const spec = specOf(judge, { hook: 'admission', settings: {}, failurePolicy, deadlineMilliseconds: 50 });
    const { runner } = await withJudge(judge, spec);
    const verdict = await runner.admit('Subnet', 'CREATE', {}, undefined);
    expect(verdict.allowed).toBe(allowed);
    const refused = new Heard();
    refused.module('no-overlap', judges({ failurePolicy }));
    refused.runner.files('kube-system/m', 'absent');
    expect((await refused.runner.admit('Subnet', 'CREATE', {}, undefined)).allowed).toBe(allowed);
  });
});

describe('addresses', () => {
  const offer = (uid: string, rest: object = {}): Question => ({
    module: 'zones',
    namespace: 'a',
    input: {
      pod: { name: 'web', uid },
      node: { name: 'n1', labels: { 'topology.kubernetes.io/zone': 'z' } },
      families: [4],
      subnets: [{ name: 's', cidrs: ['10.1.0.0/16'], excludeIps: [] }],
      pools: [{ name: 'z', subnet: 's', ranges: ['10.1.1.0..10.1.1.255'] }],
      ...rest,
    },
  });
  const zones = (rest: object = {}, bytes = zonePool): object =>
    specOf(bytes, { hook: 'ipam', settings: { otherwise: 'refuse' }, ...rest });

  async function withZones(spec: object, bytes = zonePool): Promise<Heard> {
    const heard = new Heard();
    heard.runner.files('kube-system/m', filesWith(bytes));
    heard.module('zones', spec);
    await heard.idle();
    return heard;
  }

  it('are chosen or denied, and counted for good', async () => {
    const heard = await withZones(zones());
    heard.runner.question('zones/1', offer('1'));
    heard.runner.question('zones/2', offer('2', { pools: [] }));
    await heard.idle();
    expect(heard.answers.get('zones/1')).toEqual({ choice: { pools: ['z'] } });
    expect(heard.answers.get('zones/2')).toEqual({ choice: { denied: 'no pool of zone z is offered' } });
    // The first is told at once, the second within a minute.
    expect(heard.reports.get('zones')).toMatchObject({ evaluations: 1, refusals: 0, failing: 0, wouldChange: 0 });
  });

  it('are counted in shadow although nobody waits for the answer', async () => {
    const heard = await withZones(zones({ mode: 'shadow' }));
    heard.runner.question('zones/1', offer('1'));
    heard.runner.question('zones/1', undefined);
    await heard.idle();
    expect(heard.reports.get('zones')).toMatchObject({ evaluations: 1, wouldChange: 1 });
    expect(heard.answers.get('zones/1')).toBeUndefined();
  });

  it('that were not offered are no answer, which stands as long as a pod waits for it', async () => {
    const spec = { settings: {}, deadlineMilliseconds: 500 };
    const heard = await withZones(zones(spec, straying), straying);
    heard.runner.question('zones/1', offer('1'));
    await heard.idle();
    const failure = 'pool "nowhere" was not offered';
    expect(heard.answers.get('zones/1')).toEqual({ failure });
    expect(heard.reports.get('zones')).toMatchObject({ failing: 1, lastError: failure });
    heard.runner.question('zones/1', undefined);
    expect(heard.reports.get('zones')).toMatchObject({ failing: 0, lastError: failure });
    const open = await withZones(zones({ ...spec, failurePolicy: 'Ignore' }, straying), straying);
    open.runner.question('zones/1', offer('1'));
    await open.idle();
    expect(open.answers.get('zones/1')).toEqual({ failure });
    expect(open.reports.get('zones')).toMatchObject({ failing: 0, lastError: failure });
  });

  it('are not those of another hook under the same name', async () => {
    const heard = await withZones(zones());
    heard.runner.question('zones/1', offer('1'));
    await heard.idle();
    heard.module('zones', specOf(zonePool, { hook: 'acl' }));
    expect([heard.states.get('zones'), heard.reports.get('zones')]).toEqual([undefined, undefined]);
    await heard.idle();
    expect(heard.answers.get('zones/1')).toBeUndefined();
    expect(heard.states.get('zones')).toEqual({ at: 'refused', message: 'it is written for hook ipam, not for acl' });
  });

  it('of a module that was replaced are chosen anew', async () => {
    const heard = await withZones(zones());
    heard.runner.question('zones/1', offer('1', { pools: [] }));
    await heard.idle();
    heard.module('zones', zones({ settings: { otherwise: 'any' } }));
    await heard.idle();
    expect(heard.answers.get('zones/1')).toEqual({ choice: {} });
  });
});
