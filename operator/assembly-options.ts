// What the operator's process is made from.
import type { KubeConfig } from '@kubernetes/client-node';
import type { Registry } from 'prom-client';
import type { Environment } from './environment.ts';
import type { Log } from './kube/log.ts';
import type { Part } from './kube/operator.ts';
import type { Settings } from './settings.ts';

export interface AssemblyOptions {
  readonly settings: Settings;
  readonly environment: Environment;
  readonly kubeConfig: KubeConfig;
  readonly log: Log;
  /** The compiled policies/ipam. */
  readonly allocator: Uint8Array;
  /** The compiled policies/networkpolicy. */
  readonly policies: Uint8Array;
  /** Adds to the metrics what others know. */
  readonly register?: (registry: Registry) => void;
}

export const part = (name: string, of: Pick<Part, 'start' | 'stop'>): Part => ({
  name,
  start: () => of.start(),
  stop: () => of.stop(),
});
