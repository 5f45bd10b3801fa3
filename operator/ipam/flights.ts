// Writes in flight: at most one per name, at most `limit` in all, each repeated by its caller after a pause that grows
// with every failure. Must not know what is written.
//
//   idle --start--> queued --slot--> flying --success--> idle
//                                       \--failure--> pausing --time--> idle
import type { Clock } from './clock.ts';

export interface FlightOptions {
  readonly clock: Clock;
  /** Writes at one time; the API server shares its own limit among all clients. */
  readonly limit: number;
  /** Pause after the first failure, doubled by each further one, ms. */
  readonly pauseMs: number;
  /** No pause is longer, ms. */
  readonly pauseCapMs: number;
}

interface Flight {
  failures: number;
  state: 'idle' | 'queued' | 'flying' | 'pausing';
  cancel: () => void;
}

export class Flights {
  readonly #options: FlightOptions;
  readonly #flights = new Map<string, Flight>();
  #queue: (() => Promise<void>)[] = [];
  #flying = 0;

  constructor(options: FlightOptions) {
    this.#options = options;
  }

  /** Whether a write of this name may start. */
  idle(name: string): boolean {
    return (this.#flights.get(name)?.state ?? 'idle') === 'idle';
  }

  /** Number of writes that run now. */
  get flying(): number {
    return this.#flying;
  }

  /** Runs `write` when there is a slot; `ready` is called when the name is idle again. The name must be idle. */
  start(name: string, write: () => Promise<void>, ready: () => void): void {
    const flight = this.#flights.get(name) ?? { failures: 0, state: 'idle', cancel: () => {} };
    this.#flights.set(name, flight);
    flight.state = 'queued';
    this.#queue.push(() => this.#fly(name, flight, write, ready));
    this.#next();
  }

  /** Drops what is queued and pauses; what flies lands, without being told. */
  stop(): void {
    this.#queue = [];
    for (const flight of this.#flights.values()) flight.cancel();
    this.#flights.clear();
  }

  #next(): void {
    while (this.#flying < this.#options.limit) {
      const launch = this.#queue.shift();
      if (!launch) return;
      this.#flying++;
      void launch().finally(() => {
        this.#flying--;
        this.#next();
      });
    }
  }

  /** Never rejects: a failed write has told its caller by itself, here it only costs a pause. */
  async #fly(name: string, flight: Flight, write: () => Promise<void>, ready: () => void): Promise<void> {
    flight.state = 'flying';
    const ok = await write().then(
      () => true,
      () => false,
    );
    // After a stop another flight, or none, is in charge of the name.
    if (this.#flights.get(name) !== flight) return;
    if (ok) this.#flights.delete(name);
    else this.#pause(flight, ready);
    if (ok) ready();
  }

  #pause(flight: Flight, ready: () => void): void {
    const { clock, pauseMs, pauseCapMs } = this.#options;
    const full = Math.min(pauseCapMs, pauseMs * 2 ** Math.min(flight.failures, 30));
    flight.failures++;
    flight.state = 'pausing';
    flight.cancel = clock.after(full / 2 + (full / 2) * clock.random(), () => {
      flight.state = 'idle';
      flight.cancel = () => {};
      ready();
    });
  }
}
