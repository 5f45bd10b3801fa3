import { describe, expect, it, vi } from 'vitest';
import { WiringError } from '../../../lib/graph/errors.ts';
import { Graph } from '../../../lib/graph/graph.ts';
import type { Store } from '../../../lib/graph/table.ts';
import type { Conflict } from '../../../lib/graph/types.ts';
import { CollectingSink } from '../../oracle.ts';
import { HandClock } from './clock.ts';

interface Tables {
  pod: { readonly subnet: string; readonly ip?: string };
  subnet: { readonly cidr: string };
  port: { readonly pod: string; readonly cidr: string };
}
interface Indexes {
  podBySubnet: Tables['pod'];
}

function world(clock = new HandClock()) {
  const onFailure = vi.fn<(source: string, error: unknown) => void>();
  const onConflict = vi.fn<(conflict: Conflict) => void>();
  const graph = new Graph<Tables, Indexes>({ clock, sliceMs: 4, onFailure, onConflict });
  const pod = graph.table('pod');
  const subnet = graph.table('subnet');
  const port = graph.table('port');
  return { clock, graph, pod, subnet, port, onFailure, onConflict };
}

function ports() {
  const made = world();
  const sink = new CollectingSink();
  const { graph, pod, port } = made;
  const failing = new Set<string>();
  graph.derive(
    'port',
    pod,
    function* (value, read, key) {
      const subnet = read.get('subnet', value.subnet);
      if (failing.has(key)) throw new Error(`no ${key}`);
      if (subnet) yield [key, { pod: key, cidr: subnet.cidr }] as const;
    },
    graph.into(port),
  );
  graph.derive(
    'row',
    port,
    function* (value) {
      yield value.cidr;
    },
    sink,
  );
  return { ...made, sink, failing };
}

describe('reads', () => {
  it('run a key again when a value that was missing arrives', () => {
    const { graph, pod, subnet, sink } = ports();
    graph.enter(() => pod.set('a', { subnet: 's' }));
    graph.settleNow();
    expect(sink.dump()).toEqual([]);
    graph.enter(() => subnet.set('s', { cidr: '10.0.0.0/8' }));
    graph.settleNow();
    expect(sink.dump()).toEqual([['row/a', ['10.0.0.0/8']]]);
  });

  it('cost one run per key that read what changed, and none for an equal write', () => {
    const { graph, pod, subnet } = ports();
    graph.enter(() => {
      subnet.set('s', { cidr: '1' });
      subnet.set('t', { cidr: '2' });
      for (let i = 0; i < 1000; i++) pod.set(`p${i}`, { subnet: i < 3 ? 's' : 't' });
    });
    graph.settleNow();
    const before = graph.counters;
    graph.enter(() => {
      subnet.set('s', { cidr: '3' });
      subnet.set('t', { cidr: '2' });
    });
    graph.settleNow();
    expect(graph.counters['port']!.runs - before['port']!.runs).toBe(3);
    expect(graph.counters['row']!.runs - before['row']!.runs).toBe(3);
  });

  it('of an index see additions, changes and removals', () => {
    const { graph, pod, subnet } = world();
    const sink = new CollectingSink();
    graph.index('podBySubnet', pod, (value) => [value.subnet]);
    graph.derive(
      'count',
      subnet,
      function* (_, read, key) {
        yield read.at('podBySubnet', key).map(({ ip }) => ip);
      },
      sink,
    );
    const step = (fn: () => void): unknown => {
      graph.enter(fn);
      graph.settleNow();
      return sink.dump();
    };
    expect(step(() => subnet.set('s', { cidr: '' }))).toEqual([['count/s', [[]]]]);
    expect(step(() => pod.set('b', { subnet: 's', ip: '2' }))).toEqual([['count/s', [['2']]]]);
    expect(step(() => pod.set('a', { subnet: 's', ip: '1' }))).toEqual([['count/s', [['1', '2']]]]);
    expect(step(() => pod.set('b', { subnet: 's', ip: '3' }))).toEqual([['count/s', [['1', '3']]]]);
    expect(step(() => pod.set('b', { subnet: 't', ip: '3' }))).toEqual([['count/s', [['1']]]]);
    expect(step(() => pod.replace([]))).toEqual([['count/s', [[]]]]);
  });

  it('of what is not there leave nothing in the table, and nothing at all when they end', () => {
    const { graph, pod, subnet } = ports();
    graph.enter(() => pod.set('a', { subnet: 's' }));
    graph.settleNow();
    const rows = (): readonly string[] => [...(subnet as Store<Tables['subnet']>).rows()].map(({ key }) => key);
    expect([subnet.size, subnet.has('s'), [...subnet.entries()], rows()]).toEqual([0, false, [], ['s']]);
    graph.enter(() => pod.set('a', { subnet: 't' }));
    graph.settleNow();
    expect(rows()).toEqual(['t']);
    graph.enter(() => {
      subnet.set('t', { cidr: '1' });
      subnet.delete('t');
      subnet.set('u', { cidr: '1' });
    });
    graph.settleNow();
    expect([subnet.size, rows()]).toEqual([1, ['t', 'u']]);
    graph.enter(() => pod.delete('a'));
    graph.settleNow();
    expect(rows()).toEqual(['u']);
    expect([...(pod as Store<Tables['pod']>).rows()]).toEqual([]);
  });

  it('of several things follow each, and let go of what is not read again', () => {
    const { graph, pod, subnet } = world();
    const sink = new CollectingSink();
    graph.derive(
      'all',
      pod,
      (value, read) => value.subnet.split('').map((key) => read.get('subnet', key)?.cidr ?? '-'),
      sink,
    );
    const step = (fn: () => void): readonly unknown[] | undefined => {
      graph.enter(fn);
      graph.settleNow();
      return sink.sources.get('all/a');
    };
    const runs = (): number => graph.counters['all']?.runs ?? 0;
    expect(step(() => pod.set('a', { subnet: 'xyx' }))).toEqual(['-', '-', '-']);
    expect(step(() => subnet.set('y', { cidr: '1' }))).toEqual(['-', '1', '-']);
    expect(step(() => pod.set('a', { subnet: 'x' }))).toEqual(['-']);
    const before = runs();
    expect(step(() => subnet.set('y', { cidr: '2' }))).toEqual(['-']);
    expect(runs()).toBe(before);
    expect(step(() => pod.set('a', { subnet: 'xzy' }))).toEqual(['-', '-', '2']);
    expect(step(() => subnet.set('z', { cidr: '3' }))).toEqual(['-', '3', '2']);
    expect(step(() => pod.set('a', { subnet: '' }))).toBeUndefined();
    expect([...(subnet as Store<Tables['subnet']>).rows()].map(({ key }) => key).sort()).toEqual(['y', 'z']);
  });

  it('after the run has ended are refused', () => {
    const { graph, pod } = world();
    let leaked: (() => unknown) | undefined;
    graph.derive(
      'leak',
      pod,
      (_, read) => {
        leaked = () => read.get('subnet', 's');
        return [];
      },
      new CollectingSink(),
    );
    graph.enter(() => pod.set('a', { subnet: 's' }));
    graph.settleNow();
    expect(() => leaked?.()).toThrow(/reads after its run/);
  });
});

