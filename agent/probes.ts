// Echo requests to the gateway of the join subnet and to gateway nodes: one `ping` per address that runs as long as it is
// wanted. What the answers mean is in verdict.ts, whom to ask in reach.ts.
import { ChildWatch } from './child-watch.ts';
import type { Surveyed } from './child-watch.ts';
import { echoOf, Verdict } from './verdict.ts';

export interface ProbesOptions extends Surveyed {
  /** After each line of any ping: once a second for each address. */
  readonly heard: () => void;
}

interface Probe {
  readonly address: string;
  readonly verdict: Verdict;
  readonly watch: ChildWatch;
}

export class Probes {
  readonly #options: ProbesOptions;
  readonly #probes = new Map<string, Probe>();

  constructor(options: ProbesOptions) {
    this.#options = options;
  }

  /** Asks these and no others; one that stays keeps its verdict. Keys are the caller's. */
  want(addresses: ReadonlyMap<string, string>): void {
    for (const [key, { address, watch }] of this.#probes) {
      if (addresses.get(key) === address) continue;
      watch.stop();
      this.#probes.delete(key);
    }
    for (const [key, address] of addresses) if (!this.#probes.has(key)) this.#begin(key, address);
  }

  verdict(key: string): Verdict | undefined {
    return this.#probes.get(key)?.verdict;
  }

  /** What was lost is to be seen anew. */
  doubt(): void {
    for (const { verdict } of this.#probes.values()) verdict.doubt();
  }

  stop(): void {
    this.want(new Map());
  }

  #begin(key: string, address: string): void {
    const verdict = new Verdict();
    const watch = new ChildWatch({
      ...this.#options,
      // -O tells of each request without an answer, when the next one is sent.
      argv: ['ping', '-n', '-O', '-i', '1', address],
      line: (line) => {
        const echo = echoOf(line);
        if (echo === undefined) return;
        verdict.hear(echo);
        this.#options.heard();
      },
      missed: () => verdict.restarted(),
    });
    this.#probes.set(key, { address, verdict, watch });
    watch.start();
  }
}
