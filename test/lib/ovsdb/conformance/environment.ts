// What the suite runs against: the ovsdb-servers of two Debian releases, and a raft cluster. Never a fake one.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseSchema } from '../../../../lib/ovsdb/index.ts';
import type { DatabaseSchema } from '../../../../lib/ovsdb/index.ts';
import { baseRootfs } from '../../../cluster/rootfs.ts';
import { machinePrograms, programsOfRoot, startCluster, startServer } from '../../../ovsdb-server.ts';
import type { OvsdbServer, Programs } from '../../../ovsdb-server.ts';

export type Version = '3.1' | '3.5';

export interface Running {
  /** Where clients connect: one server, or the members of a cluster. */
  readonly remotes: readonly string[];
  /** What is asked by Debian's own client what the database holds: the server, or the leader of the cluster. */
  readonly server: OvsdbServer;
  stop(): Promise<void>;
}

export interface Environment {
  readonly name: string;
  readonly version: Version;
  readonly clustered: boolean;
  start(): Promise<Running>;
}

const SCHEMA = join(import.meta.dirname, 'conformance.ovsschema');

export const schema: DatabaseSchema = parseSchema(JSON.parse(readFileSync(SCHEMA, 'utf8')));

async function standalone(programs: Programs): Promise<Running> {
  const server = await startServer({ schema: SCHEMA, programs });
  return { remotes: [server.remote], server, stop: async () => await server.dispose() };
}

/** Trixie's programs, from the root filesystem that the clusters' nodes are made of; built when it is not there yet. */
const trixie = async (): Promise<Programs> => programsOfRoot(await baseRootfs());

export const bookworm31: Environment = {
  name: 'ovsdb-server 3.1 of Debian 12',
  version: '3.1',
  clustered: false,
  start: async () => await standalone(machinePrograms),
};

export const trixie35: Environment = {
  name: 'ovsdb-server 3.5 of Debian 13',
  version: '3.5',
  clustered: false,
  start: async () => await standalone(await trixie()),
};

export const raft35: Environment = {
  name: 'three members of 3.5 in a raft cluster',
  version: '3.5',
  clustered: true,
  async start() {
    const cluster = await startCluster({ schema: SCHEMA, programs: await trixie(), electionTimer: 30_000 });
    return { remotes: cluster.remotes, server: await cluster.leader(), stop: async () => await cluster.stop() };
  },
};
