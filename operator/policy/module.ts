// The module policies/networkpolicy as its host sees it: words in, words out. The only file that knows its layout.
import { loadModule } from '../../lib/wasm/index.ts';
import type { LoadedModule, ModuleExports } from '../../lib/wasm/index.ts';

/** Exports of policies/networkpolicy/assembly/index.ts. */
interface Exports {
  reset(): void;
  alloc(size: number): number;
  translate(input: number, length: number): number;
  result_ptr(): number;
  result_len(): number;
}

const functions = [
  'reset',
  'alloc',
  'translate',
  'result_ptr',
  'result_len',
] as const satisfies readonly (keyof Exports)[];

/** 16 MiB: a policy is 1.5 MB of JSON at most, the limit of etcd. */
const MEMORY_CAP = 16 * 1024 * 1024;

const statuses = ['ok', 'malformed input', 'out of memory'] as const;

/** The module could not answer; `status` as it names it. */
export class TranslationFailed extends Error {
  constructor(status: string) {
    super(`module networkpolicy: ${status}`);
    this.name = 'TranslationFailed';
  }
}

/** Checks the bytes of policies/networkpolicy/build/networkpolicy.wasm. Throws ModuleRefused. */
export const loadTranslator = (bytes: Uint8Array): LoadedModule<Exports> =>
  loadModule<Exports>(bytes, { functions, abiVersion: 2, memoryCap: MEMORY_CAP });

/** One instance of the module, which keeps nothing between calls. */
export class TranslationModule {
  readonly #module: LoadedModule<Exports>;
  #exports: Exports & ModuleExports;

  constructor(module: LoadedModule<Exports>) {
    this.#module = module;
    this.#exports = module.instance();
  }

  /** The answer to this input; a view of the module's memory, void at the next call. Throws TranslationFailed. */
  translate(input: Uint8Array): DataView {
    const { memory, ...calls } = this.#exports;
    calls.reset();
    const at = calls.alloc(input.length);
    if (at === 0) throw new TranslationFailed('out of memory');
    new Uint8Array(memory.buffer, at, input.length).set(input);
    const status = this.#run(at, input.length);
    if (status !== 0) throw new TranslationFailed(statuses[status] ?? `status ${status}`);
    return new DataView(memory.buffer, calls.result_ptr(), calls.result_len());
  }

  /** An instance that trapped is not used again. */
  #run(at: number, length: number): number {
    try {
      return this.#exports.translate(at, length);
    } catch (error) {
      this.#exports = this.#module.instance();
      throw new TranslationFailed(String(error));
    }
  }
}
