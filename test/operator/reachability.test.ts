import { describe, expect, it } from 'vitest';
import { Reachability } from '../../operator/reachability.ts';
import { FakeClock } from './kube/fake.ts';

interface Rig {
  readonly clock: FakeClock;
  readonly reach: Reachability;
  readonly changes: string[];
  readonly see: (text: string) => void;
}

function rig(): Rig {
  const changes: string[] = [];
  const clock = new FakeClock();
  const reach = new Reachability(clock, (node, lost) => changes.push(`${node} ${lost ? 'lost' : 'back'}`));
  /** `a-g` is that a has lost g, `a+g` that a reaches it. */
  const see = (text: string): void => {
    for (const [, from = '', sign, node = ''] of text.matchAll(/(\w)([-+])(\w)/g))
      reach.take(from, { node, lost: sign === '-' });
  };
  return { clock, reach, changes, see };
}

describe('a gateway is lost', () => {
  it.each([
    ['when the only one who looks has lost it', 'a-g', ['g lost']],
    ['when most have', 'a-g b-g c+g', ['g lost']],
    ['not when as many reach it', 'a+g b-g', []],
    ['by its own word', 'a+g b+g g-g', ['g lost']],
    ['until it takes it back', 'a+g g-g g+g', ['g lost', 'g back']],
    ['but by others all the same', 'a-g g+g', ['g lost']],
    ['until it is back', 'a-g a+g', ['g lost', 'g back']],
    ['by itself', 'a-g a+h', ['g lost']],
  ])('%s', (_, sightings, expected) => {
    const { changes, see } = rig();
    see(sightings);
    expect(changes).toEqual(expected);
  });

  it('and who is not heard any more counts no more', () => {
    const { reach, changes, see } = rig();
    see('a+g b+g c-g d-g');
    reach.left('a');
    reach.left('a');
    expect(changes).toEqual(['g lost']);
    reach.left('c');
    expect(changes).toEqual(['g lost', 'g back']);
  });

  it('for as long as it is said again: one who is silent counts no more, but of itself', async () => {
    const { clock, changes, see } = rig();
    see('a-g b-h i-i');
    await clock.advance(4000);
    see('b-h');
    await clock.advance(4000);
    expect(changes).toEqual(['g lost', 'h lost', 'i lost', 'g back']);
    await clock.advance(60_000);
    expect(changes).toEqual(['g lost', 'h lost', 'i lost', 'g back', 'h back']);
  });

  it('until nobody is heard', () => {
    const { reach, changes, see } = rig();
    see('a-g a-h');
    reach.clear();
    expect(changes).toEqual(['g lost', 'h lost', 'g back', 'h back']);
  });
});