describe('outputs', () => {
  it('are withdrawn with their input', () => {
    const { graph, pod, subnet, sink, port } = ports();
    graph.enter(() => {
      subnet.set('s', { cidr: '1' });
      pod.set('a', { subnet: 's' });
    });
    graph.settleNow();
    graph.enter(() => pod.delete('a'));
    graph.settleNow();
    expect([...port.entries()]).toEqual([]);
    expect(sink.dump()).toEqual([]);
  });

  it('of a run that throws stay, others proceed, and the next good run cures it', () => {
    const { graph, pod, subnet, sink, failing, onFailure } = ports();
    graph.enter(() => {
      subnet.set('s', { cidr: '1' });
      pod.set('a', { subnet: 's' });
      pod.set('b', { subnet: 's' });
    });
    graph.settleNow();
    failing.add('a');
    graph.enter(() => subnet.set('s', { cidr: '2' }));
    graph.settleNow();
    expect(sink.dump()).toEqual([
      ['row/a', ['1']],
      ['row/b', ['2']],
    ]);
    expect([...graph.failures.keys()]).toEqual(['port/a']);
    expect(onFailure).toHaveBeenCalledExactlyOnceWith('port/a', new Error('no a'));
    failing.clear();
    graph.enter(() => subnet.set('s', { cidr: '3' }));
    graph.settleNow();
    expect(sink.sources.get('row/a')).toEqual(['3']);
    expect(graph.failures.size).toBe(0);
  });

  it('of one source may be any keys, its own or others, and replace each other as a set', () => {
    const { graph, pod, port } = world();
    graph.derive(
      'many',
      pod,
      (value, _, key) => value.subnet.split('').map((at) => [at, { pod: key, cidr: value.subnet }] as const),
      graph.into(port),
    );
    for (const keys of ['a', 'ab', 'b', 'cb', 'a', '', 'c', 'ca', '', 'a']) {
      graph.enter(() => pod.set('a', { subnet: keys }));
      graph.settleNow();
      const found = [...port.entries()].map(([key, { cidr }]) => `${key} of ${cidr}`);
      expect(found.sort()).toEqual(
        keys
          .split('')
          .sort()
          .map((key) => `${key} of ${keys}`),
      );
    }
    graph.enter(() => pod.delete('a'));
    graph.settleNow();
    expect([...port.entries()]).toEqual([]);
  });

  it('tell the sink of the freeze', () => {
    const { graph, pod } = world();
    const sink = new CollectingSink();
    graph.derive(
      'bad',
      pod,
      () => {
        throw new Error('bad');
      },
      sink,
    );
    graph.enter(() => pod.set('a', { subnet: 's' }));
    graph.settleNow();
    expect([...sink.frozen]).toEqual(['bad/a']);
  });

  it.each([['ab'], ['ba']])('for one key from two sources are named, and the first source holds (%s)', (order) => {
    const { graph, pod, port, onConflict } = world();
    graph.derive(
      'twin',
      pod,
      function* (_, __, key) {
        yield ['same', { pod: key, cidr: '' }] as const;
      },
      graph.into(port),
    );
    for (const key of order) {
      graph.enter(() => pod.set(key, { subnet: '' }));
      graph.settleNow();
    }
    const conflict = { table: 'port', key: 'same', sources: ['twin/a', 'twin/b'] };
    expect(onConflict).toHaveBeenCalledExactlyOnceWith(conflict);
    expect(graph.conflicts).toEqual([conflict]);
    expect(port.get('same')).toEqual({ pod: 'a', cidr: '' });
    graph.enter(() => pod.delete('a'));
    graph.settleNow();
    expect(port.get('same')).toEqual({ pod: 'b', cidr: '' });
    expect(graph.conflicts).toEqual([]);
  });
});

