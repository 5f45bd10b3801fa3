// The command line `kubeloom`. Exit codes of `plan`: 0 nothing changes, 2 something does, 1 something is wrong.
import { Command, CommanderError, Option } from 'commander';
import { SettingError } from '../operator/settings.ts';
import { messageOf } from './plan/cluster.ts';
import { json } from './plan/json.ts';
import { plan } from './plan/plan.ts';
import { exitCodeOf } from './plan/report.ts';
import { text } from './plan/text.ts';

interface PlanFlags {
  readonly filename: readonly string[];
  readonly recursive: boolean;
  readonly namespace: string;
  readonly output: 'text' | 'json';
  readonly context?: string | true;
  readonly kubeconfig?: string;
}

async function planned(flags: PlanFlags): Promise<void> {
  const { filename, recursive, namespace, output, context, kubeconfig } = flags;
  const asked = context !== undefined || kubeconfig !== undefined;
  const cluster = { context: typeof context === 'string' ? context : '', kubeconfig: kubeconfig ?? '' };
  const report = await plan({ paths: filename, recursive, namespace, ...(asked && { cluster }) });
  const colour = process.stdout.isTTY && process.env['NO_COLOR'] === undefined;
  process.stdout.write(output === 'json' ? json(report) : text(report, { colour }));
  process.exitCode = exitCodeOf(report);
}

function program(): Command {
  const kubeloom = new Command('kubeloom').description('Kubeloom from the command line').exitOverride();
  kubeloom
    .command('plan')
    .description(
      'What manifests would change in the northbound database, before anything is changed: rows by object, and what is ' +
        'wrong. Without a cluster they are compared with nothing. Exit code 0: nothing changes, 2: something does, 1: ' +
        'something is wrong.',
    )
    .requiredOption('-f, --filename <path...>', 'files or folders of manifests, - for standard input')
    .option('-R, --recursive', 'folders of folders, too', false)
    .option('-n, --namespace <name>', 'namespace of objects that name none', 'default')
    .addOption(
      new Option('-o, --output <format>', 'for people or for programs').choices(['text', 'json']).default('text'),
    )
    .option('--context [name]', 'compare with this cluster of the kubeconfig; without a name, with the current one')
    .option('--kubeconfig <file>', 'the kubeconfig, by default as kubectl finds it')
    .action((flags: PlanFlags) => planned(flags));
  return kubeloom;
}

try {
  await program().parseAsync();
} catch (error) {
  // commander has told of wrong usage itself.
  if (!(error instanceof CommanderError))
    process.stderr.write(`error: ${error instanceof SettingError ? error.message : messageOf(error)}\n`);
  process.exitCode = error instanceof CommanderError ? error.exitCode : 1;
}
