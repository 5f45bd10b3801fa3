// Tells the API server whose certificates to accept: the CA goes into caBundle of each webhook of our configuration. The
// CA before it stays beside it until it expires, since another replica may serve under it for a moment longer.
import { X509Certificate } from 'node:crypto';
import type { Ref } from '../api/fact.ts';
import { listOf, objectOf, textOf } from '../api/json.ts';
import type { KubeClient } from '../kube/client.ts';
import { field } from '../kube/object.ts';

/** The name of the configuration, as Kube-OVN calls it. */
export const configurationName = 'kube-ovn-webhook';

const configuration: Ref = {
  apiVersion: 'admissionregistration.k8s.io/v1',
  kind: 'ValidatingWebhookConfiguration',
  namespace: '',
  name: configurationName,
};

/**
 * Makes the configuration trust the CA (PEM); writes only when it does not. `now` in ms since the epoch. Rejects when
 * there is no such configuration, and when it changes meanwhile.
 */
export async function trust(client: KubeClient, caCert: string, now: number): Promise<void> {
  const object = await client.get(configuration);
  const webhooks = listOf(field(object, 'webhooks')).map(objectOf);
  const changes = webhooks.flatMap((webhook, at) => {
    const present = textOf(objectOf(webhook['clientConfig'])['caBundle']);
    const wanted = Buffer.from(bundle(caCert, Buffer.from(present, 'base64').toString('utf8'), now)).toString('base64');
    return wanted === present ? [] : [{ op: 'add', path: `/webhooks/${at}/clientConfig/caBundle`, value: wanted }];
  });
  if (changes.length === 0) return;
  const { resourceVersion } = object.metadata;
  const unchanged = { op: 'test', path: '/metadata/resourceVersion', value: resourceVersion };
  await client.patch(configuration, { type: 'json', operations: [unchanged, ...changes] });
}

/** The CA, and of those in `present` the first other one that is good at the time. PEM texts. */
export function bundle(caCert: string, present: string, now: number): string {
  const own = caCert.trim();
  const others = certificates(present).filter((pem) => pem !== own && isGood(pem, now));
  return `${[own, ...others.slice(0, 1)].join('\n')}\n`;
}

const certificates = (text: string): string[] =>
  text.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? [];

function isGood(pem: string, now: number): boolean {
  try {
    return new X509Certificate(pem).validToDate.getTime() > now;
  } catch {
    return false;
  }
}
