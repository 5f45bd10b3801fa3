// The webhook's process: settings and surroundings in, signals and exit codes out. Exit codes: 0 stopped as asked, 1 it
// could not start, 2 a setting that cannot be used.
import { flushCompileCache } from 'node:module';
import { stdTimeFunctions } from 'pino';
import { processLog } from '../../lib/log/log.ts';
import { systemClock } from '../kube/clock.ts';
import { KubeConfig } from '../kube/client-node/index.ts';
import { readSettings, SettingError, type Settings } from '../settings.ts';
import { Webhook } from './assembly.ts';

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
  const { POD_NAMESPACE: namespace = 'kube-system', KUBERNETES_SERVICE_HOST: apiServer } = process.env;
  const environment = { namespace, apiServer: apiServer === undefined ? [] : [apiServer] };
  const webhook = new Webhook({ settings, environment, kubeConfig: kubeConfigOf(settings), log, clock: systemClock });
  register(webhook.registry);
  const stop = (signal: NodeJS.Signals): void => {
    log.info({ signal }, 'stopping');
    void webhook.stop().then(
      () => process.exit(0),
      (error: unknown) => {
        log.fatal({ err: error }, 'did not stop in order');
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  await webhook.start();
  // Node writes its cache of compiled code at exit only, and a killed process has none.
  flushCompileCache();
  log.info({ node: process.version, port: webhook.port }, 'started');
}

try {
  await main();
} catch (error) {
  if (!(error instanceof SettingError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 2;
}
