// Keeps the webhook's certificate good for as long as the process runs: looks every minute, so that a Secret that was
// deleted, a certificate that another replica has renewed, and a configuration that was applied anew are all put right.
import type { Clock } from '../kube/clock.ts';
import { messageOf } from '../kube/errors.ts';
import type { Log } from '../kube/log.ts';
import type { ServingCertificate } from './server.ts';

export interface CertificateKeeperOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** The certificate that is good now, and trusted by the API server; made anew where needed. */
  readonly ensure: () => Promise<ServingCertificate>;
  /** Called with each that differs from the one before. */
  readonly use: (certificate: ServingCertificate) => Promise<void>;
}

const everyMs = 60_000;
const retryMs = 5_000;

export class CertificateKeeper {
  readonly #options: CertificateKeeperOptions;
  #served = '';
  #cancel: () => void = () => undefined;
  #running: Promise<void> = Promise.resolve();
  #stopped = false;
  #trouble: string | undefined = 'no certificate yet';

  constructor(options: CertificateKeeperOptions) {
    this.#options = options;
  }

  /** Why there is no certificate that the API server is known to trust; undefined when there is one. */
  get trouble(): string | undefined {
    return this.#served === '' ? this.#trouble : undefined;
  }

  start(): void {
    this.#running = this.#turn();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancel();
    await this.#running;
  }

  async #turn(): Promise<void> {
    const { clock } = this.#options;
    const isGood = await this.#look();
    if (this.#stopped) return;
    this.#cancel = clock.after(isGood ? everyMs : retryMs, () => {
      this.#running = this.#turn();
    });
  }

  async #look(): Promise<boolean> {
    const { ensure, use, log } = this.#options;
    try {
      const certificate = await ensure();
      if (certificate.cert !== this.#served) {
        await use(certificate);
        log.info({}, this.#served === '' ? 'certificate is in use' : 'new certificate is in use');
        this.#served = certificate.cert;
      }
      this.#trouble = undefined;
      return true;
    } catch (error) {
      const message = messageOf(error);
      if (message !== this.#trouble) log.warn({ error: message }, 'certificate could not be looked after');
      this.#trouble = message;
      return false;
    }
  }
}
