// What becomes of the keys of queues, under the names that client-go has for it (k8s.io/component-base/metrics/prometheus/workqueue):
// dashboards know them.
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { QueueMeter } from './queue.ts';

/** Seconds; client-go's decades from 10 ns, without those that no clock here tells apart. */
const buckets = [1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1, 10];

interface Run {
  /** When it began, on the process's clock; ms. */
  readonly at: number;
}

/** Gives the meter of a queue by its name. */
export function queueMetrics(registry: Registry): (name: string) => QueueMeter {
  const { adds, retries, waits, work } = counted([registry]);
  const underWay = new Map<string, Set<Run>>();
  ages([registry], underWay);
  return (name) => {
    const runs = new Set<Run>();
    underWay.set(name, runs);
    return {
      added: () => adds.inc({ name }),
      retried: () => retries.inc({ name }),
      began: (waitedMs) => {
        const run = { at: performance.now() };
        runs.add(run);
        waits.observe({ name }, waitedMs / 1000);
        return () => {
          runs.delete(run);
          work.observe({ name }, (performance.now() - run.at) / 1000);
        };
      },
    };
  };
}

const labelNames = ['name'] as const;
type Label = (typeof labelNames)[number];

interface Counted {
  readonly adds: Counter<Label>;
  readonly retries: Counter<Label>;
  readonly waits: Histogram<Label>;
  readonly work: Histogram<Label>;
}

function counted(registers: Registry[]): Counted {
  const common = { labelNames, registers };
  return {
    adds: new Counter({ ...common, name: 'workqueue_adds_total', help: 'Keys that came to the queue.' }),
    retries: new Counter({
      ...common,
      name: 'workqueue_retries_total',
      help: 'Runs that are made again because they failed.',
    }),
    waits: new Histogram({
      ...common,
      name: 'workqueue_queue_duration_seconds',
      help: 'Time that a key waited for its run, pauses after failures left out.',
      buckets,
    }),
    work: new Histogram({ ...common, name: 'workqueue_work_duration_seconds', help: 'Time that a run took.', buckets }),
  };
}

/** Gauges of what is under way, by queue. */
function ages(registers: Registry[], underWay: ReadonlyMap<string, ReadonlySet<Run>>): void {
  const age = (metric: string, help: string, of: (seconds: readonly number[]) => number): void => {
    const gauge = new Gauge({
      name: metric,
      help,
      labelNames,
      registers,
      collect: () => {
        for (const [name, runs] of underWay)
          gauge.set({ name }, of([...runs].map(({ at }) => (performance.now() - at) / 1000)));
      },
    });
  };
  age('workqueue_unfinished_work_seconds', 'Age of all runs under way, added up.', (seconds) =>
    seconds.reduce((sum, one) => sum + one, 0),
  );
  age('workqueue_longest_running_processor_seconds', 'Age of the oldest run under way.', (seconds) =>
    Math.max(0, ...seconds),
  );
}
