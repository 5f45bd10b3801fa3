// Modules for tests of the host: compiled from a source in which the input chooses what happens.
import { declared, type Declaration } from '../../../lib/wasm/index.ts';

export const declaration: Declaration = { hook: 'test', inputs: ['word'] };

interface Build {
  readonly debug?: boolean;
  /** Pages of 64 KiB. */
  readonly maximum?: number;
}

/** Compiles AssemblyScript as users' modules are compiled. */
export async function compile(source: string, { debug = false, maximum = 16 }: Build = {}): Promise<Uint8Array> {
  const { default: asc } = await import('assemblyscript/asc');
  const output: { bytes?: Uint8Array } = {};
  const stderr = asc.createMemoryStream();
  const options = '--outFile out.wasm --runtime stub --use abort= --initialMemory 1';
  const { error } = await asc.main(
    ['index.ts', ...options.split(' '), '--maximumMemory', `${maximum}`, debug ? '--debug' : '--optimize'],
    {
      stderr,
      readFile: (name) => (name === 'index.ts' ? source : null),
      writeFile: (name, contents) => {
        if (name === 'out.wasm') output.bytes = contents as Uint8Array;
      },
      listFiles: () => [],
    },
  );
  if (error || !output.bytes) throw new Error(stderr.toString(), { cause: error });
  return output.bytes;
}

/**
 * The first character of the input is what to do; settings are `{"ok":...}` by their first letter after the brace:
 * those that begin with `{"b` (bad) are refused, `{"l` loops, `{"t` traps.
 */
export const hostile = `
const ARENA: usize = 8192;
let top: usize = ARENA;
let at: usize = 0;
let length: i32 = 0;
let counter: i32 = 0;

export function abi_version(): i32 { return 1; }
export function reset(): void { top = ARENA; }
export function alloc(size: i32): usize {
  const p = top;
  const end = p + <usize>size;
  if (end > (<usize>memory.size() << 16)) {
    const pages = <i32>((end + 65535) >> 16) - memory.size();
    if (memory.grow(pages) < 0) return 0;
  }
  top = end;
  return p;
}
export function result_ptr(): usize { return at; }
export function result_len(): i32 { return length; }

function say(text: string): i32 {
  at = 4096;
  length = text.length;
  for (let i = 0; i < text.length; i++) store<u8>(at + i, <u8>text.charCodeAt(i));
  return 0;
}

export function validate_settings(p: usize, n: i32): i32 {
  const c = n > 2 ? load<u8>(p + 2) : 0;
  if (c == 0x62) { say("settings are bad"); return 1; }
  if (c == 0x6c) while (true) counter++;
  if (c == 0x74) unreachable();
  return 0;
}

export function evaluate(s: usize, m: i32, p: usize, n: i32): i32 {
  // The input is a JSON string: the character after the quote decides.
  const c = load<u8>(p + 1);
  if (c == 0x65) { at = p; length = n; return 0; }                        // e: echo
  if (c == 0x73) { at = s; length = m; return 0; }                        // s: the settings
  if (c == 0x6c) while (true) counter++;                                  // l: loop
  if (c == 0x74) { counter = -1; unreachable(); }                         // t: trap
  if (c == 0x67) { while (memory.grow(1) >= 0) counter++; say("true"); return 0; } // g: grow to the cap
  if (c == 0x6e) { say("no such thing"); return 1; }                      // n: no answer
  if (c == 0x6a) { say("{not json"); return 0; }                          // j: no JSON
  if (c == 0x75) { store<u8>(4096, 0xff); at = 4096; length = 1; return 0; } // u: no UTF-8
  if (c == 0x6f) { at = 0xfffffff0; length = 8; return 0; }               // o: outside of the memory
  if (c == 0x69) { at = (<usize>memory.size() << 16) - 4; length = 8; return 0; } // i: over its end
  if (c == 0x68) { at = 0; length = 100000000; return 0; }                // h: a hundred million bytes
  if (c == 0x76) { at = 4; length = -1; return 0; }                       // v: a length below zero
  if (c == 0x72) { return recurse(1); }                                   // r: the stack
  if (c == 0x77) { say('{"word":1}'); return 0; }                         // w: the wrong shape
  if (c == 0x63) { counter++; say(counter.toString()); return 0; }        // c: what it remembers
  if (c == 0x62) { for (let i = 0; i < 40000000; i++) counter = counter * 31 + i; say('"slow"'); return 0; } // b: busy
  return say("null");
}

function recurse(n: i32): i32 { counter += n; return recurse(n + counter) + 1; }
`;

/** The hostile module, whole. */
export async function hostileModule(): Promise<Uint8Array> {
  return declared(await compile(hostile), declaration);
}