describe('wiring', () => {
  const nothing = (): Iterable<never> => [];

  it('refuses names that exist', () => {
    const { graph, pod } = world();
    graph.derive('x', pod, nothing, new CollectingSink());
    expect(() => graph.derive('x', pod, nothing, new CollectingSink())).toThrow(
      'derivation x: an operator of this name exists already',
    );
    expect(() => graph.table('pod')).toThrow(/table pod exists/);
  });

  it('refuses to compute a table after its use, and a table from itself', () => {
    const { graph, pod, port } = world();
    graph.derive('early', port, nothing, new CollectingSink());
    expect(() => graph.derive('late', pod, nothing, graph.into(port))).toThrow(
      'derivation late writes table port, which early uses before it is complete',
    );
    expect(() => graph.derive('self', pod, nothing, graph.into(pod))).toThrow(/derivation self writes table pod/);
  });

  it('refuses more operators over one table than it can tell apart', () => {
    const { graph, pod } = world();
    for (let n = 0; n < 31; n++) graph.derive(`d${n}`, pod, nothing, new CollectingSink());
    expect(() => graph.derive('one more', pod, nothing, new CollectingSink())).toThrow(
      'table pod is the input of more than 31 operators',
    );
    graph.enter(() => pod.set('a', { subnet: '' }));
    graph.settleNow();
    expect(Object.values(graph.counters).map(({ runs }) => runs)).toEqual(Array.from({ length: 31 }, () => 1));
  });

  const run = (graph: Graph<Tables, Indexes>, pod: { set(key: string, value: Tables['pod']): void }) => () => {
    graph.enter(() => pod.set('a', { subnet: 's' }));
    graph.settleNow();
  };

  it('finds a read of the future, a cycle, by name', () => {
    const { graph, pod, port } = world();
    graph.derive('early', pod, (_, read) => [read.get('port', 'x')], new CollectingSink());
    graph.derive('late', pod, nothing, graph.into(port));
    expect(run(graph, pod)).toThrow('derivation early reads table port, which late computes later');
  });

  it('finds reads of an unknown table and an unknown index, by name', () => {
    const { graph, pod } = world();
    graph.derive('odd', pod, (_, read) => [read.get('nope' as 'pod', 'x')], new CollectingSink());
    expect(run(graph, pod)).toThrow('derivation odd: unknown table nope');
    const other = world();
    other.graph.derive('odd', other.pod, (_, read) => [read.at('nope' as 'podBySubnet', 'x')], new CollectingSink());
    expect(run(other.graph, other.pod)).toThrow('derivation odd: unknown index nope');
  });

  it('finds a write to a table that the sink did not name', () => {
    const { graph, pod, port } = world();
    const into = graph.into(port);
    const hidden = { replace: into.replace.bind(into), freeze: into.freeze.bind(into) };
    graph.derive('sly', pod, (_, __, key) => [[key, { pod: key, cidr: '' }] as const], hidden);
    expect(run(graph, pod)).toThrow(/table port is written by sly/);
  });

  it('lets only the sink write a derived table', () => {
    const { port, graph } = ports();
    expect(() => graph.enter(() => port.set('x', { pod: 'x', cidr: '' }))).toThrow(WiringError);
  });
});

