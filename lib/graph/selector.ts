// Selectors over labels, in the form of Kubernetes' LabelSelector, brought to one canonical form: equal meaning per label
// gives equal text, so that what many ask for is matched once.

export type Labels = Readonly<Record<string, string>>;

export type Comparison = 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';

/** A selector as it is written; every part of it must hold, and an empty one holds for everything. */
export interface WrittenSelector {
  readonly matchLabels?: Labels | undefined;
  readonly matchExpressions?:
    | readonly { readonly key: string; readonly operator: string; readonly values?: readonly string[] | undefined }[]
    | undefined;
}

/** `NotIn` and `DoesNotExist` hold for what lacks the label. */
export interface Requirement {
  readonly key: string;
  readonly operator: Comparison;
  readonly values: readonly string[];
}

/** The canonical form, made by `selector`: sorted by key, values sorted; nothing that follows from something else. */
export type Selector = readonly Requirement[];

/** Holds for nothing. */
export const nothing: Selector = [{ key: '', operator: 'In', values: [] }];

/** A set of labelled things: those of `scope`, of scopes whose labels match `scopes`, themselves matching `entities`. */
export interface Selection {
  readonly scope?: string;
  /** A scope that is not known matches no selector, an empty one neither. */
  readonly scopes?: Selector;
  readonly entities: Selector;
}

/** What all requirements of one key leave over. */
interface Left {
  absent: boolean;
  present: boolean;
  among: ReadonlySet<string> | undefined;
  readonly except: Set<string>;
}

/** The canonical form. Throws on an operator that is none. */
export function selector({ matchLabels = {}, matchExpressions = [] }: WrittenSelector): Selector {
  const byKey = new Map<string, Left>();
  const left = (key: string): Left => {
    const found = byKey.get(key) ?? { absent: true, present: true, among: undefined, except: new Set<string>() };
    byKey.set(key, found);
    return found;
  };
  for (const [key, value] of Object.entries(matchLabels)) narrow(left(key), 'In', [value]);
  for (const { key, operator, values } of matchExpressions) narrow(left(key), operator, values ?? []);
  const keys = [...byKey].sort(([a], [b]) => (a < b ? -1 : 1));
  // They are kept, and a list that has grown has room for many more: one of its exact length takes its place.
  const requirements = keys.flatMap(([key, each]) => requirementsOf(key, each)).slice();
  return requirements.some(({ operator, values }) => operator === 'In' && values.length === 0) ? nothing : requirements;
}

function narrow(left: Left, operator: string, values: readonly string[]): void {
  switch (operator) {
    case 'In': {
      const { among } = left;
      left.among = new Set(among ? values.filter((value) => among.has(value)) : values);
      left.absent = false;
      return;
    }
    case 'NotIn':
      for (const value of values) left.except.add(value);
      return;
    case 'Exists':
      left.absent = false;
      return;
    case 'DoesNotExist':
      left.present = false;
      return;
    default:
      throw new Error(`a selector has the operator ${operator}, which is none of In, NotIn, Exists, DoesNotExist`);
  }
}

function requirementsOf(key: string, { absent, present, among, except }: Left): Requirement[] {
  const requirement = (operator: Comparison, values: Iterable<string> = []): Requirement => ({
    key,
    operator,
    values: [...values].sort(),
  });
  if (!present) return [absent ? requirement('DoesNotExist') : requirement('In')];
  if (among)
    return [
      requirement(
        'In',
        [...among].filter((value) => !except.has(value)),
      ),
    ];
  return [...(absent ? [] : [requirement('Exists')]), ...(except.size > 0 ? [requirement('NotIn', except)] : [])];
}

/** Text that two selections have in common exactly when they are the same in canonical form. */
export function selectionKey({ scope, scopes, entities }: Selection): string {
  return JSON.stringify([scope ?? null, scopes ? compact(scopes) : null, compact(entities)]);
}

/** The part of the key that concerns scopes. */
export function scopesKey({ scope, scopes }: Selection): string {
  return JSON.stringify([scope ?? null, scopes ? compact(scopes) : null]);
}

const compact = (of: Selector): unknown[] => of.map(({ key, operator, values }) => [key, operator, ...values]);

/** Whether labels satisfy a selector; cost is the length of the selector. */
export function matches(of: Selector, labels: Labels): boolean {
  for (const requirement of of) if (!satisfied(requirement, labels)) return false;
  return true;
}

function satisfied({ key, operator, values }: Requirement, labels: Labels): boolean {
  const present = Object.hasOwn(labels, key);
  if (operator === 'Exists') return present;
  if (operator === 'DoesNotExist') return !present;
  const among = present && values.includes(labels[key] as string);
  return operator === 'In' ? among : !among;
}
