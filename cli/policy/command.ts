// `kubeloom policy`: from nothing to a module in force.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command, Option } from 'commander';
import type { HostClock } from '../../lib/wasm/index.ts';
import { type Hook, hookInputs } from '../../operator/api/policy-module.ts';
import { runCases } from './cases.ts';
import { type Compiled, compiled } from './compile.ts';
import { create } from './create.ts';
import { type Project, readProject } from './project.ts';
import { kubeConfigOf, push } from './push.ts';

const clock: HostClock = {
  now: () => performance.now(),
  after: (ms, run) => {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
};

const say = (text: string): void => void process.stdout.write(`${text}\n`);

async function built(project: Project): Promise<Compiled> {
  const module = await compiled(project, 'release');
  const path = join(project.folder, 'build', `${project.name}.wasm`);
  await mkdir(join(project.folder, 'build'), { recursive: true });
  await writeFile(path, module.bytes);
  say(`${path}: ${module.bytes.length} bytes, no imports, ${module.digest}`);
  return module;
}

/** Exit code 1 when a case is not as it should be. */
async function tested(folder: string): Promise<void> {
  const results = await runCases(await readProject(folder), clock);
  const wrong = results.filter((result) => result.wrong !== undefined);
  for (const { name, build, wrong: what } of wrong) say(`FAIL ${name} (${build} build)\n  ${what ?? ''}`);
  say(`${results.length - wrong.length} of ${results.length} cases are right, in both builds`);
  if (wrong.length > 0) process.exitCode = 1;
}

interface PushFlags {
  readonly namespace: string;
  readonly settings?: string;
  readonly mode?: 'enforce' | 'shadow';
  readonly kubeconfig?: string;
}

async function pushed(folder: string, { kubeconfig, ...flags }: PushFlags): Promise<void> {
  const project = await readProject(folder);
  const module = await built(project);
  const { configMap, deleted } = await push(project, module, { kubeConfig: await kubeConfigOf(kubeconfig), ...flags });
  say(`ConfigMap ${flags.namespace}/${configMap} and PolicyModule ${project.name} are in the cluster`);
  for (const old of deleted) say(`ConfigMap ${flags.namespace}/${old} was of an earlier version and is deleted`);
  say(`whether it is in force: kubectl wait --for=condition=Ready policymodule/${project.name}`);
  say(`what it does: kubectl get policymodule ${project.name} --watch -o wide`);
}

/** The command, to be added to the program. */
export function policyCommand(): Command {
  const policy = new Command('policy').description('policy modules: WebAssembly that takes part in decisions');
  policy
    .command('new <folder>')
    .description('make a folder with a module that works, to begin with')
    .addOption(
      new Option('--hook <hook>', 'what it decides').choices(Object.keys(hookInputs)).default('acl' satisfies Hook),
    )
    .action((folder: string, { hook }: { readonly hook: Hook }) => create(folder, hook));
  policy
    .command('build [folder]')
    .description('compile it to build/<name>.wasm')
    .action(async (folder = '.') => void (await built(await readProject(folder))));
  policy
    .command('test [folder]')
    .description('run cases/*.json against the release build and a debug build. Exit code 1: a case is not right')
    .action((folder = '.') => tested(folder));
  policy
    .command('push [folder]')
    .description('build it and bring it into the cluster of the kubeconfig')
    .option('-n, --namespace <name>', 'namespace of the ConfigMap', 'kube-system')
    .option('--settings <file>', 'its settings, a JSON file; those in the cluster stay when there is none')
    .addOption(new Option('--mode <mode>', 'whether it decides or only looks on').choices(['enforce', 'shadow']))
    .option('--kubeconfig <file>', 'the kubeconfig, by default as kubectl finds it')
    .action((folder: string | undefined, flags: PushFlags) => pushed(folder ?? '.', flags));
  return policy;
}
