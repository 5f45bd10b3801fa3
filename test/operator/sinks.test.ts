import { describe, expect, it } from 'vitest';
import { Graph } from '../../lib/graph/graph.ts';
import type { Sink } from '../../lib/graph/types.ts';
import { owner } from '../../lib/delta/ids.ts';
import type { Fact, Ref } from '../../operator/api/fact.ts';
import { podRow } from '../../operator/api/project.ts';
import { subnetRef } from '../../operator/api/refs.ts';
import type { Demand, Tables } from '../../operator/api/tables.ts';
import { Withheld } from '../../operator/api/withheld.ts';
import { Beside, Split } from '../../operator/sinks.ts';
import type { Sinks } from '../../operator/sinks.ts';
import type { Decision } from '../../operator/reconcilers/module-ipam.ts';
import { ownerOf } from '../../operator/world.ts';
import { HandClock } from '../lib/graph/clock.ts';
import { logicalSwitch } from '../../operator/nb/rows/switch.ts';

const about = (source: string): Ref => subnetRef(source.replace('Subnet/', ''));
const who = owner(subnetRef('s'));
const problem: Fact = { problem: subnetRef('s'), reason: 'VpcNotFound', message: 'm', owner: who };
const hold: Fact = { hold: subnetRef('s'), reason: 'r', owner: who };

/** A split and everything that its sinks were told, in order. */
function rig(): { split: Split; told: string[] } {
  const told: string[] = [];
  const sink = (shape: string): Sink<never> => ({
    replace: (source, facts) => void told.push(`${shape} ${source} ${facts.length}`),
    freeze: (source) => void told.push(`${shape} ${source} frozen`),
  });
  const shapes = ['rows', 'plan', 'objects', 'status', 'problems', 'holds'] as const;
  const sinks = Object.fromEntries(shapes.map((shape) => [shape, sink(shape)])) as unknown as Sinks;
  return { split: new Split(sinks, about), told };
}

describe('Split', () => {
  it('hands each shape to its own, and tells only those that are concerned', () => {
    const { split, told } = rig();
    split.replace('Subnet/s', [logicalSwitch('s'), problem, hold]);
    split.replace('Subnet/s', [logicalSwitch('s')]);
    split.replace('Subnet/s', []);
    split.replace('Subnet/other', []);
    expect(told).toEqual([
      'rows Subnet/s 1',
      'problems Subnet/s 1',
      'holds Subnet/s 1',
      'rows Subnet/s 1',
      'problems Subnet/s 0',
      'holds Subnet/s 0',
      'rows Subnet/s 0',
    ]);
  });

  it('freezes everything of a failed source, and says so of its object', () => {
    const { split, told } = rig();
    split.freeze('Subnet/s', new Error('bug'));
    expect(told.filter((line) => line.endsWith('frozen'))).toHaveLength(5);
    expect(told).toContain('problems Subnet/s 1');
    split.replace('Subnet/s', []);
    expect(told).toContain('problems Subnet/s 0');
  });

  it('says nothing of its own when the user is told already', () => {
    const { split, told } = rig();
    split.freeze('Subnet/s', new Withheld('not now'));
    expect(told).toContain('problems Subnet/s 0');
  });
});

it.each([
  ['Pod/a/web', 'Pod/a/web'],
  ['Subnet/ovn-default', 'Subnet//ovn-default'],
  ['Node/n1', 'Node//n1'],
  ['SubnetStatus/x', undefined],
  ['network/x', undefined],
])('a source %s speaks for the owner %s', (source, expected) => {
  expect(ownerOf(source)).toBe(expected);
});

describe('Beside', () => {
  it('gives rows of the other tables to those that have them, and takes them back', () => {
    const graph = new Graph<Pick<Tables, 'pod' | 'demand' | 'undecided'>, object>({
      clock: new HandClock(),
      sliceMs: 5,
    });
    const [pod, demand, undecided] = [graph.table('pod'), graph.table('demand'), graph.table('undecided')];
    const sink = new Beside(graph.into(demand), { undecided: graph.into(undecided) });
    const asked: string[] = [];
    graph.derive(
      'demand/pod',
      pod,
      function* ({ meta: { name } }): Generator<Decision> {
        yield [name, { ip: name } as Demand];
        asked.push(name);
        if (name.startsWith('kept')) {
          yield { entry: 'undecided', key: name, value: { ip: name, subnets: [], message: 'm' } };
          yield [`${name}.second`, { ip: `${name}.second` } as Demand];
        }
      },
      sink,
    );
    const enter = (key: string, name: string): void => {
      graph.enter(() => pod.set(key, podRow({ metadata: { name } })));
      graph.settleNow();
    };
    const held = (): unknown => [[...demand.entries()].map(([key]) => key).sort(), [...undecided.entries()].length];
    enter('a/1', 'plain');
    expect(held()).toEqual([['plain'], 0]);
    enter('a/1', 'kept');
    expect(held()).toEqual([['kept', 'kept.second'], 1]);
    enter('a/1', 'plain');
    expect(held()).toEqual([['plain'], 0]);
    enter('a/1', 'kept');
    graph.enter(() => pod.delete('a/1'));
    graph.settleNow();
    expect(held()).toEqual([[], 0]);
    expect(asked).toEqual(['plain', 'kept', 'plain', 'kept']);
  });
});
