// The cases of a policy module: each is a file with settings and an input, and what must come of them. They are run as
// the operator runs the module, with the release build and with the debug build: what only one of them does is a mistake
// of the module's, such as a number that overflows.
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { EvaluationFailed, type HostClock, ModuleHost, ModuleRefused } from '../../lib/wasm/index.ts';
import { type Hook, hookInputs } from '../../operator/api/policy-module.ts';
import { parseAclAnswer } from '../../operator/policy/acl-answer.ts';
import { parseVerdict } from '../../operator/policy/admission.ts';
import { checkChoice, parseChoice } from '../../operator/policy/choice.ts';
import { objectOf } from '../../operator/api/json.ts';
import { type Build, compiled } from './compile.ts';
import { PolicyError, type Project, readJson } from './project.ts';

export interface CaseResult {
  readonly name: string;
  readonly build: Build;
  /** Absent: it is as it should be. */
  readonly wrong?: string;
}

/** What came of a case: an answer, settings that are refused, or no answer. */
type Outcome = { readonly answer: unknown } | { readonly refused: string } | { readonly failure: string };

const outcomes = ['answer', 'refused', 'failure'] as const;

interface Case {
  readonly name: string;
  readonly settings: unknown;
  readonly input: unknown;
  readonly expected: Readonly<Record<string, unknown>>;
}

const deadlineMs = 1000;
const memoryCap = 256 * 1024 * 1024;

/** Runs every case with every build. Throws PolicyError when there are none, or one cannot be read. */
export async function runCases(project: Project, clock: HostClock): Promise<CaseResult[]> {
  const cases = await readCases(join(project.folder, 'cases'));
  const results: CaseResult[] = [];
  for (const build of ['release', 'debug'] as const) {
    const { bytes } = await compiled(project, build);
    for (const each of cases) {
      const outcome = await outcomeOf(each, { bytes, hook: project.hook, clock });
      results.push({ name: each.name, build, ...differenceOf(each.expected, outcome) });
    }
  }
  return results;
}

async function readCases(folder: string): Promise<Case[]> {
  const files = await readdir(folder).catch(() => []);
  const names = files.filter((name) => name.endsWith('.json')).sort();
  if (names.length === 0) throw new PolicyError(`${folder} holds no cases`);
  return await Promise.all(names.map(async (name) => caseOf(join(folder, name), name.slice(0, -'.json'.length))));
}

async function caseOf(path: string, name: string): Promise<Case> {
  const { settings = {}, input = {}, ...expected } = await readJson(path);
  const [outcome, ...more] = Object.keys(expected);
  if (more.length > 0 || !outcomes.some((known) => known === outcome))
    throw new PolicyError(`${path}: beside settings and input exactly one of ${outcomes.join(', ')} is expected`);
  return { name, settings, input, expected };
}

interface Module {
  readonly bytes: Uint8Array;
  readonly hook: Hook;
  readonly clock: HostClock;
}

/** What the operator makes of an answer. Throws what it says of one that it does not take. */
const checks: Readonly<Record<Hook, (answer: unknown, input: unknown) => void>> = {
  acl: (answer) => void parseAclAnswer(answer),
  admission: (answer) => void parseVerdict(answer),
  ipam: (answer, input) => checkChoice(parseChoice(answer), objectOf(input)),
};

async function outcomeOf({ settings, input }: Case, { bytes, hook, clock }: Module): Promise<Outcome> {
  const check = checks[hook];
  const offer = { hook, inputs: hookInputs[hook] };
  // What it said, once it is known that the operator would take it.
  const parse = (answer: unknown): unknown => (check(answer, input), answer);
  const host = new ModuleHost<unknown>({ bytes, settings, offer, clock, deadlineMs, memoryCap, parse });
  try {
    await host.ready;
    return { answer: await host.evaluate(input) };
  } catch (error) {
    if (error instanceof EvaluationFailed) return { failure: `${error.reason}: ${error.message}` };
    if (error instanceof ModuleRefused && error.reason === 'Settings') return { refused: error.message };
    throw error;
  } finally {
    await host.stop();
  }
}

function differenceOf(expected: Case['expected'], outcome: Outcome): Pick<CaseResult, 'wrong'> {
  if (isDeepStrictEqual(expected, { ...outcome })) return {};
  return { wrong: `expected ${JSON.stringify(expected)}\n  but got  ${JSON.stringify(outcome)}` };
}
