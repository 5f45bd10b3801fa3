// What a module of somebody else's may do: nothing to anybody but itself. The thread and its deadline are real.
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  declared,
  EvaluationFailed,
  type FailureReason,
  type HostOptions,
  ModuleHost,
  type ModuleRefused,
} from '../../../lib/wasm/index.ts';
import { systemClock } from '../../../operator/kube/clock.ts';
import { eventually } from '../../eventually.ts';
import { compile, declaration, hostile, hostileModule } from './foreign.ts';

let bytes: Uint8Array;
const hosts: ModuleHost<unknown>[] = [];

beforeAll(async () => {
  bytes = await hostileModule();
}, 180_000);
afterEach(async () => {
  await Promise.all(hosts.splice(0).map((host) => host.stop()));
});

/** A deadline that a busy machine keeps, and that a test can wait for. */
const deadlineMs = 400;

function start(options: Partial<HostOptions<unknown>> = {}): ModuleHost<unknown> {
  const host = new ModuleHost<unknown>({
    bytes,
    settings: {},
    offer: { hook: 'test', inputs: ['word', 'other'] },
    clock: systemClock,
    deadlineMs,
    memoryCap: 16 * 65_536,
    parse: text,
    ...options,
  });
  hosts.push(host);
  return host;
}

function text(answer: unknown): unknown {
  if (typeof answer === 'object' && answer !== null && 'word' in answer) throw new Error('word: not expected');
  return answer;
}

/** The failure of an evaluation that must fail. */
const failure = async (evaluation: Promise<unknown>): Promise<EvaluationFailed> =>
  await evaluation.then(
    (answer) => expect.unreachable(`it answered ${JSON.stringify(answer)}`),
    (error: EvaluationFailed) => error,
  );

const refusal = async (host: ModuleHost<unknown>): Promise<ModuleRefused> =>
  await host.ready.then(
    () => expect.unreachable('it was loaded'),
    (error: ModuleRefused) => error,
  );

