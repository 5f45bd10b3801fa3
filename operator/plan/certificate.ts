// Certificates from memory, in the shape in which grpc-js takes updates while it serves: open streams go on, new
// connections meet the new certificate. No key touches a disk here.
import type { experimental } from '@grpc/grpc-js';
import type { Credentials } from './authority.ts';

/** One certificate for a grpc-js server; `set` replaces it for new connections. */
export class LiveCertificate implements experimental.CertificateProvider {
  readonly #identity = new Set<experimental.IdentityCertificateUpdateListener>();
  readonly #ca = new Set<experimental.CaCertificateUpdateListener>();
  #current: Credentials | undefined;

  set(credentials: Credentials): void {
    this.#current = credentials;
    for (const listener of this.#identity) listener(this.#identityUpdate());
    for (const listener of this.#ca) listener(this.#caUpdate());
  }

  addCaCertificateListener(listener: experimental.CaCertificateUpdateListener): void {
    this.#ca.add(listener);
    if (this.#current !== undefined) queueMicrotask(() => listener(this.#caUpdate()));
  }

  removeCaCertificateListener(listener: experimental.CaCertificateUpdateListener): void {
    this.#ca.delete(listener);
  }

  addIdentityCertificateListener(listener: experimental.IdentityCertificateUpdateListener): void {
    this.#identity.add(listener);
    if (this.#current !== undefined) queueMicrotask(() => listener(this.#identityUpdate()));
  }

  removeIdentityCertificateListener(listener: experimental.IdentityCertificateUpdateListener): void {
    this.#identity.delete(listener);
  }

  #identityUpdate(): experimental.IdentityCertificateUpdate | null {
    if (this.#current === undefined) return null;
    return { certificate: Buffer.from(this.#current.cert), privateKey: Buffer.from(this.#current.key) };
  }

  #caUpdate(): experimental.CaCertificateUpdate | null {
    return this.#current === undefined ? null : { caCertificate: Buffer.from(this.#current.caCert) };
  }
}
