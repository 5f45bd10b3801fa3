// Templates of a policy's module with names of groups and sets in them, and the facets that fill these.
import type { Collection, Facet } from '../api/facet.ts';
import type { Template, Translation } from '../api/translation.ts';

import { hairpin } from '../nb/rows/policy.ts';
import type { Keyed } from './facet.ts';
import { nameKey } from './policy-scope.ts';
import type { WorldRead } from './reconciler.ts';

/** Adds a facet, and answers the row that it fills. */
export function note(
  facets: Map<string, Facet>,
  { key, value }: Keyed<Facet & { readonly into: Collection }>,
): Collection {
  facets.set(key, value);
  return value.into;
}

/** The numbers that the name of the template's port has, in order. */
export function numbersOf({ named, sets }: Template, translation: Translation, read: WorldRead): number[] {
  if (!named) return [];
  const of = named.side === 'subject' ? [0] : sets;
  const numbers = of.flatMap((at) =>
    read.at('numbersByName', nameKey({ selection: translation.selections[at] ?? '', name: named.name })),
  );
  const wanted = new Set(numbers.filter(({ protocol }) => protocol === named.protocol).map(({ number }) => number));
  return [...wanted].sort((a, b) => a - b);
}

export interface Values {
  readonly group: string;
  readonly sets: readonly string[];
  readonly number: number | undefined;
}

/** What comes from outside are prefixes, which have none of the place-holders in them. */
export const filled = ({ match, family }: Template, { group, sets, number }: Values): string =>
  match.replace(/@|#|!|\$(\d+)/g, (found, at: string | undefined) => {
    if (found === '@') return `@${group}`;
    if (found === '#') return String(number);
    if (found === '!') return hairpin[family];
    return `$${sets[Number(at)] ?? ''}`;
  });
