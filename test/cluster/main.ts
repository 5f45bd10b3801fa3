/** `npm run cluster`: see `USAGE` in args.ts. Exit codes: 0 done, 1 failed, 2 wrong usage; kubectl's own for kubectl. */
import { spawnSync } from 'node:child_process';
import { buildImages } from '../../config/images/build.ts';
import { USAGE, UsageError, parseCommand } from './args.ts';
import type { Command } from './args.ts';
import { openCluster } from './cluster.ts';
import { down } from './down.ts';
import { refreshLock } from './rootfs.ts';
import { duration, onStderr } from './progress.ts';
import { status } from './status.ts';
import { up } from './up.ts';

const progress = onStderr();

type Handlers = { [V in Command['verb']]: (command: Extract<Command, { verb: V }>) => Promise<number> | number };

const handlers: Handlers = {
  help: () => say(USAGE),
  async up({ options }) {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupted(options.name));
    await up(options, progress);
    const next = `npm run cluster -- --name ${options.name} kubectl get nodes`;
    progress.note(`done in ${duration(progress.elapsed())}. Try: ${next}`);
    return 0;
  },
  async down({ name, keepLogs }) {
    await progress.step(`stopping cluster "${name}"`, () => down(name, { keepLogs }));
    return 0;
  },
  async status({ name }) {
    const { text, healthy } = await status(name);
    say(text);
    return healthy ? 0 : 1;
  },
  kubectl: ({ name, args }) => kubectl(name, args),
  async 'load-image'({ name, tar }) {
    await progress.step(`importing ${tar}`, () => openCluster(name).loadImage(tar));
    return 0;
  },
  async lock() {
    await refreshLock(progress);
    await buildImages({ progress });
    return 0;
  },
};

function interrupted(name: string): void {
  process.stderr.write(`\nstopped half-way. To remove what is there: npm run cluster -- down --name ${name}\n`);
  process.exit(130);
}

function say(text: string): number {
  process.stdout.write(`${text}\n`);
  return 0;
}

function kubectl(name: string, args: readonly string[]): number {
  const cluster = openCluster(name);
  const [program = '', ...rest] = cluster.kubectlArgv(args);
  const { status, error } = spawnSync(program, rest, { stdio: 'inherit', env: { ...process.env, ...cluster.mark } });
  if (error !== undefined) throw error;
  return status ?? 1;
}

/** The table's type has proved that each verb's handler takes that verb's command. */
const perform = (command: Command): Promise<number> | number => handlers[command.verb](command as never);

try {
  process.exitCode = await perform(parseCommand(process.argv.slice(2)));
} catch (error) {
  process.exitCode = error instanceof UsageError ? 2 : 1;
  const text = (error as Error).message;
  process.stderr.write(error instanceof UsageError ? `${text}\n\n${USAGE}` : `error: ${text}\n`);
}
