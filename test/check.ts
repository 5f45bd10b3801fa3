// `npm run check`: everything that can be said of the sources without running them. Each step prints one line; the
// output of a failed step follows it.
import { spawnSync } from 'node:child_process';
import { pathToFileURL } from 'node:url';

interface Step {
  readonly name: string;
  readonly argv: readonly [string, ...string[]];
}

const steps: readonly Step[] = [
  { name: 'types', argv: ['tsc', '--noEmit'] },
  { name: 'lint', argv: ['oxlint', '--deny-warnings'] },
  { name: 'format', argv: ['oxfmt', '--check'] },
  { name: 'import rules', argv: ['node', 'test/checks/imports.ts'] },
  { name: 'generated files', argv: ['node', 'test/generate.ts', '--check'] },
];

/** Runs all steps, also after a failure; returns how many passed and failed. */
export function check(): { passed: number; failed: number } {
  const count = { passed: 0, failed: 0 };
  for (const { name, argv } of steps) {
    const started = performance.now();
    const [program, ...rest] = argv;
    const result = spawnSync(program, rest, { encoding: 'utf8' });
    const ok = result.status === 0;
    console.log(`${ok ? 'ok  ' : 'FAIL'} ${name} (${((performance.now() - started) / 1000).toFixed(1)} s)`);
    if (!ok) console.log(`${result.error?.message ?? ''}${result.stdout ?? ''}${result.stderr ?? ''}`);
    count[ok ? 'passed' : 'failed'] += 1;
  }
  return count;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) process.exitCode = check().failed === 0 ? 0 : 1;
