/** A running cluster brought to the sources as they are now: images built, imported, applied, pods of changed images renewed. */
import { buildImages } from '../../config/images/build.ts';
import type { Cluster } from './cluster.ts';
import { deploy } from './deploy.ts';
import type { Progress } from './progress.ts';

const workloads = ['daemonset/kube-ovn-cni', 'deployment/kube-ovn-controller'];

/** Containers take a new image of the same name only when they start: those of ours are restarted one after the other. */
export async function redeploy(cluster: Cluster, progress: Progress): Promise<void> {
  const images = await buildImages({ progress, only: ['kubeloom', 'test', 'coredns'], thin: true });
  await progress.step('importing images', async () => {
    for (const { tar } of images) await cluster.loadImage(tar);
  });
  await deploy(cluster, progress);
  await progress.step('renewing the pods of operator and agents', async () => {
    const system = ['--namespace', 'kube-system', 'rollout'];
    await cluster.kubectl([...system, 'restart', ...workloads]);
    for (const workload of workloads) await cluster.kubectl([...system, 'status', workload, '--timeout=120s']);
  });
}
