// Runs all policy modules: hears of them, of their bytes and of what the graph asks, and tells the answers. Everything
// comes and goes by events; nothing here waits, and nothing reads a table.
import type { HostClock } from '../../lib/wasm/index.ts';
import { isObject } from '../api/json.ts';
import type { Answer, ModuleReport, ModuleState, PolicyModuleRow, Question } from '../api/policy-module.ts';
import { type Admit, together } from './admission.ts';
import { type Files, Policy } from './policy.ts';

export interface RunnerOptions {
  readonly clock: HostClock;
  /** Several changes at a time: undefined for what is no more. */
  readonly answered: (answers: ReadonlyMap<string, Answer | undefined>) => void;
  readonly state: (module: string, state: ModuleState | undefined) => void;
  readonly report: (module: string, report: ModuleReport | undefined) => void;
}

/** Objects of this kind are never judged: a module that refuses everything could not be removed. */
const untouchable = 'PolicyModule';

export class ModuleRunner {
  readonly #options: RunnerOptions;
  readonly #policies = new Map<string, Policy>();
  readonly #files = new Map<string, Files>();
  /** By module: those may be asked before the module is known here. */
  readonly #questions = new Map<string, Map<string, Question>>();
  #answers = new Map<string, Answer | undefined>();
  #idle: (() => void)[] = [];

  constructor(options: RunnerOptions) {
    this.#options = options;
  }

  /** ConfigMaps that modules name. */
  get configMaps(): ReadonlySet<string> {
    return new Set([...this.#policies.values()].map(({ row }) => row.configMap));
  }

  /** What has been counted until now, by module. */
  *reports(): Iterable<[module: string, report: ModuleReport]> {
    for (const [module, { report }] of this.#policies) yield [module, report];
  }

  module(name: string, row: PolicyModuleRow | undefined): void {
    const known = this.#policies.get(name);
    // Of another hook nothing holds that is known of it.
    if (!row || row.meta.deleting || (known && known.row.hook !== row.hook)) this.#forget(name);
    if (!row || row.meta.deleting) return;
    (this.#policies.get(name) ?? this.#newPolicy(name, row)).update(row, this.#files.get(row.configMap));
  }

  /** What a ConfigMap holds; undefined when it is not watched any more. */
  files(configMap: string, files: Files | undefined): void {
    if (files) this.#files.set(configMap, files);
    else this.#files.delete(configMap);
    for (const policy of this.#policies.values())
      if (policy.row.configMap === configMap) policy.update(policy.row, files);
  }

  question(key: string, question: Question | undefined): void {
    const module = key.slice(0, key.indexOf('/'));
    const asked = this.#questions.get(module) ?? new Map<string, Question>();
    if (question) this.#questions.set(module, asked.set(key, question));
    else {
      asked.delete(key);
      if (asked.size === 0) this.#questions.delete(module);
      this.#answer(key, undefined);
    }
    this.#policies.get(module)?.question(key, question?.input);
  }

  readonly admit: Admit = async (kind, operation, object, oldObject) => {
    const asked = [...this.#policies].filter(([, { row }]) => isJudge(row, kind)).sort(([a], [b]) => (a < b ? -1 : 1));
    const verdicts = asked.map(async ([module, policy]) => ({
      module,
      ...(await policy.judge({ kind, operation, object, oldObject })),
    }));
    return together(await Promise.all(verdicts));
  };

  /** Resolves when every module is up or refused and every question is answered, or has failed; at the latest after `ms`. */
  async whenIdle(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = this.#options.clock.after(ms, resolve);
    this.#idle.push(resolve);
    this.#progressed();
    await promise;
    cancel();
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#policies.values()].map((policy) => policy.stop()));
    this.#policies.clear();
  }

  #newPolicy(name: string, row: PolicyModuleRow): Policy {
    const policy = new Policy(row, {
      clock: this.#options.clock,
      told: (state) => this.#options.state(name, state),
      report: (report) => this.#options.report(name, report),
      answered: (key, answer) => {
        const { namespace = '' } = this.#questions.get(name)?.get(key) ?? {};
        this.#answer(key, 'rules' in answer ? { namespace, ...answer } : answer);
      },
      progressed: () => this.#progressed(),
    });
    this.#policies.set(name, policy);
    for (const [key, { input }] of this.#questions.get(name) ?? []) policy.question(key, input);
    return policy;
  }

  #forget(name: string): void {
    const policy = this.#policies.get(name);
    if (!policy) return;
    this.#policies.delete(name);
    void policy.stop();
    this.#options.state(name, undefined);
    this.#options.report(name, undefined);
    for (const key of this.#questions.get(name)?.keys() ?? []) this.#answer(key, undefined);
    this.#progressed();
  }

  /** Those of one turn are told together. */
  #answer(key: string, answer: Answer | undefined): void {
    if (this.#answers.size === 0) queueMicrotask(() => this.#flush());
    this.#answers.set(key, answer);
  }

  #flush(): void {
    const answers = this.#answers;
    this.#answers = new Map();
    this.#options.answered(answers);
    this.#progressed();
  }

  #progressed(): void {
    if (this.#idle.length === 0 || this.#answers.size > 0) return;
    if ([...this.#policies.values()].every(({ isIdle }) => isIdle)) for (const done of this.#idle.splice(0)) done();
  }
}

const isJudge = ({ hook, kinds }: PolicyModuleRow, kind: string): boolean =>
  hook === 'admission' && kind !== untouchable && (kinds.length === 0 || kinds.includes(kind));

/** The files in a ConfigMap's binaryData; what is not base64 is left out. */
export function filesOf(configMap: unknown): Files {
  const data = isObject(configMap) ? configMap['binaryData'] : undefined;
  const entries = Object.entries(isObject(data) ? data : {});
  return new Map(
    entries.flatMap(([key, text]) => (typeof text === 'string' ? [[key, Buffer.from(text, 'base64')] as const] : [])),
  );
}
