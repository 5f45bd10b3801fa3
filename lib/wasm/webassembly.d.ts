// The part of the W3C WebAssembly JavaScript Interface that lib/wasm uses: neither TypeScript's `es` libraries nor
// @types/node declare it, and the `dom` library would bring a browser's globals into every file.
declare namespace WebAssembly {
  type ValueKind = 'function' | 'global' | 'memory' | 'table' | 'tag';

  interface ImportDescriptor {
    readonly module: string;
    readonly name: string;
    readonly kind: ValueKind;
  }

  interface ExportDescriptor {
    readonly name: string;
    readonly kind: ValueKind;
  }

  class Module {
    constructor(bytes: ArrayBufferView | ArrayBuffer);
    static imports(module: Module): ImportDescriptor[];
    static exports(module: Module): ExportDescriptor[];
    static customSections(module: Module, name: string): ArrayBuffer[];
  }

  class Instance {
    constructor(module: Module, imports?: object);
    readonly exports: Record<string, unknown>;
  }

  class Memory {
    readonly buffer: ArrayBuffer;
  }

  class Table {
    readonly length: number;
  }

  class CompileError extends Error {}
  class LinkError extends Error {}
  class RuntimeError extends Error {}
}
