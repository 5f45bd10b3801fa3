// TLS credentials in a Secret, and the CA certificate in a ConfigMap that agents may read. Nothing is cached: whoever
// asks gets what the API server has.
import type { JsonObject, Ref } from '../api/fact.ts';
import type { KubeClient } from './client.ts';
import { AlreadyExistsError, ConflictError, NotFoundError } from './errors.ts';
import { asObject, field, type KubeObject } from './object.ts';
import { resources } from './resources.ts';
import { assertMayWrite, type WriterOptions } from './writer.ts';

/** PEM texts. */
export interface TlsCredentials {
  readonly caCert: string;
  readonly caKey: string;
  readonly cert: string;
  readonly key: string;
}

export interface CredentialStoreOptions extends Pick<WriterOptions, 'client' | 'mayWrite'> {
  readonly namespace: string;
  /** With Kube-OVN's keys cacert, cert, key, and cakey. */
  readonly secret: string;
  /** Key ca.crt. */
  readonly configMap: string;
}

/** What the two are called, as Kube-OVN calls the Secret. */
export const credentialNames = { secret: 'kube-ovn-tls', configMap: 'kube-ovn-ca' } as const;

const keys = { caCert: 'cacert', caKey: 'cakey', cert: 'cert', key: 'key' } as const;
const names = Object.keys(keys) as (keyof TlsCredentials)[];
const caKeyInConfigMap = 'ca.crt';

export class SecretCredentialStore {
  readonly #client: KubeClient;
  readonly #options: CredentialStoreOptions;
  readonly #secret: Ref;
  readonly #configMap: Ref;

  constructor(options: CredentialStoreOptions) {
    const { client, namespace, secret, configMap } = options;
    this.#client = client;
    this.#options = options;
    this.#secret = { apiVersion: 'v1', kind: 'Secret', namespace, name: secret };
    this.#configMap = { apiVersion: 'v1', kind: 'ConfigMap', namespace, name: configMap };
  }

  /** `version` is '' when there is no Secret; credentials are undefined when one of their keys is missing. */
  async read(): Promise<{ readonly credentials: TlsCredentials | undefined; readonly version: string }> {
    const object = await this.#get(this.#secret);
    if (object === undefined) return { credentials: undefined, version: '' };
    const data = asObject(field(object, 'data')) ?? {};
    const texts = names.map((name) => [name, decoded(data[keys[name]])] as const);
    const complete = texts.every(([, text]) => text !== '');
    const credentials = complete ? (Object.fromEntries(texts) as unknown as TlsCredentials) : undefined;
    return { credentials, version: object.metadata.resourceVersion };
  }

  /** False when the Secret is no longer the one that was read; other keys of it stay. */
  async write(credentials: TlsCredentials, version: string): Promise<boolean> {
    assertMayWrite(this.#options);
    const data = Object.fromEntries(
      names.map((name) => [keys[name], Buffer.from(credentials[name]).toString('base64')]),
    );
    const { namespace, name } = this.#secret;
    try {
      if (version === '') {
        const object = { apiVersion: 'v1', kind: 'Secret', metadata: { namespace, name }, type: 'Opaque', data };
        await this.#client.create(resources.Secret, object);
      } else {
        const body = { metadata: { resourceVersion: version }, data };
        await this.#client.patch(this.#secret, { type: 'merge', body });
      }
      return true;
    } catch (error) {
      const raced =
        error instanceof ConflictError || error instanceof AlreadyExistsError || error instanceof NotFoundError;
      if (raced) return false;
      throw error;
    }
  }

  /** Makes the ConfigMap hold the CA certificate; writes only when it does not. */
  async publish(caCert: string): Promise<void> {
    const present = await this.#get(this.#configMap);
    const data = present === undefined ? undefined : asObject(field(present, 'data'));
    if (data?.[caKeyInConfigMap] === caCert) return;
    assertMayWrite(this.#options);
    const { namespace, name } = this.#configMap;
    const body: JsonObject = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { namespace, name },
      data: { [caKeyInConfigMap]: caCert },
    };
    await this.#client.patch(this.#configMap, { type: 'apply', body, manager: 'kubeloom' });
  }

  async #get(ref: Ref): Promise<KubeObject | undefined> {
    try {
      return await this.#client.get(ref);
    } catch (error) {
      if (error instanceof NotFoundError) return undefined;
      throw error;
    }
  }
}

function decoded(value: unknown): string {
  return typeof value === 'string' ? Buffer.from(value, 'base64').toString('utf8') : '';
}
