// A raft cluster of three under load, with a witness of who leads; what the fault suites have in common.
import { startCluster } from '../../../ovsdb-server.ts';
import type { OvsdbCluster, OvsdbServer } from '../../../ovsdb-server.ts';
import { Load } from './load.ts';
import { Witness } from './witness.ts';

export interface Scene {
  readonly cluster: OvsdbCluster;
  readonly witness: Witness;
  readonly load: Load;
  /** The member that leads at first. */
  readonly leader: OvsdbServer;
  readonly end: () => Promise<void>;
}

/** Starts all of it, and waits for the first rows. */
export async function startScene(): Promise<Scene> {
  const cluster = await startCluster();
  const witness = new Witness(cluster);
  const load = new Load(cluster.remotes);
  const end = async (): Promise<void> => {
    await load.stop();
    witness.close();
    await cluster.stop();
  };
  await load.rows(50);
  return { cluster, witness, load, leader: await cluster.leader(), end };
}

export interface Outcome {
  readonly leader: OvsdbServer;
  /** Milliseconds from the word of a new leader to the first write that was sent and acknowledged after it. */
  readonly took: number;
  /** Why the writer left a member since the fault, and where it went. */
  readonly reasons: readonly string[];
  readonly tried: readonly string[];
}

/** Causes a fault, and waits for the next leader (other than `except`) and for a write through it. */
export async function outcomeOf(scene: Scene, fault: () => unknown, except?: OvsdbServer): Promise<Outcome> {
  const { witness, load } = scene;
  const { writer } = load;
  const [left, went] = [writer.reasons.length, writer.tried.length];
  const since = performance.now();
  await fault();
  const claim = await witness.claim(since, except);
  const written = await load.written(claim.at);
  // On a starved machine a new leader may lose its place before anybody could use it.
  const last = witness.claims.findLast(({ at }) => at <= written) ?? claim;
  return {
    leader: last.member,
    took: written - last.at,
    reasons: writer.reasons.slice(left),
    tried: writer.tried.slice(went),
  };
}
