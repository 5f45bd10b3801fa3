// Conditions computed from problems and from what is applied; pure. The types and the three-way rule are Kube-OVN's:
// Ready, Validated and Error, where only a failed validation makes Validated False.
import type { Json, JsonObject, ProblemFact } from '../api/fact.ts';
import { advisory, type ConditionWords } from '../api/reasons.ts';
import { asObject } from './object.ts';

export interface Condition {
  readonly type: 'Ready' | 'Validated' | 'Error';
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: string;
  readonly message: string;
  readonly observedGeneration: number;
  /** RFC 3339, seconds. */
  readonly lastUpdateTime: string;
  readonly lastTransitionTime: string;
}

export interface ConditionInputs {
  readonly generation: number;
  readonly problems: readonly Pick<ProblemFact, 'reason' | 'message'>[];
  /** Everything that the object wants is confirmed. */
  readonly applied: boolean;
  /** Of the kind. */
  readonly words: ConditionWords;
  /** The conditions that the API shows now. */
  readonly previous: readonly JsonObject[];
  /** RFC 3339, seconds. */
  readonly now: string;
}

type Verdict = Pick<Condition, 'type' | 'status' | 'reason' | 'message' | 'observedGeneration'>;

const longest = 2000;

/** Times are kept from `previous` unless something changed, so equal inputs give equal conditions at any time. */
export function conditions(inputs: ConditionInputs): Condition[] {
  const previous = new Map(inputs.previous.map((condition) => [condition.type, condition]));
  return verdicts(inputs, previous).map((verdict) => timed(verdict, previous.get(verdict.type), inputs.now));
}

function verdicts(inputs: ConditionInputs, previous: ReadonlyMap<Json | undefined, JsonObject>): Verdict[] {
  const { generation, problems, applied, words } = inputs;
  const at = (type: Condition['type'], status: Condition['status'], reason: string, message = ''): Verdict => ({
    type,
    status,
    reason,
    message,
    observedGeneration: generation,
  });
  const sorted = problems.toSorted((a, b) => (`${a.reason} ${a.message}` < `${b.reason} ${b.message}` ? -1 : 1));
  const rejected = sorted.find(({ reason }) => reason === words.invalid);
  const grave = sorted.filter(({ reason }) => !advisory.has(reason));
  const worst = rejected ?? grave[0] ?? sorted[0];
  const validated = validatedBy(sorted, words, at);
  const error =
    worst === undefined ? at('Error', 'False', 'NoError') : at('Error', 'True', worst.reason, textOf(sorted));
  if (worst !== undefined && grave.length > 0) {
    return [at('Ready', 'False', worst.reason, textOf(grave)), validated, error];
  }
  const ready = applied
    ? at('Ready', 'True', words.ready)
    : notYet(previous.get('Ready'), at('Ready', 'Unknown', 'Init', 'Not Observed'));
  return [ready, validated, error];
}

type At = (type: Condition['type'], status: Condition['status'], reason: string, message?: string) => Verdict;

function validatedBy(problems: ConditionInputs['problems'], { valid, invalid }: ConditionWords, at: At): Verdict {
  const rejected = problems.find(({ reason }) => reason === invalid);
  if (rejected !== undefined) return at('Validated', 'False', rejected.reason, rejected.message);
  // Nobody has looked at what the spec says.
  if (problems.some(({ reason }) => reason === 'KindNotAvailable'))
    return at('Validated', 'Unknown', 'Init', 'Not Observed');
  return at('Validated', 'True', valid);
}

const textOf = (problems: ConditionInputs['problems']): string =>
  problems
    .map(({ message }) => message)
    .join('; ')
    .slice(0, longest);

// While rows are on their way the last word on Ready stands, with the generation that it was said of: a condition that
// went to Unknown and back with every change would wake everyone who waits for it.
function notYet(previous: JsonObject | undefined, initial: Verdict): Verdict {
  if (previous === undefined || typeof previous.status !== 'string' || previous.reason === 'Init') return initial;
  const { status, reason, message, observedGeneration } = previous;
  return {
    type: 'Ready',
    status: status as Condition['status'],
    reason: typeof reason === 'string' ? reason : 'Init',
    message: typeof message === 'string' ? message : '',
    observedGeneration: typeof observedGeneration === 'number' ? observedGeneration : 0,
  };
}

function timed(verdict: Verdict, previous: JsonObject | undefined, now: string): Condition {
  const transition = previous?.status === verdict.status ? timeOf(previous.lastTransitionTime, now) : now;
  const same = Object.entries(verdict).every(([key, value]) => (previous?.[key] ?? '') === value);
  return {
    ...verdict,
    lastUpdateTime: same ? timeOf(previous?.lastUpdateTime, now) : now,
    lastTransitionTime: transition,
  };
}

function timeOf(value: Json | undefined, fallback: string): string {
  return typeof value === 'string' ? value : fallback;
}

/** The list `status.conditions` of an observed status. */
export function conditionsOf(status: JsonObject | undefined): JsonObject[] {
  const list = status?.conditions;
  if (!Array.isArray(list)) return [];
  return list.map((condition: Json) => asObject(condition)).filter((condition) => condition !== undefined);
}
