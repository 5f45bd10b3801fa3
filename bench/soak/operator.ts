// The operator's process as main.ts builds it, for whoever forked it: it tells its memory after a collection, and how
// late its event loop was. Run by Node with --expose-gc.
import { readFile } from 'node:fs/promises';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { pino } from 'pino';
import { Assembly } from '../../operator/assembly.ts';
import { KubeConfig } from '../../operator/kube/client-node/index.ts';
import { ensureBuilt, wasmPath } from '../../policies/build.ts';
import { readSettings } from '../../operator/settings.ts';

/** Bytes and milliseconds. `rss` is read before the collection, `heap` and `external` after it. */
export interface Sample {
  readonly rss: number;
  readonly heap: number;
  readonly external: number;
  readonly delayP99: number;
  readonly delayMax: number;
}

const delay = monitorEventLoopDelay({ resolution: 10 });

function sample(): Sample {
  const ms = (ns: number): number => Math.max(0, ns / 1e6 - 10);
  const [delayP99, delayMax] = [ms(delay.percentile(99)), ms(delay.max)];
  const { rss } = process.memoryUsage();
  // Twice: what the first frees may hold on to what only the second can free.
  globalThis.gc?.();
  globalThis.gc?.();
  const { heapUsed: heap, external } = process.memoryUsage();
  delay.reset();
  return { rss, heap, external, delayP99, delayMax };
}

await ensureBuilt('ipam', 'networkpolicy');
const { settings } = await readSettings(process.argv.slice(2));
const kubeConfig = new KubeConfig();
kubeConfig.loadFromFile(settings.kubeconfig);
const assembly = new Assembly({
  settings,
  environment: {
    podName: 'soak',
    namespace: 'kube-system',
    podIp: '127.0.0.1',
    apiServer: [],
    ovnDbIps: ['127.0.0.1'],
  },
  kubeConfig,
  log: pino({ level: settings.logLevel }),
  allocator: await readFile(wasmPath('ipam')),
  policies: await readFile(wasmPath('networkpolicy')),
});
process.on('message', () => process.send?.(sample()));
process.on('disconnect', () => process.exit(0));
delay.enable();
await assembly.operator.start();
process.send?.('started');
