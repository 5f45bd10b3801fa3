// The command line `kubeloom`. Exit codes of `plan`: 0 nothing changes, 2 something does, 1 something is wrong; of `why`:
// 0 the connection passes, 2 it does not, 1 something is wrong.
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { SettingError } from '../operator/settings.ts';
import { messageOf } from './plan/cluster.ts';
import { json } from './plan/json.ts';
import { plan } from './plan/plan.ts';
import { exitCodeOf } from './plan/report.ts';
import { text } from './plan/text.ts';
import { exitCodeOf as exitCodeOfAnswer } from './why/answer.ts';
import { json as answerJson } from './why/json.ts';
import type { Protocol } from './why/packet.ts';
import { text as answerText } from './why/text.ts';
import type { Northbound } from './northbound.ts';
import { why } from './why.ts';
import { policyCommand } from './policy/command.ts';

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
  process.stdout.write(output === 'json' ? json(report) : text(report, { colour: isColoured() }));
  process.exitCode = exitCodeOf(report);
}

interface WhyFlags {
  readonly port?: number;
  readonly sourcePort?: number;
  readonly proto?: Protocol;
  readonly ipv6: boolean;
  readonly namespace: string;
  readonly output: 'text' | 'json';
  readonly nb?: string;
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly context?: string;
  readonly kubeconfig?: string;
}

async function asked(from: string, to: string, flags: WhyFlags): Promise<void> {
  const { port, sourcePort, proto: protocol, ipv6, namespace, output, context = '', kubeconfig = '' } = flags;
  const cluster = { context, kubeconfig };
  const nb = northboundOf(flags);
  const answer = await why({ from, to, namespace, family: ipv6 ? 6 : 4, protocol, port, sourcePort, cluster, nb });
  process.stdout.write(output === 'json' ? answerJson(answer) : answerText(answer, { colour: isColoured() }));
  process.exitCode = exitCodeOfAnswer(answer);
}

function northboundOf({ nb, ca, cert, key }: WhyFlags): Northbound | undefined {
  if (nb === undefined) return undefined;
  const tls = ca === undefined || cert === undefined || key === undefined ? undefined : { ca, cert, key };
  return { remotes: nb.split(','), tls };
}

const isColoured = (): boolean => process.stdout.isTTY && process.env['NO_COLOR'] === undefined;

function portNumber(value: string): number {
  const port = Number(value);
  if (!/^[0-9]+$/.test(value) || port < 1 || port > 65535) throw new InvalidArgumentError('a port is 1 to 65535.');
  return port;
}

function addWhy(kubeloom: Command): void {
  kubeloom
    .command('why <from> <to>')
    .description(
      'Whether a connection may pass, and which rules of which objects decide it, there and back, from what is in the ' +
        'northbound database. FROM and TO: pod/NAME, NAMESPACE/NAME, svc/NAMESPACE/NAME, node/NAME, port/NAME of a logical ' +
        'switch port, or an address, also one outside. Exit code 0: it passes, 2: it does not, 1: something is wrong.',
    )
    .option('-p, --port <number>', 'destination port; of a service with one port, that one', portNumber)
    .addOption(
      new Option('--proto <protocol>', 'tcp when there is a port, icmp otherwise').choices([
        'tcp',
        'udp',
        'sctp',
        'icmp',
      ]),
    )
    .option('--source-port <number>', 'source port, 40000 by default', portNumber)
    .option('-6, --ipv6', 'IPv6 when both ends have both families', false)
    .option('-n, --namespace <name>', 'namespace of pods and services that name none', 'default')
    .addOption(
      new Option('-o, --output <format>', 'for people or for programs').choices(['text', 'json']).default('text'),
    )
    .option(
      '--nb <remotes>',
      'northbound database, tcp:HOST:6641 or ssl:HOST:6641, several with commas; asked of the cluster by default',
    )
    .option('--ca <file>', 'CA of an ssl: remote')
    .option('--cert <file>', 'certificate for an ssl: remote')
    .option('--key <file>', 'key of the certificate')
    .option('--context <name>', 'context of the kubeconfig, the current one by default')
    .option('--kubeconfig <file>', 'the kubeconfig, by default as kubectl finds it')
    .action((from: string, to: string, flags: WhyFlags) => asked(from, to, flags));
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
  addWhy(kubeloom);
  kubeloom.addCommand(policyCommand());
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
