// Loads WebAssembly modules that decide things: checked once, before any of their code runs. A module without imports
// can reach nothing but its own memory and gives the same answers for the same calls; one that could do more is refused.
import { createHash } from 'node:crypto';
import { instantiateSync } from '@assemblyscript/loader';
import { memoryLimits, plainTypes, tableElements } from './limits.ts';

const PAGE_BYTES = 65_536;
/** Of all tables together; half a megabyte. */
const TABLE_ELEMENTS = 65_536;

/** What the caller of a module relies on. */
export interface ModuleContract {
  /** Names of the functions that must be exported, besides `memory`. */
  readonly functions: readonly string[];
  /** The answer that `abi_version()` must give; functions of another version may mean something else. */
  readonly abiVersion: number;
  /** The module must declare a memory maximum of at most this many bytes. */
  readonly memoryCap: number;
}

/** Why a module was refused. `Imports` names every import, since that tells its author which feature asked for it. */
export type RefusalReason =
  | 'Malformed'
  | 'Imports'
  | 'Exports'
  | 'Memory'
  | 'AbiVersion'
  /** What it declares to read, or whom it is written for, is not what it is loaded for. */
  | 'Inputs'
  /** It does not take its settings. */
  | 'Settings'
  /** It did not come up: a trap or a missed deadline before its first evaluation. */
  | 'Load';

/** A module that breaks its contract. Loading it again cannot help. */
export class ModuleRefused extends Error {
  readonly reason: RefusalReason;

  constructor(reason: RefusalReason, message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'ModuleRefused';
    this.reason = reason;
  }
}

/** A checked, compiled module. */
export interface LoadedModule<Exports> {
  /** SHA-256 of the bytes, hex: two modules with one digest behave alike. */
  readonly digest: string;
  /** A new instance with a memory of its own. An instance that trapped must not be used again. */
  instance(): Exports & ModuleExports;
  /** Content of custom sections by name, in which modules declare what they read. */
  sections(name: string): Uint8Array[];
}

/** What every module exports. `memory.buffer` changes when the memory grows: views on it must be made anew. */
export interface ModuleExports {
  readonly memory: WebAssembly.Memory;
  abi_version(): number;
}

/**
 * Compiles and checks. Throws ModuleRefused; `Exports` is the caller's typing of `contract.functions`. The last check
 * calls the module, so one that nobody here wrote is to be loaded in the worker that will run it.
 */
export function loadModule<Exports extends object>(bytes: Uint8Array, contract: ModuleContract): LoadedModule<Exports> {
  const module = compile(bytes);
  checkImports(module);
  checkExports(module, contract.functions);
  checkMemory(bytes, contract.memoryCap);
  // The bare exports, not the loader's: those wrap each call in a function with rest arguments.
  const instance = (): Exports & ModuleExports =>
    instantiateSync(module).instance.exports as unknown as Exports & ModuleExports;
  checkVersion(instance(), contract.abiVersion);
  return {
    digest: createHash('sha256').update(bytes).digest('hex'),
    instance,
    sections: (name) => WebAssembly.Module.customSections(module, name).map((section) => new Uint8Array(section)),
  };
}

function compile(bytes: Uint8Array): WebAssembly.Module {
  try {
    return new WebAssembly.Module(bytes);
  } catch (error) {
    throw new ModuleRefused('Malformed', `not a WebAssembly module: ${String(error)}`, error);
  }
}

function checkImports(module: WebAssembly.Module): void {
  const names = WebAssembly.Module.imports(module).map((wanted) => `${wanted.module}.${wanted.name}`);
  if (names.length > 0) throw new ModuleRefused('Imports', `imports are not allowed, found ${names.join(', ')}`);
}

function checkExports(module: WebAssembly.Module, functions: readonly string[]): void {
  const kinds = new Map(WebAssembly.Module.exports(module).map((entry) => [entry.name, entry.kind]));
  const missing = [...functions, 'abi_version'].filter((name) => kinds.get(name) !== 'function');
  if (kinds.get('memory') !== 'memory') missing.push('memory');
  if (missing.length > 0) throw new ModuleRefused('Exports', `exports are missing: ${missing.join(', ')}`);
}

function checkMemory(bytes: Uint8Array, cap: number): void {
  const problem = memoryProblem(bytes, cap) ?? hiddenMemoryProblem(bytes);
  if (problem) throw new ModuleRefused('Memory', problem);
}

function memoryProblem(bytes: Uint8Array, cap: number): string | undefined {
  const [memory, ...more] = memoryLimits(bytes);
  if (!memory || more.length > 0) return `exactly one memory is expected, found ${memory ? more.length + 1 : 0}`;
  if (memory.shared || memory.wide) return 'shared and 64-bit memories are not allowed';
  if (memory.maximum === undefined) return 'the memory must declare a maximum';
  const declared = memory.maximum * PAGE_BYTES;
  return declared > cap ? `the memory may grow to ${declared} bytes, allowed are ${cap}` : undefined;
}

/** Memory outside of the declared one. */
function hiddenMemoryProblem(bytes: Uint8Array): string | undefined {
  if (!plainTypes(bytes)) return 'only function types over plain values are allowed: structs and arrays have no cap';
  const elements = tableElements(bytes);
  return elements > TABLE_ELEMENTS
    ? `tables must declare maxima of at most ${TABLE_ELEMENTS} elements together, found ${elements}`
    : undefined;
}

function checkVersion(instance: ModuleExports, expected: number): void {
  const version = instance.abi_version();
  if (version !== expected) throw new ModuleRefused('AbiVersion', `interface version ${version}, expected ${expected}`);
}
