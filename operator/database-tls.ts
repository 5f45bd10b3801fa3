// Certificates for connections to OVN's databases: those of Secret kube-ovn-tls, read from the API and not from a mounted
// file, because this process makes the Secret itself and a mount would show it a minute later.
import type { TlsTexts } from '../lib/ovsdb/index.ts';
import type { TlsCredentials } from './kube/credential-store.ts';

/** Where certificates are kept. `credentials` is undefined as long as nobody has made them. */
export interface CertificateSource {
  read(): Promise<{ readonly credentials: TlsCredentials | undefined }>;
}

/**
 * Certificates for one connection. Rejects until there are any. What was read once is given at once and read again for the
 * next connection: the databases have to be found while the API server is away, and renewed certificates are needed long
 * before the old ones expire.
 */
export function databaseTls(source: CertificateSource): () => Promise<TlsTexts> {
  let known: TlsTexts | undefined;
  const refresh = async (): Promise<void> => {
    const { credentials } = await source.read();
    // The CA's key is nobody's business here.
    if (credentials) known = { ca: credentials.caCert, cert: credentials.cert, key: credentials.key };
  };
  return async () => {
    if (known === undefined) await refresh();
    else void refresh().catch(() => undefined);
    if (known === undefined) throw new Error('Secret kube-ovn-tls has no certificates yet');
    return known;
  };
}
