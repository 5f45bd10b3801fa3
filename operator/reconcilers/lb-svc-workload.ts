// The Deployment of the pod by which a Service is reached from outside. Names and labels are Kube-OVN's.
import type { JsonObject } from '../api/fact.ts';
import { forwardsKey } from '../api/gateway-row.ts';
import { networksAnnotation } from '../api/networks.ts';
import type { ServiceRow } from '../api/service-row.ts';
import type { Wanted } from './lb-svc-check.ts';
import { networkProvider } from './lb-svc-check.ts';
import { switchKey } from './service-vpc.ts';

export const deploymentName = (service: string): string => `lb-svc-${service}`;

/** As it is called in the pod: the first that is attached. */
export const outerInterface = 'net1';

/** A label's value has room for 63 characters, and ends in a letter or a digit. */
const labelValue = (text: string): string => text.slice(0, 63).replace(/[^a-z0-9]+$/, '');

export function deployment({ meta }: ServiceRow, wanted: Wanted): JsonObject {
  const labels = { app: labelValue(deploymentName(meta.name)), namespace: meta.namespace, service: meta.name };
  return {
    metadata: { labels },
    spec: {
      replicas: 1,
      selector: { matchLabels: labels },
      // Two of them would want one address.
      strategy: { type: 'Recreate' },
      template: {
        metadata: { labels, annotations: annotations(meta, wanted) },
        spec: {
          containers: [container(wanted)],
          ...(Object.keys(wanted.nodeSelector).length > 0 && { nodeSelector: wanted.nodeSelector }),
          terminationGracePeriodSeconds: 0,
          automountServiceAccountToken: false,
          enableServiceLinks: false,
        },
      },
    },
  };
}

function annotations(
  { name, annotations: said }: ServiceRow['meta'],
  { network, attachment, address }: Wanted,
): JsonObject {
  const { namespace, definition, provider } = network;
  const prefix = `${networkProvider(network, attachment.isOvn)}.kubernetes.io`;
  const subnet = said[`${provider}.kubernetes.io/logical_switch`] ?? '';
  return {
    [forwardsKey]: name,
    [networksAnnotation]: `${namespace}/${definition}`,
    ...(subnet !== '' && { [`${prefix}/logical_switch`]: subnet }),
    ...(address !== '' && { [`${prefix}/ip_address`]: address }),
    ...(said[switchKey] !== undefined && { [switchKey]: said[switchKey] }),
  };
}

/** It has begun when the agent has made what passes things on: of either family, for there may be one alone. */
const isServing = `ip rule show iif ${outerInterface} | grep -q . || ip -6 rule show iif ${outerInterface} | grep -q .`;

/** Nothing is done in it; the image has the tools with which people look inside, and they need these capabilities. */
const container = ({ image, attachment: { resource } }: Wanted): JsonObject => ({
  name: 'lb-svc',
  image,
  imagePullPolicy: 'IfNotPresent',
  command: ['sleep', 'infinity'],
  securityContext: {
    privileged: false,
    allowPrivilegeEscalation: false,
    capabilities: { add: ['NET_ADMIN', 'NET_RAW'] },
  },
  startupProbe: {
    exec: { command: ['sh', '-c', isServing] },
    periodSeconds: 1,
    timeoutSeconds: 5,
    failureThreshold: forEver,
  },
  ...(resource !== '' && { resources: { limits: { [resource]: '1' }, requests: { [resource]: '1' } } }),
});

/** Seconds, in which no agent is too late. */
const forEver = 1_000_000_000;
