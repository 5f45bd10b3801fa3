// What is counted of one module, and when it is told: once a minute at most, but at once when it begins or ceases to fail,
// which it may do a few times a minute: a pod that comes and goes all the time is not a status that is written all the time.
import type { HostClock } from '../../lib/wasm/index.ts';
import type { AclRule, ModuleReport } from '../api/policy-module.ts';

const spacingMs = 60_000;
const turnsAtOnce = 4;
const refuses: ReadonlySet<string> = new Set(['drop', 'reject']);

export class Tally {
  readonly #clock: HostClock;
  readonly #isShadow: () => boolean;
  readonly #tell: (report: ModuleReport) => void;
  #evaluations = 0;
  #lastError = '';
  /** Of what is decided once, an object or an address: refused, and what would have been changed. */
  #refused = 0;
  #spared = 0;
  /** Questions by what their answer is. */
  readonly #failing = new Set<string>();
  readonly #refusing = new Set<string>();
  readonly #changing = new Set<string>();
  #told = false;
  #failed = false;
  /** When the last ones were told at once, on the clock. */
  #turns: readonly number[] = [];
  #cancel: (() => void) | undefined;

  constructor(clock: HostClock, isShadow: () => boolean, tell: (report: ModuleReport) => void) {
    this.#clock = clock;
    this.#isShadow = isShadow;
    this.#tell = tell;
  }

  /** A question was answered with rules. */
  answered(question: string, rules: readonly AclRule[]): void {
    this.forget(question);
    this.#evaluations += 1;
    if (rules.length > 0) this.#changing.add(question);
    if (rules.some(({ action }) => refuses.has(action))) this.#refusing.add(question);
    this.#changed();
  }

  /** An object was judged, or an address chosen. */
  decided({ refuses, changes, isShadow }: Record<'refuses' | 'changes' | 'isShadow', boolean>): void {
    this.#evaluations += 1;
    if (refuses) this.#refused += 1;
    if (changes && isShadow) this.#spared += 1;
    this.#changed();
  }

  /** There was no answer; `question` is undefined for one that is not asked again. */
  failed(question: string | undefined, message: string): void {
    if (question !== undefined) {
      this.forget(question);
      this.#failing.add(question);
    }
    this.#lastError = message;
    this.#changed();
  }

  /** A question that is asked no more. */
  forget(question: string): void {
    const known = [this.#failing, this.#refusing, this.#changing].map((set) => set.delete(question));
    if (known.includes(true)) this.#changed();
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #changed(): void {
    if (!this.#told || (this.#failing.size > 0 !== this.#failed && this.#mayTurn())) this.#flush();
    else this.#cancel ??= this.#clock.after(spacingMs, () => this.#flush());
  }

  #mayTurn(): boolean {
    const now = this.#clock.now();
    const recent = this.#turns.filter((at) => now - at < spacingMs);
    this.#turns = recent.length < turnsAtOnce ? [...recent, now] : recent;
    return recent.length < turnsAtOnce;
  }

  #flush(): void {
    this.stop();
    this.#told = true;
    this.#failed = this.#failing.size > 0;
    this.#tell(this.report);
  }

  /** As of now. `wouldChange` counts for modules in shadow mode. */
  get report(): ModuleReport {
    return {
      evaluations: this.#evaluations,
      refusals: this.#refused + this.#refusing.size,
      failing: this.#failing.size,
      wouldChange: this.#isShadow() ? this.#spared + this.#changing.size : 0,
      lastError: this.#lastError,
    };
  }
}
