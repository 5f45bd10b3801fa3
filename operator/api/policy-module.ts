// A PolicyModule, projected, and what passes between the graph and the modules: questions, which the graph computes, and
// answers, which whoever runs the modules writes back. A question about rules is about everybody who is alike, never about
// one pod; an address is asked for by one interface.
import type { Selector } from '../../lib/graph/selector.ts';
import { integerOf, objectOf, textOf, textsOf } from './json.ts';
import type { JsonObject } from './fact.ts';
import type { Choice, Undecided } from './offer.ts';
import { metaOf } from './meta.ts';
import { type Direction, type Protocol, selectorOf } from './policy-row.ts';
import type { Meta } from './tables.ts';

export type Hook = 'acl' | 'admission' | 'ipam';

const hooks: readonly Hook[] = ['acl', 'admission', 'ipam'];

/** What modules of each hook may declare to read. */
export const hookInputs: Readonly<Record<Hook, readonly string[]>> = {
  acl: ['namespace.labels', 'pod.labels'],
  admission: ['object', 'oldObject'],
  ipam: ['namespace.labels', 'pod.labels', 'pod.annotations', 'node.labels', 'pool.labels'],
};

export interface PolicyModuleRow {
  readonly meta: Meta;
  readonly hook: Hook;
  /** Of the ConfigMap: `namespace/name`. */
  readonly configMap: string;
  readonly key: string;
  /** `sha256:` and 64 hex digits. */
  readonly digest: string;
  readonly settings: JsonObject;
  readonly namespaces: Selector;
  readonly pods: Selector;
  /** Empty: all. */
  readonly kinds: readonly string[];
  /** What has no answer is refused; otherwise it is as without the module. */
  readonly failsClosed: boolean;
  /** Only counts what would change. */
  readonly isShadow: boolean;
  readonly deadlineMs: number;
  /** Bytes. */
  readonly memoryCap: number;
  /** What of the spec cannot be used. */
  readonly faults: readonly string[];
}

const units: Readonly<Record<string, number>> = { Ki: 1024, Mi: 1024 * 1024 };
const greatestMemory = 256 * 1024 * 1024;
const longestDeadlineMs = 10_000;

export function policyModuleRow(source: unknown): PolicyModuleRow {
  const object = objectOf(source);
  const spec = objectOf(object['spec']);
  const module = objectOf(spec['module']);
  const map = objectOf(module['configMap']);
  const selectors = objectOf(spec['selector']);
  const faults: string[] = [];
  return {
    meta: metaOf(object),
    hook: hooks.find((hook) => hook === spec['hook']) ?? 'acl',
    configMap: `${textOf(map['namespace']) || 'kube-system'}/${textOf(map['name'])}`,
    key: textOf(map['key']) || 'module.wasm',
    digest: textOf(module['digest']),
    settings: objectOf(spec['settings']),
    namespaces: selectorOf(selectors['namespaceSelector'], faults),
    pods: selectorOf(selectors['podSelector'], faults),
    kinds: textsOf(selectors['kinds']),
    failsClosed: spec['failurePolicy'] !== 'Ignore',
    isShadow: spec['mode'] === 'shadow',
    deadlineMs: Math.min(integerOf(spec['deadlineMilliseconds']) || 1000, longestDeadlineMs),
    memoryCap: memoryOf(textOf(spec['memoryLimit']) || '16Mi', faults),
    faults,
  };
}

function memoryOf(text: string, faults: string[]): number {
  const [, number = '', unit = ''] = /^([1-9][0-9]{0,5})(Ki|Mi)$/.exec(text) ?? [];
  const bytes = Number(number) * (units[unit] ?? 0);
  if (bytes > 0 && bytes <= greatestMemory) return bytes;
  faults.push(`memoryLimit ${text} is not a number of Ki or Mi of at most 256Mi`);
  return greatestMemory;
}

/** How far a module has come. Absent until its bytes are looked at for the first time. */
export type ModuleState =
  | { readonly at: 'ready'; readonly digest: string; readonly inputs: readonly string[] }
  /** It is not run. */
  | { readonly at: 'refused'; readonly message: string };

/** What has been counted of a module; written once a minute, and when it begins or ceases to fail. */
export interface ModuleReport {
  readonly evaluations: number;
  readonly refusals: number;
  readonly failing: number;
  readonly wouldChange: number;
  readonly lastError: string;
}

/** Rules for the workloads of a namespace that are alike to a module; or, of table `offer`, an address for one interface. */
export interface Question {
  readonly module: string;
  readonly namespace: string;
  /** What the module is told, and nothing that it does not declare to read. */
  readonly input: JsonObject;
}

export type Answer =
  /** `namespace`: of the question, where peers without another are. */
  | { readonly namespace: string; readonly rules: readonly AclRule[] }
  | { readonly choice: Choice }
  | { readonly failure: string };

/** Pods of namespaces (absent: of the subject's own), or addresses. */
export type AclPeer = { readonly cidr: string } | { readonly pods: Selector; readonly namespaces?: Selector };

export interface AclPort {
  readonly protocol: Protocol;
  /** Absent: the whole protocol. */
  readonly port?: number;
  readonly endPort?: number;
}

export type AclAction = 'allow' | 'drop' | 'reject' | 'pass';

export interface AclRule {
  readonly direction: Direction;
  readonly action: AclAction;
  /** 0 to 999: the lower number wins. */
  readonly priority: number;
  /** Absent: everybody. */
  readonly peers?: readonly AclPeer[];
  /** Absent: everything. */
  readonly ports?: readonly AclPort[];
}

export interface ModuleTables {
  policyModule: PolicyModuleRow;
  moduleState: ModuleState;
  moduleReport: ModuleReport;
  /** By `<module>/<hash of the input>`. */
  question: Question;
  /** What modules with hook `ipam` are asked, likewise: `input` is an Offer. */
  offer: Question;
  /** By the key of the question or the offer. */
  answer: Answer;
  /** Demands that wait for a module and will not be answered by waiting, by IP object. */
  undecided: Undecided;
  /** Keys of the questions that a pod is a subject of. */
  classed: readonly string[];
}

export interface ModuleIndexes {
  /** By whom it decides for: those with hook `acl` that are not being deleted. */
  modulesBySelection: PolicyModuleRow;
  /** All of hook `acl`, under one key. */
  aclModules: PolicyModuleRow;
  /** All of hook `ipam` that are not being deleted, under one key. */
  ipamModules: PolicyModuleRow;
}
