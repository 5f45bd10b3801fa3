// One PolicyModule that is being run: from its bytes over the checks to answers, and to the next version of it. What is
// in force stays until the next version is up or refused, so that a replacement opens and closes nothing in between.
import { createHash } from 'node:crypto';
import {
  type Description,
  EvaluationFailed,
  type FailureReason,
  type HostClock,
  ModuleHost,
  type ModuleRefused,
} from '../../lib/wasm/index.ts';
import type { JsonObject } from '../api/fact.ts';
import type { Choice } from '../api/offer.ts';
import {
  type AclRule,
  type Hook,
  hookInputs,
  type ModuleReport,
  type ModuleState,
  type PolicyModuleRow,
} from '../api/policy-module.ts';
import { parseAclAnswer } from './acl-answer.ts';
import { parseVerdict } from './admission.ts';
import { checkChoice, narrows, parseChoice } from './choice.ts';
import { Tally } from './tally.ts';

/** Contents of a ConfigMap's binaryData by key; `absent`: there is no such ConfigMap; `unreadable`: the API server does not give it. */
export type Files = ReadonlyMap<string, Uint8Array> | 'absent' | 'unreadable';

/** As the graph has it, but for whom it was asked. */
export type PolicyAnswer =
  | { readonly rules: readonly AclRule[] }
  | { readonly choice: Choice }
  | { readonly failure: string };

export interface PolicyOptions {
  readonly clock: HostClock;
  readonly told: (state: ModuleState) => void;
  readonly report: (report: ModuleReport) => void;
  readonly answered: (question: string, answer: PolicyAnswer) => void;
  /** Something that was waited for is over. */
  readonly progressed: () => void;
}

/** A module that did not come up may do so when the machine is less busy. */
const reloadMs = 30_000;
/** What failed for want of time is asked again. */
const retryMs = 10_000;
const timely: ReadonlySet<FailureReason> = new Set(['Deadline', 'Resting']);

const parsers: Readonly<Record<Hook, (answer: unknown) => unknown>> = {
  acl: parseAclAnswer,
  admission: parseVerdict,
  ipam: parseChoice,
};

interface Version {
  /** What decides how it behaves: a change of anything else starts nothing. */
  readonly identity: string;
  readonly hook: Hook;
  readonly host: ModuleHost<unknown>;
  description?: Description;
}

export class Policy {
  readonly #options: PolicyOptions;
  readonly #tally: Tally;
  #row: PolicyModuleRow;
  #files: Files | undefined;
  #inForce: Version | undefined;
  #coming: Version | undefined;
  /** Why it is not run. */
  #refused: string | undefined;
  readonly #questions = new Map<string, JsonObject>();
  #asking = 0;
  readonly #timers = new Set<() => void>();

  constructor(row: PolicyModuleRow, options: PolicyOptions) {
    this.#row = row;
    this.#options = options;
    this.#tally = new Tally(options.clock, () => this.#row.isShadow, options.report);
  }

  get row(): PolicyModuleRow {
    return this.#row;
  }

  /** What has been counted until now; `PolicyOptions.report` hears of it less often. */
  get report(): ModuleReport {
    return this.#tally.report;
  }

  /** Nothing is being loaded or evaluated, and the bytes are known. */
  get isIdle(): boolean {
    return this.#asking === 0 && !this.#coming && (this.#inForce !== undefined || this.#refused !== undefined);
  }

  update(row: PolicyModuleRow, files: Files | undefined): void {
    this.#row = row;
    this.#files = files;
    this.#refresh();
  }