describe('settle', () => {
  it('yields between slices, and what enters meanwhile waits for the end of the round', async () => {
    const { clock, graph, pod, subnet, sink, port } = (() => {
      const made = world(new HandClock(1));
      const sink = new CollectingSink();
      made.graph.derive('row', made.pod, (value, read) => [value, read.get('subnet', 's')], sink);
      return { ...made, sink };
    })();
    const quiet = vi.fn<() => void>(() => expect(graph.quiet).toBe(true));
    graph.onQuiet(quiet);
    graph.enter(() => {
      for (let i = 0; i < 100; i++) pod.set(`p${i}`, { subnet: 's' });
    });
    const done = graph.settle();
    clock.turn();
    expect(sink.sources.size).toBeGreaterThan(0);
    expect(sink.sources.size).toBeLessThan(10);
    expect(() => pod.set('x', { subnet: 's' })).toThrow(/in the middle of a settle/);
    const entered = vi.fn<() => void>(() => subnet.set('s', { cidr: '1' }));
    graph.enter(entered);
    const later = graph.settle();
    let turns = 0;
    while (quiet.mock.calls.length === 0) turns += clock.turn();
    expect(turns).toBeGreaterThan(10);
    await done;
    expect(sink.sources.size).toBe(100);
    clock.run();
    await later;
    expect(entered).toHaveBeenCalledOnce();
    expect(sink.sources.get('row/p7')).toEqual([{ subnet: 's' }, { cidr: '1' }]);
    expect(port.size).toBe(0);
  });

  it('is not starved by churn: every round ends although each brings new input', () => {
    const { clock, graph, pod } = world(new HandClock(1));
    let runs = 0;
    graph.derive(
      'row',
      pod,
      () => (graph.enter(() => pod.set('a', { subnet: `${runs++}` })), []),
      new CollectingSink(),
    );
    const quiet = vi.fn<() => void>();
    graph.onQuiet(quiet);
    graph.enter(() => pod.set('a', { subnet: '' }));
    for (let i = 0; i < 50; i++) clock.turn();
    expect(quiet.mock.calls.length).toBeGreaterThan(10);
  });

  it('ends each round although a producer brings more than a slice takes, and lets all of it in, in order', () => {
    const { clock, graph, pod } = world(new HandClock(1));
    const sink = new CollectingSink();
    graph.derive('row', pod, (value) => [value], sink);
    const sizes: number[] = [];
    graph.onQuiet(() => {
      expect(sink.sources.size).toBe(pod.size);
      sizes.push(pod.size);
    });
    const entered: number[] = [];
    let made = 0;
    const produce = (): void => {
      const number = made++;
      graph.enter(() => {
        entered.push(number);
        pod.set(`p${number}`, { subnet: '' });
      });
    };
    for (let turn = 0; turn < 500; turn++) {
      for (let i = 0; i < 10; i++) produce();
      const before = entered.length + graph.counters['row']!.runs;
      clock.turn();
      // What one slice may do: time moves with each input that enters and with each key that runs.
      expect(entered.length + graph.counters['row']!.runs - before).toBeLessThanOrEqual(5);
    }
    expect(sizes.length).toBeGreaterThan(3);
    expect(sizes).toEqual([...new Set(sizes)].sort((a, b) => a - b));
    clock.run();
    expect(entered).toEqual(Array.from({ length: made }, (_, at) => at));
    expect(sink.sources.size).toBe(made);
  });

  it('rejects on a mistake in the wiring, and throws when nobody waits', async () => {
    const { clock, graph, pod } = world();
    graph.derive('odd', pod, (_, read) => [read.get('nope' as 'pod', 'x')], new CollectingSink());
    graph.enter(() => pod.set('a', { subnet: 's' }));
    const settled = graph.settle();
    clock.turn();
    await expect(settled).rejects.toThrow(WiringError);
    graph.enter(() => pod.set('b', { subnet: 's' }));
    expect(() => clock.turn()).toThrow(WiringError);
  });

  it('runs everything again on recompute and changes nothing by it', () => {
    const { graph, pod, subnet, sink } = ports();
    graph.enter(() => {
      subnet.set('s', { cidr: '1' });
      pod.set('a', { subnet: 's' });
    });
    graph.settleNow();
    const before = sink.dump();
    graph.recompute();
    graph.settleNow();
    expect(graph.counters['port']!.runs).toBe(2);
    expect(graph.counters['row']!.runs).toBe(2);
    expect(sink.dump()).toEqual(before);
  });

  it('dumps a table, or one key of it, sorted', () => {
    const { graph, pod } = ports();
    graph.enter(() =>
      pod.replace([
        ['b', { subnet: '2' }],
        ['a', { subnet: '1' }],
      ]),
    );
    expect(graph.dump('pod')).toEqual([
      ['a', { subnet: '1' }],
      ['b', { subnet: '2' }],
    ]);
    expect(graph.dump('pod', 'b')).toEqual([['b', { subnet: '2' }]]);
    expect(graph.inputs).toEqual(['pod', 'subnet']);
  });
});
