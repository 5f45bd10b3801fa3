// What the SDK reads and writes is what went in, and no number of evaluations takes more memory than the first.
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { compiled } from '../../../cli/policy/compile.ts';
import { readProject } from '../../../cli/policy/project.ts';
import { Evaluator } from '../../../lib/wasm/evaluation.ts';
import { ABI_VERSION, foreignFunctions, loadModule, type LoadedModule } from '../../../lib/wasm/index.ts';
import type { ForeignExports } from '../../../lib/wasm/abi.ts';

/** Says its input again, and remembers things in globals that were made at the start. */
const echo = `
import { refuse, Value } from "@kubeloom/policy-sdk/assembly/admission";
const made: string[] = ["made", "at", "the", "start"];
const seen = new Map<string, i32>();
seen.set("start", 1);
export function validate(settings: Value): string { return ""; }
export function evaluate(input: Value, settings: Value): string {
  if (input.get("refuse").text() != "") refuse(input.get("refuse").text());
  if (input.get("globals").flag()) return made.join(" ") + " " + seen.get("start").toString();
  return input.get("value").toString();
}
`;

let folder: string;
let module: LoadedModule<ForeignExports>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sdk-'));
  await cp(join(import.meta.dirname, '../../../policies/sdk/template/admission'), folder, { recursive: true });
  await writeFile(join(folder, 'policy.json'), JSON.stringify({ name: 'echo', hook: 'admission', inputs: ['object'] }));
  await writeFile(join(folder, 'assembly/index.ts'), echo);
  const { bytes } = await compiled(await readProject(folder), 'release');
  module = loadModule(bytes, { functions: foreignFunctions, abiVersion: ABI_VERSION, memoryCap: 2 ** 28 });
}, 180_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

const evaluator = (): Evaluator => new Evaluator(module, Buffer.from('{}'), { resultCap: 2 ** 20 });

function answer(of: Evaluator, input: unknown): unknown {
  const reply = of.evaluate(Buffer.from(JSON.stringify(input)));
  if ('failure' in reply) throw new Error(`${reply.failure}: ${reply.message}`);
  return JSON.parse(reply.answer);
}

/** As the admission hook passes it on. */
const echoed = (of: Evaluator, value: unknown): unknown =>
  JSON.parse((answer(of, { value }) as { message: string }).message);

const number = fc.oneof(fc.integer(), fc.integer({ min: -(2 ** 50), max: 2 ** 50 }), fc.constantFrom(0.5, -1.25, 1e-3));
const value = fc.letrec((tie) => ({
  any: fc.oneof(
    { maxDepth: 5 },
    fc.constant(null),
    fc.boolean(),
    number,
    fc.string({ unit: 'binary' }),
    fc.array(tie('any')),
    fc.dictionary(
      fc.string({ unit: 'grapheme' }).filter((key) => key !== '__proto__'),
      tie('any'),
    ),
  ),
})).any;

it('gives back every JSON value', () => {
  const of = evaluator();
  const same = fc.property(value, (each) => {
    expect(echoed(of, each)).toEqual(each);
  });
  fc.assert(same, { numRuns: 500 });
});

it('reads what other writers write', () => {
  const of = evaluator();
  const text = '{"value" : [ 1 ,\t"\\u00fc\\/\\ud83d\\ude00\\b" , { } , [ ] , -0.5e1 ] }';
  const reply = of.evaluate(Buffer.from(text));
  expect(reply).toHaveProperty('answer');
  const { message } = JSON.parse((reply as { answer: string }).answer) as { message: string };
  expect(JSON.parse(message)).toEqual([1, 'ü/😀\b', {}, [], -5]);
});

it('keeps what its globals made, and takes no more memory with the number of evaluations', () => {
  const instances: { memory: WebAssembly.Memory }[] = [];
  const spied = { ...module, instance: () => (instances.push(module.instance()), instances.at(-1)) } as typeof module;
  const of = new Evaluator(spied, Buffer.from('{}'), { resultCap: 2 ** 20 });
  const long = { value: Array.from({ length: 200 }, (_, at) => ({ name: `entry ${at}`, list: [at, `"${at}"`] })) };
  answer(of, long);
  const size = instances[0]?.memory.buffer.byteLength;
  for (let round = 0; round < 2000; round++) answer(of, long);
  expect(answer(of, { globals: true })).toEqual({ allowed: false, message: 'made at the start 1' });
  expect(instances).toHaveLength(1);
  expect(instances[0]?.memory.buffer.byteLength).toBe(size);
});

it('says that it cannot answer, and why', () => {
  const of = evaluator();
  expect(of.evaluate(Buffer.from('{"refuse":"no idea"}'))).toEqual({ failure: 'Refused', message: 'no idea' });
  expect(answer(of, { globals: true })).toMatchObject({ allowed: false });
});

it('survives what is no JSON', () => {
  const of = evaluator();
  for (const text of [
    '',
    '{',
    '[',
    '"',
    '{"value":',
    '{"value":"\\',
    '[[[[',
    '}',
    '{"a" 1}',
    '\u0000',
    '{"value":[1,',
  ]) {
    const reply = of.evaluate(Buffer.from(text));
    expect(Object.keys(reply)[0]).toMatch(/^(answer|failure)$/);
  }
  expect(echoed(of, 'still here')).toBe('still here');
});
