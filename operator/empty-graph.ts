// The graph of a running operator before anything is wired to it: its clock, its slices, and where it complains.
import { Graph } from '../lib/graph/graph.ts';
import type { Indexes, Tables } from './api/tables.ts';
import { messageOf } from './kube/errors.ts';
import type { Log } from './kube/log.ts';

const clock = { now: () => performance.now(), defer: (fn: () => void) => void setImmediate(fn) };

export const emptyGraph = (log: Log): Graph<Tables, Indexes> =>
  new Graph<Tables, Indexes>({
    clock,
    sliceMs: 4,
    // A derivation that cannot give anything keeps what it had; the user is told by another one.
    onFailure: (source, error) => log.debug({ source, error: messageOf(error) }, 'derivation gave nothing'),
    onConflict: (conflict) => log.error({ ...conflict }, 'two sources want one row of a table'),
  });
