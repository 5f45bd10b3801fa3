// What the tests of rules on a real server have in common: one server for a file, an empty database and a fresh differ for
// each test, and the few things that most of them speak of.
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import type { OvsdbServer } from '../../ovsdb-server.ts';
import { startServer } from '../../ovsdb-server.ts';
import { logicalSwitch, member, object, port, portGroup } from './facts.ts';
import { bench, wipe } from './harness.ts';
import type { Bench, BenchOptions } from './harness.ts';

export const subnet = object('s', 'Subnet');
export const pod = object('p');
export const other = object('q');
export const sw = logicalSwitch(subnet, 's');
export const pg = portGroup(subnet, 'pg');
export const lsp = port(pod, 'p', sw, { columns: { addresses: new Set(['02:00:00:00:00:01 10.0.0.1']) } });
export const inGroup = member(pg, 'ports', lsp.id, pod);

type Presented = Pick<Bench, 'tracker' | 'differ' | 'session' | 'sent' | 'hold' | 'want' | 'idle'>;

export interface Scene extends Presented {
  readonly server: OvsdbServer;
  /** The kinds of all operations sent. */
  readonly ops: readonly string[];
  /** The same world, seen by a fresh process. */
  restart(options?: BenchOptions): Promise<void>;
}

/** Of the file that calls it; everything of the bench is that of the present process. */
export function scene(): Scene {
  let server: Awaited<ReturnType<typeof startServer>>;
  let present: Bench;
  const open = async (options?: BenchOptions): Promise<void> => void (present = await bench(server, options));
  beforeAll(async () => void (server = await startServer()));
  afterAll(async () => await server.dispose());
  beforeEach(async () => {
    await wipe(server);
    await open();
  });
  afterEach(async () => await present.stop());
  return {
    get server() {
      return server;
    },
    get tracker() {
      return present.tracker;
    },
    get differ() {
      return present.differ;
    },
    get session() {
      return present.session;
    },
    get sent() {
      return present.sent;
    },
    get ops() {
      return present.sent.flat().map(({ op }) => op);
    },
    hold: () => present.hold(),
    want: async (facts) => await present.want(facts),
    idle: async () => await present.idle(),
    async restart(options) {
      await present.stop();
      await open(options);
    },
  };
}
