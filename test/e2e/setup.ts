/**
 * The cluster that all end-to-end tests of the product share: up before the first, down after the last. With KUBELOOM_KEEP=1
 * it stays, and the next run only deploys what has changed.
 */
import { readRecord, Cluster } from '../cluster/cluster.ts';
import { down } from '../cluster/down.ts';
import { onStderr } from '../cluster/progress.ts';
import { processesOf } from '../cluster/processes.ts';
import { redeploy } from '../cluster/redeploy.ts';
import { clusterId } from '../cluster/spec.ts';
import { up } from '../cluster/up.ts';
import { e2eCluster } from './shared.ts';

export async function setup(): Promise<() => Promise<void>> {
  const progress = onStderr();
  const keep = process.env['KUBELOOM_KEEP'] === '1';
  const record = readRecord(e2eCluster);
  const runs = processesOf(clusterId(e2eCluster)).some(({ part }) => part !== undefined);
  if (keep && runs && record !== undefined) {
    await redeploy(new Cluster(record), progress);
  } else {
    await down(e2eCluster);
    await up(
      { name: e2eCluster, nodes: 2, bare: false, ovnMembers: 1, family: 'dual', kubeProxy: 'iptables' },
      progress,
    );
  }
  return keep ? async () => undefined : () => down(e2eCluster);
}
