import { describe, expect, it } from 'vitest';
import { Exclusive } from './watched.ts';

describe('things that one may have at a time', () => {
  it('go from one to the next when the first has given them up', () => {
    const exclusive = new Exclusive('pods');
    exclusive.set('a', ['x', 'y']);
    exclusive.set('a', ['y']);
    exclusive.set('b', ['x']);
    exclusive.set('a', []);
    exclusive.set('c', ['y']);
    exclusive.set('c', ['y']);
    expect(exclusive.violations).toEqual([]);
  });

  it('are told of when two have one, also when one of them gives it up later', () => {
    const exclusive = new Exclusive('pods');
    exclusive.set('a', ['x']);
    exclusive.set('b', ['x']);
    exclusive.set('a', []);
    exclusive.set('b', []);
    exclusive.set('c', ['x']);
    expect(exclusive.violations).toEqual(['x of pods a and b at once']);
  });
});
