/**
 * The Kubernetes programs: one multi-call binary built from Go modules pinned in kube/go.mod, called by the name of the
 * program it should be (the cache holds a link for each).
 */
import { mkdir, readFile, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheRoot, cached, contentKey } from './cache.ts';
import { run } from './exec.ts';
import { requireGo } from './go.ts';
import { duration, onStderr } from './progress.ts';
import type { Progress } from './progress.ts';

const SOURCE = join(import.meta.dirname, 'kube');

/** Names the binary answers to. */
export const kubePrograms = [
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kube-proxy',
  'kubelet',
  'kubectl',
] as const;
export type KubeProgram = (typeof kubePrograms)[number];

/** What go.mod asks for: the Go language version and the release of Kubernetes ("1.26.0", "v1.36.2"). */
export function pinnedVersions(goMod: string): { go: string; kubernetes: string } {
  const go = /^go (\d+\.\d+(?:\.\d+)?)$/m.exec(goMod)?.[1];
  const kubernetes = /^\s*(?:require )?k8s\.io\/kubernetes (v\S+)$/m.exec(goMod)?.[1];
  if (go === undefined || kubernetes === undefined)
    throw new Error('kube/go.mod names no Go or no k8s.io/kubernetes version');
  return { go, kubernetes };
}

/** Linker flags that make every program report the release it was built from, as upstream's own build does. */
export function versionFlags(kubernetes: string): string {
  const [major, minor] = kubernetes.replace('v', '').split('.');
  const values = { gitVersion: kubernetes, gitMajor: major, gitMinor: minor, gitTreeState: 'clean' };
  // The second is what clients say in their user agent.
  const packages = ['k8s.io/component-base/version', 'k8s.io/client-go/pkg/version'];
  const settings = packages.flatMap((path) =>
    Object.entries(values).map(([name, value]) => `-X ${path}.${name}=${value}`),
  );
  return ['-s', '-w', ...settings].join(' ');
}

/** Directory with the binary `kube` and a link for each program. Built when no cache has it: five minutes on two cores. */
export async function kubeBinaries(progress: Progress = onStderr()): Promise<string> {
  const files = await Promise.all(['go.mod', 'go.sum', 'main.go'].map((name) => readFile(join(SOURCE, name))));
  const pinned = pinnedVersions(String(files[0]));
  const flags = versionFlags(pinned.kubernetes);
  return cached(join(cacheRoot(), 'kube', `${pinned.kubernetes}-${contentKey(...files, flags)}`), async (directory) => {
    await requireGo('Kubernetes', pinned.go);
    await mkdir(directory);
    await compile(join(directory, 'kube'), flags, progress);
    for (const program of kubePrograms) await symlink('kube', join(directory, program));
  });
}

async function compile(target: string, flags: string, progress: Progress): Promise<void> {
  const log = join(cacheRoot(), 'log', 'kube-build.log');
  const common = { cwd: SOURCE, log, env: { CGO_ENABLED: '0', GOFLAGS: '-mod=readonly' }, timeoutMs: 3_600_000 };
  await progress.step('Go modules of Kubernetes (0.8 GB the first time)', async (report) => {
    let count = 0;
    const onLine = (line: string): void => {
      if (line.startsWith('# get ')) report(`${++count} requests`);
    };
    await run(['go', 'mod', 'download', '-x'], { ...common, onLine });
  });
  const { stdout } = await run(['go', 'list', '-deps', '.'], common);
  const total = stdout.trim().split('\n').length;
  await progress.step('compiling Kubernetes (5 to 10 min the first time)', async (report) => {
    const start = performance.now();
    let done = 0;
    const onLine = (line: string): void => {
      if (/^[\w.]+(\/|$)/.test(line)) report(`${++done} of ${total} packages, ${duration(performance.now() - start)}`);
    };
    await run(['nice', 'go', 'build', '-v', '-ldflags', flags, '-o', target, '.'], { ...common, onLine });
  });
}

if (import.meta.main) console.log(await kubeBinaries());
