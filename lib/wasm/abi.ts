// The interface of modules that users write: UTF-8 JSON with explicit lengths through an arena in the module's memory.
//
//   load       abi_version() -> 1;  custom section `kubeloom.inputs`: {"hook": "...", "inputs": ["...", ...]}
//   settings   reset()  p = alloc(n)  <n bytes at p>  validate_settings(p, n) -> status
//   call       reset()  s = alloc(m)  i = alloc(n)  <bytes>  evaluate(s, m, i, n) -> status
//   result     result_ptr(), result_len(): JSON when the status is 0; when it is not, plain text that says why
//
// A call starts from `reset`, so that nothing of the one before it takes room. Settings come with every evaluation: a
// module keeps nothing, and a new instance is as good as an old one.

export const ABI_VERSION = 1;

/** Name of the custom section in which a module says what it is for and what it reads. */
export const INPUTS_SECTION = 'kubeloom.inputs';

/** Exports of a module, besides those of every module. Pointers and lengths are u32 in i32. */
export interface ForeignExports {
  /** Forgets all that was allocated. */
  reset(): void;
  /** Room for this many bytes; 0 when there is none. */
  alloc(size: number): number;
  validate_settings(settings: number, length: number): number;
  evaluate(settings: number, settingsLength: number, input: number, inputLength: number): number;
  result_ptr(): number;
  result_len(): number;
}

export const foreignFunctions = [
  'reset',
  'alloc',
  'validate_settings',
  'evaluate',
  'result_ptr',
  'result_len',
] as const satisfies readonly (keyof ForeignExports)[];

/** What a module declares. */
export interface Declaration {
  readonly hook: string;
  /** Names of inputs, in the order in which it declares them. */
  readonly inputs: readonly string[];
}

/** A module that passed every check and took its settings. */
export interface Description extends Declaration {
  /** SHA-256 of the bytes, hex. */
  readonly digest: string;
}

/** Why an evaluation has no answer. */
export type FailureReason =
  /** It ran for longer than its deadline and was cut off. */
  | 'Deadline'
  /** A trap, or the thread ended. */
  | 'Trap'
  /** It has no room for the input. */
  | 'Memory'
  /** The answer is longer than allowed. */
  | 'Oversized'
  /** The answer is no JSON text inside of the memory. */
  | 'Malformed'
  /** The answer is JSON of another shape than the hook's. */
  | 'Shape'
  /** The module said that it cannot answer. */
  | 'Refused'
  /** It missed its deadline several times in a row and rests. */
  | 'Resting'
  /** The host was stopped, or never came up. */
  | 'Stopped';

/** An evaluation that gave no answer. The host is as good as before. */
export class EvaluationFailed extends Error {
  readonly reason: FailureReason;

  constructor(reason: FailureReason, message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'EvaluationFailed';
    this.reason = reason;
  }
}

/** What the thread says of one evaluation, in the order of the inputs: the text of the answer, or what went wrong. */
export type Reply =
  | { readonly answer: string }
  | { readonly failure: Exclude<FailureReason, 'Shape'>; readonly message: string };
