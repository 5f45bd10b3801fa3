/** `npm run demo`: a real Kubernetes on this machine with Kubeloom as its network; shows that it works, and stays up. */
import { openCluster, readRecord, type Cluster } from '../cluster.ts';
import { parseCommand, UsageError } from '../args.ts';
import { clusterId } from '../spec.ts';
import type { ClusterOptions } from '../spec.ts';
import { processesOf } from '../processes.ts';
import { duration, onStderr } from '../progress.ts';
import { redeploy } from '../redeploy.ts';
import { words } from '../traffic.ts';
import { up } from '../up.ts';
import { scenes } from './scenes.ts';

const progress = onStderr();

/** The cluster of that name if it runs, brought to the sources as they are now; else a new one. */
async function cluster(options: ClusterOptions): Promise<Cluster> {
  const runs = processesOf(clusterId(options.name)).some(({ part }) => part !== undefined);
  if (!runs || readRecord(options.name) === undefined) return up(options, progress);
  progress.note(`cluster "${options.name}" runs already: only what has changed is deployed again`);
  const running = openCluster(options.name);
  await redeploy(running, progress);
  return running;
}

const indented = (text: string): string => text.trimEnd().replaceAll(/^/gm, '    ');

async function main(): Promise<void> {
  const command = parseCommand(['up', ...process.argv.slice(2)]);
  if (command.verb !== 'up') throw new UsageError('the demo takes the options of "npm run cluster -- up"');
  const running = await cluster(command.options);
  for (const scene of scenes) {
    const shown = await progress.step(scene.title, () => scene.play(running));
    process.stdout.write(`\n${indented(shown)}\n\n`);
  }
  const name = command.options.name === 'dev' ? '' : ` --name ${command.options.name}`;
  process.stdout.write(`The demo passed in ${duration(progress.elapsed())}; the cluster stays up. What to try next:

    npm run cluster --${name} kubectl get subnet,vpc,ips.kubeovn.io
    npm run cluster --${name} kubectl apply -f config/samples
    npm run cluster --${name} kubectl -n kube-system logs ds/kube-ovn-cni
    npm run cluster --${name} status
    npm run cluster --${name} down
`);
}

try {
  await main();
} catch (error) {
  process.stderr.write(`error: ${words(error)}\n`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
