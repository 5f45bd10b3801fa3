// Counts of admission modules in their status. Each process of the webhook adds what it has counted since it last wrote,
// so that the status holds the sum of all of them, and of those that were there before. What is counted changes once a
// minute at most. A write whose answer is lost is counted twice: nobody decides anything by these numbers.
import type { JsonObject } from '../api/fact.ts';
import { integerOf, textOf } from '../api/json.ts';
import type { ModuleReport } from '../api/policy-module.ts';
import { policyModuleRef } from '../api/refs.ts';
import type { KubeClient } from '../kube/client.ts';
import type { Clock } from '../kube/clock.ts';
import { ConflictError, messageOf, NotFoundError } from '../kube/errors.ts';
import type { Log } from '../kube/log.ts';
import { KeyedQueue } from '../kube/queue.ts';

export interface ModuleCountsOptions {
  readonly client: Pick<KubeClient, 'get' | 'patch'>;
  readonly clock: Clock;
  readonly log: Log;
}

const summed = ['evaluations', 'refusals', 'wouldChange'] as const;
type Counts = Record<(typeof summed)[number], number>;

/** The operator's fields of the same status have another manager. */
const manager = 'kube-ovn-webhook';

export class ModuleCounts {
  readonly #options: ModuleCountsOptions;
  readonly #queue: KeyedQueue;
  readonly #reports = new Map<string, ModuleReport>();
  /** What of them is in the status. */
  readonly #written = new Map<string, Counts>();

  constructor(options: ModuleCountsOptions) {
    this.#options = options;
    this.#queue = new KeyedQueue({
      clock: options.clock,
      run: (module) => this.#write(module),
      onFailure: (module, error, attempt) => {
        // Another replica has written: read again.
        if (error instanceof ConflictError && attempt < 5) return;
        options.log.warn(
          { module, attempt, error: messageOf(error) },
          'counts of a policy module could not be written',
        );
      },
    });
  }

  start(): void {
    this.#queue.start();
  }

  stop(): Promise<void> {
    return this.#queue.stop();
  }

  /** What has been counted of a module here; undefined when it is gone. */
  report(module: string, report: ModuleReport | undefined): void {
    if (!report) {
      this.#reports.delete(module);
      this.#written.delete(module);
      return;
    }
    this.#reports.set(module, report);
    this.#queue.add(module);
  }

  async #write(module: string): Promise<void> {
    const report = this.#reports.get(module);
    if (!report) return;
    const ref = policyModuleRef(module);
    try {
      const { metadata, status = {} } = await this.#options.client.get(ref);
      const { apiVersion, kind, name } = ref;
      const { resourceVersion, uid } = metadata;
      const body = {
        apiVersion,
        kind,
        metadata: { name, uid, resourceVersion },
        status: this.#sum(module, report, status),
      };
      await this.#options.client.patch(ref, { type: 'apply', body, manager }, 'status');
      // Of one that has gone and come again meanwhile nothing is known here.
      if (this.#reports.has(module)) this.#written.set(module, countsOf(report));
    } catch (error) {
      if (!(error instanceof NotFoundError)) throw error;
    }
  }

  /** All fields of this manager: one that it left out would be removed. */
  #sum(module: string, report: ModuleReport, status: JsonObject): JsonObject {
    const before = this.#written.get(module);
    const sums = summed.map((count) => [count, integerOf(status[count]) + report[count] - (before?.[count] ?? 0)]);
    const lastError = report.lastError || textOf(status['lastError']);
    return { ...(Object.fromEntries(sums) as Counts), ...(lastError !== '' && { lastError }) };
  }
}

const countsOf = ({ evaluations, refusals, wouldChange }: ModuleReport): Counts => ({
  evaluations,
  refusals,
  wouldChange,
});
