import { describe, expect, it, vi } from 'vitest';
import fc from 'fast-check';
import { toggled } from '../../../lib/ovsdb/versioned-set.ts';
import type { Atom } from '../../../lib/ovsdb/types.ts';

const LARGE = 200;
const initial = Array.from({ length: LARGE }, (_, at) => `e${at}`);
/** A large set that has been changed once, so that it is a version; and the same as a plain Set. */
const version = (): ReadonlySet<Atom> => toggled(new Set<Atom>(initial), new Set(['first']));
const plain = (): Set<Atom> => new Set<Atom>([...initial, 'first']);

const atoms = fc.nat(LARGE * 2).map((at): Atom => `e${at}`);
/** Of few atoms, so that they go and come again. */
const small = fc
  .uniqueArray(
    fc.nat(9).map((at): Atom => `e${at * 40}`),
    { maxLength: 6 },
  )
  .map((list): ReadonlySet<Atom> => new Set(list));
/** Sometimes large enough to pass the bound of age. */
const differences = fc.oneof(
  { weight: 9, arbitrary: small },
  {
    weight: 1,
    arbitrary: fc
      .uniqueArray(atoms, { minLength: 100, maxLength: 150 })
      .map((list): ReadonlySet<Atom> => new Set(list)),
  },
);

/** All that a ReadonlySet says, in a form that compares. */
function seen(set: ReadonlySet<Atom>, other: ReadonlySet<Atom>): unknown {
  const sorted = (values: Iterable<unknown>): unknown[] => [...values].map(String).sort();
  // First, before anything else makes the version read its elements together.
  const has = Array.from({ length: LARGE * 2 }, (_, at) => set.has(`e${at}`));
  const visited: unknown[] = [];
  // oxlint-disable-next-line unicorn/no-array-for-each -- is what is tested.
  set.forEach((value, key, itself) => visited.push([value, key, itself === set]));
  return {
    size: set.size,
    has,
    iterated: sorted(set),
    keys: sorted(set.keys()),
    values: sorted(set.values()),
    entries: sorted(set.entries()),
    visited: sorted(visited),
    union: sorted(set.union(other)),
    intersection: sorted(set.intersection(other)),
    difference: sorted(set.difference(other)),
    symmetricDifference: sorted(set.symmetricDifference(other)),
    subset: set.isSubsetOf(other),
    superset: set.isSupersetOf(other),
    disjoint: set.isDisjointFrom(other),
    asArgument: sorted(new Set<Atom>(other).union(set)),
    copied: sorted(new Set(set)),
  };
}

describe('versions of a large set', () => {
  it('are what copies would be, every one of them, in whatever order they are read and however they branch', () => {
    const steps = fc.array(fc.record({ difference: differences, from: fc.nat(1000), newest: fc.boolean() }), {
      maxLength: 30,
    });
    fc.assert(
      fc.property(steps, fc.array(fc.nat(1000), { maxLength: 12 }), small, (changes, reads, other) => {
        const versions = [version()];
        const copies: ReadonlySet<Atom>[] = [plain()];
        for (const { difference, from, newest } of changes) {
          const at = newest ? versions.length - 1 : from % versions.length;
          versions.push(toggled(versions[at]!, difference));
          copies.push(copies[at]!.symmetricDifference(difference));
        }
        for (const read of [...reads, ...versions.keys()]) {
          const at = read % versions.length;
          expect(seen(versions[at]!, other)).toEqual(seen(copies[at]!, other));
        }
        expect(seen(copies[0]!, other)).toEqual(seen(plain(), other));
      }),
      { numRuns: 60 },
    );
  });

  it('leave iterations alone that began before them, also through several versions', () => {
    const before = version();
    const iteration = before.values();
    const read = [iteration.next().value, iteration.next().value];
    const after = toggled(toggled(before, new Set(['e2', 'new'])), new Set(['e3']));
    for (const atom of iteration) read.push(atom);
    expect(new Set(read)).toEqual(plain());
    expect([after.has('e2'), after.has('e3'), after.has('new')]).toEqual([false, false, true]);
    expect(before.has('e2')).toBe(true);
  });

  it('begin an iteration with the version that was asked, also when it was replaced before the first step', () => {
    const before = version();
    const iteration = before.values();
    toggled(before, new Set(['e2', 'new']));
    expect(new Set(iteration)).toEqual(plain());
  });

  it('share the elements: only the difference is looked at, and the newest version has them', () => {
    let set = version();
    const copies = vi.spyOn(Set.prototype, 'symmetricDifference');
    for (let round = 0; round < 50; round += 1) set = toggled(set, new Set([`x${round}`]));
    expect(copies).not.toHaveBeenCalled();
    // Once in a while they are copied all the same, so that whoever keeps an old version does not keep all that followed.
    for (let round = 0; round < 5 * LARGE; round += 1) set = toggled(set, new Set(['x']));
    expect([3, 4, 5]).toContain(copies.mock.calls.length);
    copies.mockRestore();
    expect(set.size).toBe(LARGE + 51);
  });

  it('pass for Sets, and refuse to be changed as such', () => {
    const set = version();
    expect(set instanceof Set).toBe(true);
    expect(() => (set as Set<Atom>).add('x')).toThrow(TypeError);
    expect(() => Set.prototype.delete.call(set, 'e1')).toThrow(TypeError);
    expect(set.has('x') || !set.has('e1')).toBe(false);
  });

  it('leave small sets as they are', () => {
    const set = toggled(new Set<Atom>(['a']), new Set(['b']));
    expect(set).toEqual(new Set(['a', 'b']));
    expect(Object.getPrototypeOf(set)).toBe(Set.prototype);
  });
});
