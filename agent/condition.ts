// The node's condition NetworkUnavailable, as the agent tells it: each change once, a loss only when it lasts.
import type { Report } from '../proto/kubeloom/plan/v1/Report.gen.ts';
import { NODE_PORT } from './desired.ts';

/** A node that is not ready for less than this has not lost its network: an agent or Open vSwitch restarts. */
const GRACE_MS = 15_000;

export interface ConditionOptions {
  /** Monotonic, in milliseconds. */
  readonly now: () => number;
  readonly setTimeout: (callback: () => void, ms: number) => unknown;
  readonly clearTimeout: (timer: unknown) => void;
  /** Why the network is not available, undefined when it is. */
  readonly why: () => string | undefined;
  readonly report: (report: Report) => void;
}

export class NodeCondition {
  readonly #options: ConditionOptions;
  #since: number | undefined;
  #timer: unknown;
  #told = '';

  constructor(options: ConditionOptions) {
    this.#options = options;
  }

  /** Whoever listens has heard nothing yet. */
  forget(): void {
    this.#told = '';
  }

  /** Looks, and tells what has changed; looks again when a loss has lasted. */
  judge(): void {
    const { now, setTimeout, clearTimeout, why: reason } = this.#options;
    const why = reason();
    clearTimeout(this.#timer);
    this.#since = why === undefined ? undefined : (this.#since ?? now());
    const left = this.#since === undefined ? 0 : this.#since + GRACE_MS - now();
    if (left > 0) this.#timer = setTimeout(() => this.judge(), left);
    else this.#tell(why);
  }

  stop(): void {
    this.#options.clearTimeout(this.#timer);
  }

  #tell(why: string | undefined): void {
    const condition =
      why === undefined
        ? { status: 'False', reason: 'JoinSubnetGatewayReachable', message: `${NODE_PORT} reaches its gateway` }
        : { status: 'True', reason: 'JoinSubnetGatewayUnreachable', message: why };
    const text = JSON.stringify(condition);
    if (text === this.#told) return;
    this.#told = text;
    this.#options.report({ condition: { type: 'NetworkUnavailable', ...condition } });
  }
}
