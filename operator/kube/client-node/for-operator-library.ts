// What @dot-i/k8s-operator finds under the name of @kubernetes/client-node: the configuration, and in place of the core
// client that its constructor makes something that makes nothing. Its watch and its registration of CRDs are overridden in operator.ts.
export { KubeConfig } from '@kubernetes/client-node/dist/config.js';

export function CoreV1Api(): void {}