describe('a module that behaves', () => {
  it('is described by what it declares', async () => {
    expect(await start().ready).toEqual({
      hook: 'test',
      inputs: ['word'],
      digest: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
  });

  it('answers in order, over several messages to its thread', async () => {
    const host = start();
    const asked = Array.from({ length: 1000 }, (_, at) => `e${at}`);
    const told: unknown[] = [];
    await Promise.all(asked.map(async (word) => told.push(await host.evaluate(word))));
    expect(told).toEqual(asked);
    expect(host.pending).toBe(0);
  });

  it('gets its settings with every evaluation', async () => {
    const settings = { a: ['ü', 1] };
    expect(await start({ settings }).evaluate('s')).toEqual(settings);
  });

  it('gets the arena of before every time', async () => {
    const host = start({ memoryCap: 2 * 65_536, bytes: declared(await compile(hostile, { maximum: 2 }), declaration) });
    const long = `e${'x'.repeat(50_000)}`;
    for (let round = 0; round < 5; round++) {
      const answers = await Promise.all(Array.from({ length: 500 }, () => host.evaluate(long)));
      expect(new Set(answers)).toEqual(new Set([long]));
    }
    // Two of them would not fit.
    expect((await failure(host.evaluate(`${long}${long}${long}`))).reason).toBe('Memory');
  });
});

describe('a module that does harm', () => {
  it.each<[string, string, FailureReason, RegExp]>([
    ['traps', 't', 'Trap', /unreachable/],
    ['calls itself without end', 'r', 'Trap', /call stack/i],
    ['answers no JSON', 'j', 'Malformed', /not JSON/],
    ['answers no UTF-8', 'u', 'Malformed', /not UTF-8/],
    ['answers from outside of its memory', 'o', 'Malformed', /outside/],
    ['answers over the end of its memory', 'i', 'Malformed', /outside/],
    ['answers a hundred megabytes', 'h', 'Oversized', /100000000 bytes/],
    ['answers with a length below zero', 'v', 'Oversized', /4294967295 bytes/],
    ['answers another shape', 'w', 'Shape', /word: not expected/],
    ['says that it cannot', 'n', 'Refused', /^no such thing$/],
  ])('%s: a typed failure, and the next answer is right', async (_, what, reason, message) => {
    const host = start();
    const [before, during, after] = [host.evaluate('e1'), failure(host.evaluate(what)), host.evaluate('e2')];
    expect(await during).toBeInstanceOf(EvaluationFailed);
    expect(await during).toMatchObject({ reason, message: expect.stringMatching(message) });
    expect([await before, await after]).toEqual(['e1', 'e2']);
  });

  it('is a new instance after a trap', async () => {
    const host = start();
    expect([await host.evaluate('c'), await host.evaluate('c')]).toEqual([1, 2]);
    await failure(host.evaluate('t'));
    expect(await host.evaluate('c')).toBe(1);
  });

  it('has no more memory than its cap', async () => {
    const host = start();
    const before = process.memoryUsage().rss;
    expect(await host.evaluate('g')).toBe(true);
    expect(await host.evaluate('e1')).toBe('e1');
    expect(process.memoryUsage().rss - before).toBeLessThan(64 * 1024 * 1024);
  });

  it('is cut off at its deadline while everybody else goes on', async () => {
    const host = start();
    await host.ready;
    let ticks = 0;
    const ticking = setInterval(() => (ticks += 1), 5);
    const began = performance.now();
    const [before, late, after] = [host.evaluate('e1'), failure(host.evaluate('l')), host.evaluate('e2')];
    expect(await late).toMatchObject({ reason: 'Deadline', message: `it was cut off after ${deadlineMs} ms` });
    const took = performance.now() - began;
    clearInterval(ticking);
    expect(took).toBeGreaterThanOrEqual(deadlineMs);
    expect(ticks).toBeGreaterThan(deadlineMs / 5 / 4);
    expect([await before, await after]).toEqual(['e1', 'e2']);
  });

  it('has its deadline for each evaluation, not for all of a message', async () => {
    const host = start({ deadlineMs: 1000 });
    const slow = Array.from({ length: 40 }, () => host.evaluate('b'));
    expect(new Set(await Promise.all(slow))).toEqual(new Set(['slow']));
  });

  it('rests after it was cut off several times, and then may try again', async () => {
    const host = start({ deadlineMs: 100, restAfter: 2, restMs: 200 });
    await host.ready;
    const [first, second, third] = await Promise.all(
      ['l', 'l', 'e1'].map((word) => failure(host.evaluate(word))).slice(0, 3),
    );
    expect([first?.reason, second?.reason, third?.reason]).toEqual(['Deadline', 'Deadline', 'Resting']);
    expect((await failure(host.evaluate('e1'))).reason).toBe('Resting');
    expect(await eventually(() => host.evaluate('e2').catch(() => undefined))).toBe('e2');
  });

  it('fails what is under way when it is stopped', async () => {
    const host = start();
    await host.ready;
    const late = failure(host.evaluate('l'));
    await host.stop();
    expect((await late).reason).toBe('Stopped');
    expect((await failure(host.evaluate('e1'))).reason).toBe('Stopped');
  });
});

describe('a module that is refused', () => {
  it.each<[string, Partial<HostOptions<unknown>>, string, RegExp]>([
    ['settings', { settings: { bad: 1 } }, 'Settings', /^settings are bad$/],
    ['a trap over its settings', { settings: { trap: 1 } }, 'Load', /could not be checked: .*unreachable/],
    ['a loop over its settings', { settings: { loop: 1 }, loadDeadlineMs: 800 }, 'Load', /not up after 800 ms/],
    ['another hook', { offer: { hook: 'acl', inputs: ['word'] } }, 'Inputs', /written for hook test, not for acl/],
    ['an input that there is not', { offer: { hook: 'test', inputs: ['other'] } }, 'Inputs', /no input word/],
    ['more memory than its cap', { memoryCap: 65_536 }, 'Memory', /1048576 bytes, allowed are 65536/],
    ['bytes of something else', { bytes: new TextEncoder().encode('text') }, 'Malformed', /not a WebAssembly/],
  ])('for %s', async (_, options, reason, message) => {
    const host = start(options);
    const asked = failure(host.evaluate('e1'));
    expect(await refusal(host)).toMatchObject({ reason, message: expect.stringMatching(message) });
    expect((await asked).reason).toBe('Stopped');
    expect((await failure(host.evaluate('e1'))).reason).toBe('Stopped');
  });

  it('for no declaration, or two', async () => {
    const bare = await compile(hostile);
    expect(await refusal(start({ bytes: bare }))).toMatchObject({
      reason: 'Inputs',
      message: expect.stringMatching(/found 0/),
    });
    expect(await refusal(start({ bytes: declared(bytes, declaration) }))).toMatchObject({
      message: expect.stringMatching(/found 2/),
    });
    const odd = declared(bare, { hook: 'test', inputs: 7 as never });
    expect(await refusal(start({ bytes: odd }))).toMatchObject({
      reason: 'Inputs',
      message: expect.stringMatching(/is not/),
    });
  });

  it('for an import', async () => {
    const source = `@external("env", "now") declare function now(): i32;\n${hostile.replace('counter = counter * 31 + i', 'counter += now()')}`;
    const foreign = declared(await compile(source), declaration);
    expect(await refusal(start({ bytes: foreign }))).toMatchObject({
      reason: 'Imports',
      message: expect.stringMatching(/env\.now/),
    });
  });
});
