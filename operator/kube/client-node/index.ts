// KubeConfig without the clients and models of every kind that its package would load; see the README here.
import { createRequire, registerHooks } from 'node:module';
import type * as configuration from '@kubernetes/client-node/dist/config.js';

const own = (file: string): string => new URL(file, import.meta.url).href;

/** By importing module and specifier: the file of ours that answers. */
const answers: readonly (readonly [from: string, specifier: string, file: string])[] = [
  ['/@kubernetes/client-node/dist/config.js', './gen/index.js', own('generated.ts')],
  ['/@dot-i/k8s-operator/dist/operator.js', '@kubernetes/client-node', own('for-operator-library.ts')],
];

registerHooks({
  resolve: (specifier, context, next) => {
    const from = context.parentURL ?? '';
    const [, , file] = answers.find(([end, name]) => name === specifier && from.endsWith(end)) ?? [];
    return file === undefined ? next(specifier, context) : { url: file, shortCircuit: true };
  },
});

// Not an import: that would be resolved before the lines above are run.
const required = createRequire(import.meta.url)('@kubernetes/client-node/dist/config.js') as typeof configuration;

export type KubeConfig = configuration.KubeConfig;
export const KubeConfig = required.KubeConfig;
