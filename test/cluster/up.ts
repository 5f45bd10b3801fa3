/** Brings a cluster up: from caches or from nothing, step by step, each with its time and a deadline. */
import { existsSync } from 'node:fs';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buildImages, imageNames } from '../../config/images/build.ts';
import { clusterDir, clusterId, clusterLock, nodeNumbers, paths } from './spec.ts';
import type { ClusterOptions, ClusterRecord } from './spec.ts';
import { withLock } from './cache.ts';
import { Cluster } from './cluster.ts';
import { prepareControlPlane, startControlPlane } from './control-plane.ts';
import { deploy, labelMasters } from './deploy.ts';
import { down } from './down.ts';
import { goldenRoot } from './golden.ts';
import { kubeBinaries } from './kube.ts';
import { prepareNode, startNode } from './node.ts';
import { installMachinePackages } from './packages.ts';
import { requireMachine } from './preflight.ts';
import { CLUSTER_MARK, processesOf } from './processes.ts';
import { duration } from './progress.ts';
import type { Progress } from './progress.ts';
import { waitForAdmission, waitForApi, waitForNodes } from './ready.ts';
import { nodeRootfs } from './rootfs.ts';
import { asUp } from './up-lock.ts';

/** Starts the cluster and returns when its nodes are Ready (registered, for a bare one, since Ready needs a network). */
export async function up(options: ClusterOptions, progress: Progress): Promise<Cluster> {
  requireMachine();
  return marked(clusterId(options.name), () =>
    withLock(clusterLock(options.name), async () => {
      await removeRemains(options.name, progress);
      return asUp(options.name, async () => {
        const record = await prepare(options, progress);
        const warm = progress.elapsed();
        const cluster = await start(record, progress);
        progress.note(`cluster "${options.name}" started in ${duration(progress.elapsed() - warm)}`);
        if (!options.bare) await deploy(cluster, progress);
        return cluster;
      });
    }),
  );
}

/** Whatever is started meanwhile on our behalf, builds included, is a part of the cluster to `down`; what comes later isn't. */
async function marked<T>(id: string, work: () => Promise<T>): Promise<T> {
  const before = process.env[CLUSTER_MARK];
  process.env[CLUSTER_MARK] = id;
  try {
    return await work();
  } finally {
    if (before === undefined) delete process.env[CLUSTER_MARK];
    else process.env[CLUSTER_MARK] = before;
  }
}

/** A cluster that runs is refused; what a dead one left is removed. */
async function removeRemains(name: string, progress: Progress): Promise<void> {
  if (processesOf(clusterId(name)).some(({ part }) => part !== undefined)) {
    throw new Error(`cluster "${name}" runs already. To end it: npm run cluster -- down --name ${name}`);
  }
  const dir = clusterDir(name);
  if (!existsSync(dir) || (await readdir(dir)).length === 0) return;
  await progress.step(`removing what is left of an earlier "${name}"`, () => down(name, { locked: true }));
}

/** Everything that comes from caches, and the record. */
async function prepare(options: ClusterOptions, progress: Progress): Promise<ClusterRecord> {
  await installMachinePackages(progress, join(clusterDir(options.name), 'logs', 'packages.log'));
  const lowers = await nodeRootfs(progress);
  const kubeDir = await kubeBinaries(progress);
  const images = await buildImages({
    progress,
    together: true,
    ...(options.bare && { only: ['pause', 'test'] as const }),
  });
  const tars = images.map(({ tar }) => tar);
  const golden = await goldenRoot(tars, lowers, progress);
  const dir = clusterDir(options.name);
  const id = clusterId(options.name);
  const record = { ...options, id, dir, lowers, kubeDir, golden, pauseImage: imageNames.pause };
  await writeFile(paths(dir).record, `${JSON.stringify(record, null, 2)}\n`);
  return record;
}

async function start(record: ClusterRecord, progress: Progress): Promise<Cluster> {
  const cluster = new Cluster(record);
  const all = nodeNumbers(record.nodes);
  await progress.step('certificates', () => prepareControlPlane(record));
  await progress.step('control plane and nodes', async () => {
    await Promise.all([startControlPlane(record), ...all.map((n) => prepareNode(record, n))]);
    await Promise.all(all.map((n) => startNode(record, n)));
  });
  await progress.step('API server', () => waitForApi(cluster));
  await progress.step(`${record.nodes} nodes registered`, async () => {
    await waitForNodes(cluster, 'registered', 60_000);
    await labelMasters(cluster);
    await waitForAdmission(cluster);
  });
  return cluster;
}
