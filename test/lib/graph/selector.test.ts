import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { matches, nothing, selectionKey, selector } from '../../../lib/graph/selector.ts';
import type { Labels, WrittenSelector } from '../../../lib/graph/selector.ts';

const keys = ['a', 'b'];
const values = ['x', 'y', 'z'];
/** A value that no selector here names stands for all those. */
const other = 'other';

const text = fc.constantFrom(...values);
const written = fc.record<WrittenSelector>(
  {
    matchLabels: fc.dictionary(fc.constantFrom(...keys), text, { maxKeys: 2 }),
    matchExpressions: fc.array(
      fc.record({
        key: fc.constantFrom(...keys),
        operator: fc.constantFrom('In', 'NotIn', 'Exists', 'DoesNotExist'),
        values: fc.array(text, { maxLength: 3 }),
      }),
      { maxLength: 3 },
    ),
  },
  { requiredKeys: [] },
);

const choices = [undefined, ...values, other];
const everyLabels: Labels[] = choices.flatMap((a) =>
  choices.map((b): Labels => ({ ...(a !== undefined && { a }), ...(b !== undefined && { b }) })),
);

/** The definition of the API, word for word. */
function means({ matchLabels = {}, matchExpressions = [] }: WrittenSelector, labels: Labels): boolean {
  const has = (key: string): boolean => labels[key] !== undefined;
  const among = (key: string, of: readonly string[]): boolean => has(key) && of.includes(labels[key] ?? '');
  return (
    Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
    matchExpressions.every(({ key, operator, values: of = [] }) => {
      if (operator === 'In') return among(key, of);
      if (operator === 'NotIn') return !among(key, of);
      return operator === 'Exists' ? has(key) : !has(key);
    })
  );
}

const meaning = (of: WrittenSelector): boolean[] => everyLabels.map((labels) => means(of, labels));

describe('selector', () => {
  it('means in canonical form what was written', () => {
    fc.assert(
      fc.property(written, (of) => {
        const canonical = selector(of);
        expect(everyLabels.map((labels) => matches(canonical, labels))).toEqual(meaning(of));
      }),
    );
  });

  it('has one text for one meaning', () => {
    fc.assert(
      fc.property(written, written, (a, b) => {
        const same = JSON.stringify(meaning(a)) === JSON.stringify(meaning(b));
        const key = (of: WrittenSelector): string => selectionKey({ entities: selector(of) });
        expect(key(a) === key(b)).toBe(same);
      }),
      { numRuns: 1000 },
    );
  });

  it.each<[string, WrittenSelector, unknown]>([
    ['labels in any order', { matchLabels: { b: '1', a: '2' } }, ['a In 2', 'b In 1']],
    ['an empty one', {}, []],
    [
      'values that are impossible together',
      { matchLabels: { a: 'x' }, matchExpressions: [{ key: 'a', operator: 'In', values: ['y'] }] },
      [' In '],
    ],
    [
      'an existence that follows',
      { matchLabels: { a: 'x' }, matchExpressions: [{ key: 'a', operator: 'Exists' }] },
      ['a In x'],
    ],
    [
      'presence without a value',
      {
        matchExpressions: [
          { key: 'a', operator: 'Exists' },
          { key: 'a', operator: 'NotIn', values: ['y', 'x', 'x'] },
        ],
      },
      ['a Exists ', 'a NotIn x,y'],
    ],
  ])('makes the canonical form of %s', (_, of, expected) => {
    expect(selector(of).map(({ key, operator, values: list }) => `${key} ${operator} ${list.join(',')}`)).toEqual(
      expected,
    );
  });

  it('refuses an operator that is none', () => {
    expect(() => selector({ matchExpressions: [{ key: 'a', operator: 'in' }] })).toThrow(
      'operator in, which is none of',
    );
  });

  it('does not take what every object has for a label', () => {
    expect(matches(selector({ matchExpressions: [{ key: 'constructor', operator: 'Exists' }] }), {})).toBe(false);
    expect(matches(nothing, {})).toBe(false);
  });

  it('tells a fixed scope, chosen scopes and none apart', () => {
    const entities = selector({});
    const all = [
      { entities },
      { entities, scope: 'a' },
      { entities, scopes: entities },
      { entities, scope: 'a', scopes: entities },
    ];
    expect(new Set(all.map(selectionKey)).size).toBe(4);
  });
});
