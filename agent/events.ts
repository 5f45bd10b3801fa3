// What a pod's user reads of the agent's work: events in the words of Kube-OVN, which people and tests look for.
import type { Report } from '../proto/kubeloom/plan/v1/Report.gen.ts';
import { CniError } from './cni/error.ts';
import type { CniRequest } from './cni/request.ts';
import type { PortSpec } from './items.ts';

const host = (prefix: string): string => prefix.replace(/\/.*/, '');

function podEvent(request: CniRequest, nodeName: string, told: { type: string; reason: string; text: string }): Report {
  const { pod, conf, ifname } = request;
  return {
    event: {
      api_version: 'v1',
      kind: 'Pod',
      namespace: pod.namespace,
      name: pod.name,
      uid: pod.uid,
      type: told.type,
      reason: told.reason,
      message: `${told.text} provider=${conf.provider} interface=${ifname} node=${nodeName}`,
    },
  };
}

export function configured(request: CniRequest, port: PortSpec, nodeName: string): Report {
  const text = `subnet=${port.subnet} ip=${port.addresses.map(host).join(',')} mac=${port.mac}`;
  return podEvent(request, nodeName, { type: 'Normal', reason: 'PodNetworkConfigured', text });
}

function failureText(error: unknown): string {
  const stage = error instanceof CniError && error.stage !== '' ? error.stage : 'cni';
  return `stage=${stage.replaceAll(' ', '-')} error=${error instanceof Error ? error.message : String(error)}`;
}

export function configureFailed(request: CniRequest, error: unknown, nodeName: string): Report {
  return podEvent(request, nodeName, {
    type: 'Warning',
    reason: 'PodNetworkConfigureFailed',
    text: failureText(error),
  });
}

export function removeFailed(request: CniRequest, error: unknown, nodeName: string): Report {
  return podEvent(request, nodeName, { type: 'Warning', reason: 'PodNetworkRemoveFailed', text: failureText(error) });
}
