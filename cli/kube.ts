// The API server that a kubeconfig names, for commands that read.
import { KubeConfig, KubernetesObjectApi } from '@kubernetes/client-node';

export interface ClusterOptions {
  /** '' for the default of kubectl. */
  readonly kubeconfig: string;
  /** '' for the current context. */
  readonly context: string;
}

/** Throws an Error for a context that does not exist. */
export function apiOf({ kubeconfig, context }: ClusterOptions): KubernetesObjectApi {
  const config = new KubeConfig();
  if (kubeconfig === '') config.loadFromDefault();
  else config.loadFromFile(kubeconfig);
  if (context !== '') {
    if (config.getContextObject(context) === null) throw new Error(`no context ${context} in the kubeconfig`);
    config.setCurrentContext(context);
  }
  return KubernetesObjectApi.makeApiClient(config);
}
