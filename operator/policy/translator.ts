// Policies through their module. Many policies of a cluster differ by names alone: those of one form are
// translated once.
import { selectionKey } from '../../lib/graph/selector.ts';
import type { Selection } from '../../lib/graph/selector.ts';
import type { AdminPolicyRow } from '../api/admin-policy-row.ts';
import { domainKey } from '../api/domain-row.ts';
import { directions, protocols } from '../api/policy-row.ts';
import type { NetworkPolicyRow } from '../api/policy-row.ts';
import type { SourceKind, Template, Translate, Translated, Translation } from '../api/translation.ts';
import { areApart } from './apart.ts';
import { formOf } from './form.ts';
import type { Form } from './form.ts';
import { loadTranslator, TranslationModule } from './module.ts';

/** Codes of selectors, in pairs, see policies/networkpolicy/assembly/index.ts. */
type Codes = readonly (readonly [namespaces: number, pods: number])[];

interface Answer {
  readonly isolates: Translation['isolates'];
  readonly templates: readonly (Omit<Template, 'named'> & { readonly named?: NumberedName })[];
  readonly codes: Codes;
  /** The templates themselves, where no port has a name: then they say the same of all policies of the form. */
  readonly plain: readonly Template[] | undefined;
}

interface NumberedName {
  readonly side: 'subject' | 'peer';
  readonly name: number;
  readonly protocol: number;
}

/** Translations that are remembered by form. */
const most = 4096;

/** `bytes` are those of the module. Throws ModuleRefused. */
export function translator(bytes: Uint8Array): Translate {
  const module = new TranslationModule(loadTranslator(bytes));
  const byText = new Remembered<readonly [Form, Answer]>();
  const byForm = new Remembered<Answer>();
  return (policy) => {
    const admins = isAdmins(policy);
    const types = admins ? noTypes : policy.types;
    const [form, answer] = byText.get(JSON.stringify([admins, types, policy.rules]), () => {
      const made = formOf({ types, rules: policy.rules }, admins);
      const { bytes: input } = made;
      const key = Buffer.from(input.buffer, input.byteOffset, input.length).toString('latin1');
      return [made, byForm.get(key, () => answerOf(module.translate(input)))];
    });
    return translated(policy, form, answer);
  };
}

/** Emptied when it is full. */
class Remembered<V> {
  readonly #known = new Map<string, V>();

  get(key: string, make: () => V): V {
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const made = make();
    if (this.#known.size >= most) this.#known.clear();
    this.#known.set(key, made);
    return made;
  }
}

const isAdmins = (policy: NetworkPolicyRow | AdminPolicyRow): policy is AdminPolicyRow => 'tier' in policy;

const noTypes: NetworkPolicyRow['types'] = [];

type Source =
  | { readonly kind: Exclude<SourceKind, 'domain'>; readonly selection: Selection }
  | { readonly kind: 'domain'; readonly name: string };

function translated(policy: NetworkPolicyRow | AdminPolicyRow, form: Form, answer: Answer): Translated {
  const own = isAdmins(policy) ? '' : policy.meta.namespace;
  const subject = isAdmins(policy) ? policy.subject : { scope: own, entities: policy.subject };
  const sources: Source[] = [{ kind: 'pods', selection: subject }];
  for (const codes of answer.codes) sources.push(sourceOf(own, form, codes));
  const keys = sources.map((one) => (one.kind === 'domain' ? domainKey(one.name) : selectionKey(one.selection)));
  const { plain } = answer;
  const templates = plain ?? answer.templates.map((template) => withName(template, form.names));
  return {
    selections: sources.map((source) => (source.kind === 'domain' ? undefined : source.selection)),
    translation: {
      isolates: answer.isolates,
      templates: isAdmins(policy) ? templates.filter((template) => mayMeet(template, subject, sources)) : templates,
      selections: keys,
      kinds: sources.map(({ kind }) => kind),
      names: plain ? noNames : namesOf(templates, keys),
      domains: form.domains,
      faults: form.faults.length === 0 ? policy.faults : [...policy.faults, ...form.faults],
    },
  };
}

/** A rule of a pod behind its own Service is of who is subject and peer. */
const mayMeet = ({ self, sets }: Template, subject: Selection, sources: readonly Source[]): boolean =>
  !self ||
  sets.some((at) => {
    const source = sources[at];
    return source?.kind === 'pods' && !areApart(subject, source.selection);
  });

function withName({ named, ...rest }: Answer['templates'][number], names: readonly string[]): Template {
  if (!named) return rest;
  const [name = '', protocol = 'TCP'] = [names[named.name], protocols[named.protocol]];
  return { ...rest, named: { side: named.side, name, protocol } };
}

/** Codes of what is no pod, see policies/networkpolicy/assembly/index.ts. */
const nodesCode = 0xffff_fffe;
const domainCode = 0xffff_ffff;

function sourceOf(own: string, { selectors, domains }: Form, [first, second]: Codes[number]): Source {
  if (first === domainCode) return { kind: 'domain', name: domains[second] ?? '' };
  const entities = second === 0 ? [] : (selectors[second - 1] ?? []);
  // Nodes are in no namespace, and no namespace has an empty name.
  if (first === nodesCode) return { kind: 'nodes', selection: { scope: '', entities } };
  if (first === 0) return { kind: 'pods', selection: { scope: own, entities } };
  return { kind: 'pods', selection: { scopes: first === 1 ? [] : (selectors[first - 2] ?? []), entities } };
}

function namesOf(templates: readonly Template[], keys: readonly string[]): Translation['names'] {
  const asked = templates.flatMap(({ named, sets }) => {
    if (!named) return [];
    const of = named.side === 'subject' ? [0] : sets;
    return of.map((at) => ({ selection: keys[at] ?? '', name: named.name }));
  });
  return [...new Map(asked.map((entry) => [`${entry.name} ${entry.selection}`, entry])).values()];
}

const noNames: Translation['names'] = [];
const sides = [undefined, 'subject', 'peer'] as const;
const decoder = new TextDecoder();

function answerOf(view: DataView): Answer {
  let at = 0;
  const word = (): number => {
    const value = view.getUint32(at, true);
    at += 4;
    return value;
  };
  const text = (): string => {
    const length = word();
    const found = decoder.decode(new Uint8Array(view.buffer, view.byteOffset + at, length));
    at += (length + 3) & ~3;
    return found;
  };
  const mask = word();
  const codes = new CodeList();
  const templates: Answer['templates'][number][] = [];
  while (at < view.byteLength) {
    const [direction, rule, family, self] = [word(), word(), word(), word() !== 0];
    const [side, name, protocol] = [sides[word()], word(), word()];
    const sets = Array.from({ length: word() }, () => codes.place(word(), word()));
    templates.push({
      direction: direction === 0 ? 'ingress' : 'egress',
      rule,
      family: family === 4 ? 4 : 6,
      match: text(),
      sets,
      ...(self && { self }),
      ...(side && { named: { side, name, protocol } }),
    });
  }
  const isolates = directions.filter((_, bit) => mask & (1 << bit));
  const plain = templates.some(({ named }) => named) ? undefined : templates.map((template) => withName(template, []));
  return { isolates, templates, codes: codes.all, plain };
}

/** Pairs of codes, each once, in the order of their places: the first place is the subject's. */
class CodeList {
  readonly all: (readonly [number, number])[] = [];

  place(namespaces: number, pods: number): number {
    const known = this.all.findIndex(([a, b]) => a === namespaces && b === pods);
    return 1 + (known >= 0 ? known : this.all.push([namespaces, pods]) - 1);
  }
}
