// One module with its settings, called. Trusts nothing that the module says: not a pointer, not a length, not a text.
// Runs in the thread of the module; a call returns when the module does.
import { type ForeignExports, type Reply } from './abi.ts';
import { type LoadedModule, type ModuleExports, ModuleRefused } from './module.ts';

export interface EvaluationLimits {
  /** Longest result, in bytes. */
  readonly resultCap: number;
}

type Instance = ForeignExports & ModuleExports;

/** Longest text of a module that is passed on as a message. */
const longestMessage = 1000;

class Failed extends Error {
  readonly failure: 'Memory' | 'Oversized' | 'Malformed';

  constructor(failure: Failed['failure'], message: string) {
    super(message);
    this.failure = failure;
  }
}

export class Evaluator {
  readonly #module: LoadedModule<ForeignExports>;
  readonly #settings: Uint8Array;
  readonly #limits: EvaluationLimits;
  /** A fault leaves an instance in the middle of something: the next call gets another. */
  #instance: Instance | undefined;

  /** `settings`: JSON text. Has them checked by the module; throws ModuleRefused. */
  constructor(module: LoadedModule<ForeignExports>, settings: Uint8Array, limits: EvaluationLimits) {
    this.#module = module;
    this.#settings = settings;
    this.#limits = limits;
    this.#validate();
  }

  /** `input`: JSON text. Never throws. */
  evaluate(input: Uint8Array): Reply {
    return this.#guarded((instance) => {
      instance.reset();
      const settings = place(instance, this.#settings);
      const at = place(instance, input);
      const status = instance.evaluate(settings, this.#settings.length, at, input.length);
      const text = this.#result(instance);
      return status === 0 ? { answer: text } : { failure: 'Refused', message: text.slice(0, longestMessage) };
    });
  }

  #validate(): void {
    const reply = this.#guarded((instance) => {
      instance.reset();
      const status = instance.validate_settings(place(instance, this.#settings), this.#settings.length);
      return status === 0 ? { answer: '' } : { failure: 'Refused', message: this.#result(instance) };
    });
    if ('answer' in reply) return;
    const message = reply.message.slice(0, longestMessage);
    if (reply.failure === 'Refused') throw new ModuleRefused('Settings', message);
    throw new ModuleRefused('Load', `its settings could not be checked: ${message}`);
  }

  #guarded(call: (instance: Instance) => Reply): Reply {
    try {
      this.#instance ??= this.#module.instance();
      return call(this.#instance);
    } catch (error) {
      this.#instance = undefined;
      if (error instanceof Failed) return { failure: error.failure, message: error.message };
      return { failure: 'Trap', message: String(error).slice(0, longestMessage) };
    }
  }

  /** A copy: the arena is reset by the next call. */
  #result(instance: Instance): string {
    const [at, length] = [instance.result_ptr() >>> 0, instance.result_len() >>> 0];
    if (length > this.#limits.resultCap)
      throw new Failed('Oversized', `the result has ${length} bytes, allowed are ${this.#limits.resultCap}`);
    const memory = instance.memory.buffer;
    if (at + length > memory.byteLength) throw new Failed('Malformed', 'the result lies outside of the memory');
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(new Uint8Array(memory, at, length));
    } catch {
      throw new Failed('Malformed', 'the result is not UTF-8');
    }
  }
}

function place(instance: Instance, bytes: Uint8Array): number {
  const at = instance.alloc(bytes.length) >>> 0;
  const memory = instance.memory.buffer;
  if (at === 0 || at + bytes.length > memory.byteLength)
    throw new Failed('Memory', `alloc gave no room for ${bytes.length} bytes`);
  new Uint8Array(memory).set(bytes, at);
  return at;
}
