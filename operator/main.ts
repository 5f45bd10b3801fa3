// The operator's process: settings and surroundings in, signals and exit codes out. Exit codes: 0 stopped as asked,
// 1 it could not start, 2 a setting that cannot be used.
import { readFile } from 'node:fs/promises';
import { flushCompileCache } from 'node:module';
import { stdTimeFunctions } from 'pino';
import { processLog } from '../lib/log/log.ts';
import { Assembly } from './assembly.ts';
import type { Environment } from './environment.ts';
import { KubeConfig } from './kube/client-node/index.ts';
import { readSettings, SettingError, type Settings } from './settings.ts';

const moduleOf = (name: string): URL => new URL(`../policies/${name}/build/${name}.wasm`, import.meta.url);

const list = (text: string | undefined): string[] =>
  (text ?? '')
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');

/** Variables that the manifests set from the downward API, and those that kubelet sets for the API server's Service. */
function environmentOf(variables: NodeJS.ProcessEnv): Environment {
  const { POD_NAME = 'kube-ovn-controller', POD_NAMESPACE, KUBE_NAMESPACE, POD_IP = '127.0.0.1' } = variables;
  return {
    podName: POD_NAME,
    namespace: POD_NAMESPACE ?? KUBE_NAMESPACE ?? 'kube-system',
    podIp: POD_IP,
    apiServer: list(variables['KUBERNETES_SERVICE_HOST']),
    ovnDbIps: list(variables['OVN_DB_IPS']),
  };
}

function kubeConfigOf({ kubeconfig }: Settings): KubeConfig {
  const kubeConfig = new KubeConfig();
  if (kubeconfig === '') kubeConfig.loadFromCluster();
  else kubeConfig.loadFromFile(kubeconfig);
  return kubeConfig;
}

async function main(): Promise<void> {
  const { settings, warnings } = await readSettings(process.argv.slice(2));
  const { log, register } = processLog({ level: settings.logLevel, timestamp: stdTimeFunctions.isoTime });
  for (const warning of warnings) log.warn(warning);
  const environment = environmentOf(process.env);
  const [allocator, policies] = await Promise.all([readFile(moduleOf('ipam')), readFile(moduleOf('networkpolicy'))]);
  const assembly = new Assembly({
    settings,
    environment,
    kubeConfig: kubeConfigOf(settings),
    log,
    register,
    allocator,
    policies,
  });
  let stopping = false;
  const stop = (signal: NodeJS.Signals): void => {
    if (stopping) return;
    stopping = true;
    log.info({ signal }, 'stopping');
    void assembly.stop().then(
      () => process.exit(0),
      (error: unknown) => {
        log.fatal({ err: error }, 'did not stop in order');
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  await assembly.operator.start();
  // Node writes its cache of compiled code at exit only, and a killed process has none.
  flushCompileCache();
  log.info({ node: process.version, pod: environment.podName }, 'started');
}

try {
  await main();
} catch (error) {
  if (!(error instanceof SettingError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 2;
}
