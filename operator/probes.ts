// What kubelet, Prometheus and people on the node may ask the process.
import type { Registry } from 'prom-client';
import type { Graph } from '../lib/graph/graph.ts';
import type { Indexes, Tables } from './api/tables.ts';
import { HealthServer } from './kube/health.ts';
import type { Northbound } from './nb/apply.ts';
import type { Watches } from './watches.ts';

export interface ProbesOptions {
  readonly port: number;
  readonly registry: Registry;
  readonly graph: Graph<Tables, Indexes>;
  readonly watches: Watches;
  readonly northbound: Northbound;
}

export function probes({ port, registry, graph, watches, northbound }: ProbesOptions): HealthServer {
  const tables = graph.names.map((table) => [table, (key?: string) => graph.dump(table, key)] as const);
  return new HealthServer({
    port,
    registry,
    live: {},
    ready: {
      watches: () => (watches.synced ? undefined : notListed(watches)),
      northbound: () => (northbound.synced ? undefined : 'no connection to the northbound database'),
    },
    debug: { northbound: (key) => northbound.dump(key), ...Object.fromEntries(tables) },
  });
}

function notListed({ troubles }: Watches): string {
  const reasons = Object.entries(troubles).map(([kind, { reason, error }]) => `${kind}: ${reason}: ${error}`);
  return ['not every kind has been listed yet', ...reasons].join('; ');
}
