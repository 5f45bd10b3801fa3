// The public face of lib/wasm: hosting of sandboxed decision modules.
export { ModuleRefused, loadModule } from './module.ts';
export type { LoadedModule, ModuleContract, ModuleExports, RefusalReason } from './module.ts';
export { memoryLimits } from './limits.ts';
export type { MemoryLimits } from './limits.ts';
export { ABI_VERSION, EvaluationFailed, foreignFunctions } from './abi.ts';
export type { Declaration, Description, FailureReason } from './abi.ts';
export { declared } from './inputs.ts';
export type { Offer } from './inputs.ts';
export { ModuleHost } from './host.ts';
export type { HostOptions } from './host.ts';
export type { HostClock } from './thread.ts';
