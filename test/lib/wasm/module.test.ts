import { describe, expect, it } from 'vitest';
import { ModuleRefused, loadModule, memoryLimits } from '../../../lib/wasm/index.ts';
import type { ModuleContract } from '../../../lib/wasm/index.ts';

interface Shape {
  readonly imports?: readonly (readonly [module: string, name: string])[];
  /** Exported functions; each returns its number. */
  readonly functions?: Readonly<Record<string, number>>;
  /** The memory section's content, without its size. */
  readonly memory?: readonly number[];
  readonly exportMemory?: boolean;
  /** The table section's content, without its size. */
  readonly table?: readonly number[];
  /** A further type, never used. */
  readonly type?: readonly number[];
  readonly custom?: Readonly<Record<string, string>>;
}

const preamble = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
const text = (value: string): number[] => [value.length, ...Buffer.from(value)];
const section = (id: number, content: readonly number[]): number[] =>
  content.length < 128
    ? [id, content.length, ...content]
    : [id, (content.length & 0x7f) | 0x80, content.length >> 7, ...content];

/** A module with functions of type () -> i32. */
function binary(shape: Shape): Uint8Array {
  const functions = Object.entries(shape.functions ?? {});
  const imports = shape.imports ?? [];
  const exports = functions.map(([name], at) => [...text(name), 0, at + imports.length]);
  if (shape.exportMemory ?? true) exports.push([...text('memory'), 2, 0]);
  const bodies = functions.map(([, value]) => [4, 0, 0x41, value, 0x0b]);
  return new Uint8Array([
    ...preamble,
    ...Object.entries(shape.custom ?? {}).flatMap(([name, value]) =>
      section(0, [...text(name), ...Buffer.from(value)]),
    ),
    ...section(1, [shape.type ? 2 : 1, 0x60, 0, 1, 0x7f, ...(shape.type ?? [])]),
    ...section(2, [imports.length, ...imports.flatMap(([module, name]) => [...text(module), ...text(name), 0, 0])]),
    ...section(3, [functions.length, ...functions.map(() => 0)]),
    ...(shape.table ? section(4, shape.table) : []),
    ...section(5, [...(shape.memory ?? [1, 1, 1, 2])]),
    ...section(7, [exports.length, ...exports.flat()]),
    ...section(10, [bodies.length, ...bodies.flat()]),
  ]);
}

const contract: ModuleContract = { functions: ['answer'], abiVersion: 1, memoryCap: 2 * 65_536 };
const good: Shape = { functions: { answer: 42, abi_version: 1 } };

const refusal = (bytes: Uint8Array): ModuleRefused => {
  try {
    loadModule(bytes, contract);
  } catch (error) {
    if (error instanceof ModuleRefused) return error;
    throw error;
  }
  throw new Error('was accepted');
};

describe('loadModule', () => {
  it('gives instances that share nothing', () => {
    const loaded = loadModule<{ answer(): number }>(binary(good), contract);
    const [one, other] = [loaded.instance(), loaded.instance()];
    expect(one.answer()).toBe(42);
    new Uint8Array(one.memory.buffer)[0] = 7;
    expect(new Uint8Array(other.memory.buffer)[0]).toBe(0);
  });

  it('names equal bytes equally, and different ones differently', () => {
    const digest = (shape: Shape): string => loadModule(binary(shape), contract).digest;
    expect(digest(good)).toBe(digest(good));
    expect(digest({ functions: { answer: 43, abi_version: 1 } })).not.toBe(digest(good));
    expect(digest(good)).toMatch(/^[0-9a-f]{64}$/);
  });

  it('gives custom sections', () => {
    const loaded = loadModule(binary({ ...good, custom: { reads: '["Pod"]', other: 'x' } }), contract);
    expect(loaded.sections('reads').map((bytes) => Buffer.from(bytes).toString())).toEqual(['["Pod"]']);
    expect(loaded.sections('none')).toEqual([]);
  });

  it('names the imports that it refuses', () => {
    const error = refusal(
      binary({
        ...good,
        imports: [
          ['env', 'seed'],
          ['env', 'Date.now'],
        ],
      }),
    );
    expect(error.reason).toBe('Imports');
    expect(error.message).toContain('env.seed, env.Date.now');
  });

  it.each([
    ['a missing function', { functions: { abi_version: 1 } }, 'Exports', 'answer'],
    ['a missing version', { functions: { answer: 1 } }, 'Exports', 'abi_version'],
    ['a hidden memory', { ...good, exportMemory: false }, 'Exports', 'memory'],
    ['another version', { functions: { answer: 1, abi_version: 2 } }, 'AbiVersion', 'version 2, expected 1'],
    ['no maximum', { ...good, memory: [1, 0, 1] }, 'Memory', 'must declare a maximum'],
    ['a maximum above the cap', { ...good, memory: [1, 1, 1, 3] }, 'Memory', '196608 bytes, allowed are 131072'],
    ['a maximum in two bytes', { ...good, memory: [1, 1, 1, 0x80, 0x20] }, 'Memory', '268435456 bytes'],
    ['a table without a maximum', { ...good, table: [1, 0x70, 0, 1] }, 'Memory', 'found Infinity'],
    [
      'tables that are large together',
      { ...good, table: [2, 0x70, 1, 1, 0x80, 0x80, 2, 0x6f, 1, 1, 0x80, 0x80, 4] },
      'Memory',
      'found 98304',
    ],
    [
      'a table with an initialiser',
      { ...good, table: [1, 0x40, 0, 0x70, 1, 1, 1, 0xd0, 0x70, 0x0b] },
      'Memory',
      'Infinity',
    ],
    ['an array of the heap', { ...good, type: [0x5e, 0x7f, 1] }, 'Memory', 'structs and arrays'],
    ['a group of types of the heap', { ...good, type: [0x4e, 1, 0x5f, 0] }, 'Memory', 'structs and arrays'],
    ['a shared memory', { ...good, memory: [1, 3, 1, 2] }, 'Memory', 'shared'],
  ] as const)('refuses %s', (_, shape, reason, message) => {
    const error = refusal(binary(shape));
    expect(error.reason).toBe(reason);
    expect(error.message).toContain(message);
  });

  it.each([
    ['nothing', new Uint8Array()],
    ['text', new TextEncoder().encode('export function answer() {}')],
    ['a cut module', binary(good).subarray(0, 30)],
  ])('refuses %s', (_, bytes) => {
    expect(refusal(bytes).reason).toBe('Malformed');
  });
});

describe('memoryLimits', () => {
  it('reads sizes of several bytes', () => {
    expect(memoryLimits(binary({ memory: [1, 1, 0x81, 0x01, 0x80, 0x80, 0x04] }))).toEqual([
      { initial: 129, maximum: 65_536, shared: false, wide: false },
    ]);
  });

  it('ends with bytes that end early', () => {
    const whole = binary({ memory: [1, 1, 1, 0xff, 0xff] });
    for (let length = 0; length <= whole.length; length++) memoryLimits(whole.subarray(0, length));
    expect(memoryLimits(new Uint8Array([0, 0, 0, 0, 0, 0, 0, 0, 5, 2, 0xff]))).toEqual([]);
  });
});