  /** Asks, and asks again with every version that comes into force; undefined: asks no more. */
  question(key: string, input: JsonObject | undefined): void {
    if (input === undefined) {
      this.#questions.delete(key);
      this.#tally.forget(key);
      return;
    }
    this.#questions.set(key, input);
    if (this.#inForce) void this.#ask(this.#inForce, key, input);
  }

  /** A verdict over an object. Never rejects. */
  async judge(inputs: Readonly<Record<string, unknown>>): Promise<ReturnType<typeof parseVerdict>> {
    const { failsClosed, isShadow } = this.#row;
    try {
      const verdict = (await this.#inTime(inputs)) as ReturnType<typeof parseVerdict>;
      this.#tally.decided({ refuses: !verdict.allowed, changes: !verdict.allowed, isShadow });
      return isShadow ? { allowed: true, message: '' } : verdict;
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      this.#tally.failed(undefined, message);
      return { allowed: isShadow || !failsClosed, message: `it gives no answer: ${message}` };
    }
  }

  async stop(): Promise<void> {
    this.#tally.stop();
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
    this.#questions.clear();
    const versions = [this.#inForce, this.#coming].filter((version) => version !== undefined);
    [this.#inForce, this.#coming] = [undefined, undefined];
    await Promise.all(versions.map(({ host }) => host.stop()));
  }

  /** In the queue of its thread an evaluation can wait for longer than it may take itself. */
  #inTime(inputs: Readonly<Record<string, unknown>>): Promise<unknown> {
    const version = this.#inForce;
    if (!version) return Promise.reject(new Error(this.#refused ?? 'it is not loaded yet'));
    const { promise, reject } = Promise.withResolvers<never>();
    const { deadlineMs } = this.#row;
    const cancel = this.#options.clock.after(deadlineMs, () => reject(new Error(`none within ${deadlineMs} ms`)));
    const declared = version.description?.inputs ?? [];
    const kept = Object.entries(inputs).filter(
      ([name, value]) => value !== undefined && (declared.includes(name) || !hookInputs.admission.includes(name)),
    );
    return Promise.race([version.host.evaluate(Object.fromEntries(kept)), promise]).finally(cancel);
  }

  #refresh(): void {
    const bytes = this.#bytes();
    if (bytes === undefined) return;
    if (typeof bytes === 'string') {
      this.#refuse(bytes);
      return;
    }
    const { digest, settings, hook, deadlineMs, memoryCap } = this.#row;
    const identity = JSON.stringify([digest, settings, hook, deadlineMs, memoryCap], (_, value: unknown) =>
      typeof value === 'bigint' ? `${value}n` : value,
    );
    if ((this.#coming ?? this.#inForce)?.identity !== identity) this.#start(identity, bytes);
  }

  /** The bytes, or why there are none; undefined as long as nobody has looked. */
  #bytes(): Uint8Array | string | undefined {
    const { faults, configMap, key, digest } = this.#row;
    const [fault] = faults;
    if (fault !== undefined) return fault;
    if (this.#files === undefined) return undefined;
    if (this.#files === 'unreadable') return `ConfigMap ${configMap} cannot be read`;
    if (this.#files === 'absent') return `ConfigMap ${configMap} does not exist`;
    const bytes = this.#files.get(key);
    if (!bytes) return `ConfigMap ${configMap} has no ${key} in binaryData`;
    const found = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
    return found === digest ? bytes : `the bytes in ConfigMap ${configMap} have the digest ${found}`;
  }

  #start(identity: string, bytes: Uint8Array): void {
    const { settings, hook, deadlineMs, memoryCap } = this.#row;
    void this.#coming?.host.stop();
    const host = new ModuleHost<unknown>({
      bytes,
      settings,
      deadlineMs,
      memoryCap,
      clock: this.#options.clock,
      offer: { hook, inputs: hookInputs[hook] },
      parse: parsers[hook],
    });
    const version: Version = { identity, hook, host };
    this.#coming = version;
    host.ready.then(
      (description) => this.#up(version, description),
      (error: ModuleRefused) => this.#down(version, error),
    );
  }

  #up(version: Version, description: Description): void {
    if (this.#coming !== version) return;
    version.description = description;
    void this.#inForce?.host.stop();
    [this.#inForce, this.#coming, this.#refused] = [version, undefined, undefined];
    this.#options.told({ at: 'ready', digest: `sha256:${description.digest}`, inputs: description.inputs });
    for (const [key, input] of this.#questions) void this.#ask(version, key, input);
    this.#options.progressed();
  }

  #down(version: Version, error: ModuleRefused): void {
    if (this.#coming !== version) return;
    this.#refuse(error.message);
    if (error.reason === 'Load') this.#later(reloadMs, () => this.#refresh());
  }

  #refuse(message: string): void {
    const versions = [this.#inForce, this.#coming];
    [this.#inForce, this.#coming, this.#refused] = [undefined, undefined, message];
    for (const version of versions) void version?.host.stop();
    this.#options.told({ at: 'refused', message });
    this.#options.progressed();
  }

  async #ask(version: Version, key: string, input: JsonObject): Promise<void> {
    this.#asking += 1;
    try {
      const answer = await version.host.evaluate(input);
      if (version.hook === 'ipam') this.#chosen(version, key, { choice: answer as Choice, offer: input });
      else if (this.#isAsked(version, key)) this.#ruled(key, answer as readonly AclRule[]);
    } catch (error) {
      const counts = this.#isAsked(version, key) || (version.hook === 'ipam' && this.#inForce === version);
      if (counts && error instanceof EvaluationFailed) this.#fail(key, error);
    } finally {
      this.#asking -= 1;
      this.#options.progressed();
    }
  }

  #ruled(key: string, rules: readonly AclRule[]): void {
    this.#tally.answered(key, rules);
    this.#options.answered(key, { rules });
  }

  /** In shadow nobody waits for it: the pod may have its address by now, and the answer counts all the same. */
  #chosen(
    version: Version,
    key: string,
    { choice, offer }: { readonly choice: Choice; readonly offer: JsonObject },
  ): void {
    try {
      checkChoice(choice, offer);
    } catch (error) {
      throw new EvaluationFailed('Shape', error instanceof Error ? error.message : String(error), error);
    }
    if (this.#inForce !== version) return;
    const { isShadow } = this.#row;
    const refuses = choice.denied !== undefined;
    this.#tally.forget(key);
    this.#tally.decided({ refuses, changes: refuses || narrows(choice, offer), isShadow });
    if (this.#questions.has(key)) this.#options.answered(key, { choice });
  }

  #fail(key: string, { reason, message }: EvaluationFailed): void {
    const isAsked = this.#questions.has(key);
    this.#tally.failed(isAsked && this.#isStanding() ? key : undefined, message);
    if (!isAsked) return;
    this.#options.answered(key, { failure: message });
    if (timely.has(reason)) this.#later(retryMs, () => this.question(key, this.#questions.get(key)));
  }

  /** A pod that does not wait for its answer has gone on by the time that this could be told. */
  #isStanding(): boolean {
    const { hook, failsClosed, isShadow } = this.#row;
    return hook !== 'ipam' || (failsClosed && !isShadow);
  }

  #isAsked(version: Version, key: string): boolean {
    return this.#inForce === version && this.#questions.has(key);
  }

  #later(ms: number, run: () => void): void {
    const cancel = this.#options.clock.after(ms, () => {
      this.#timers.delete(cancel);
      run();
    });
    this.#timers.add(cancel);
  }
}
