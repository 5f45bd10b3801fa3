// The public face of lib/wasm: hosting of sandboxed decision modules.
export { ModuleRefused, loadModule } from './module.ts';
export type { LoadedModule, ModuleContract, ModuleExports, RefusalReason } from './module.ts';
export { memoryLimits } from './limits.ts';
export type { MemoryLimits } from './limits.ts';
