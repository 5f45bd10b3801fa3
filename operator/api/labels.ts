// Label selectors: parsed once from the API's form, matched against labels. An unknown operator matches nothing, so
// that a selector that is not understood never widens what it selects.
import type { Json } from './fact.ts';
import { isObject, listOf, textOf, textsOf } from './json.ts';
import type { Selector } from './tables.ts';

type Labels = Readonly<Record<string, string>>;

/** A selector of the API's form; fields of the wrong type count as absent. */
export function selectorOf(value: Json | undefined): Selector {
  const source = isObject(value) ? value : {};
  const labels = isObject(source['matchLabels']) ? source['matchLabels'] : {};
  return {
    matchLabels: Object.fromEntries(Object.entries(labels).map(([key, text]) => [key, textOf(text)])),
    matchExpressions: listOf(source['matchExpressions'])
      .filter(isObject)
      .map((term) => ({
        key: textOf(term['key']),
        operator: textOf(term['operator']),
        values: textsOf(term['values']),
      })),
  };
}

/** Whether all terms hold; the empty selector matches everything. */
export function matches(selector: Selector, labels: Labels): boolean {
  const exact = Object.entries(selector.matchLabels).every(([key, value]) => labels[key] === value);
  return exact && selector.matchExpressions.every((term) => holds(term, labels[term.key]));
}

function holds(term: Selector['matchExpressions'][number], value: string | undefined): boolean {
  switch (term.operator) {
    case 'In':
      return value !== undefined && term.values.includes(value);
    case 'NotIn':
      return value === undefined || !term.values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    default:
      return false;
  }
}

/** Key of one label in an index. */
export const labelKey = (key: string, value: string): string => `${key}=${value}`;

/** The keys under which something with these labels is found by `requiredLabel`: one for each, and one for all. */
export const labelKeys = (labels: Labels): string[] => [
  '',
  ...Object.entries(labels).map(([key, value]) => labelKey(key, value)),
];

/** The label without which the selector cannot match, as an index key; '' when there is no such label. */
export function requiredLabel(selector: Selector): string {
  const [first] = Object.entries(selector.matchLabels).sort(([a], [b]) => (a < b ? -1 : 1));
  return first ? labelKey(...first) : '';
}
