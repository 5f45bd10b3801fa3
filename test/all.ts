// `npm test`: everything that is tested, in the order of what fails fastest. Ends with `N passed, N failed`, where each
// check and each test counts as one.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { check } from './check.ts';

interface Count {
  readonly passed: number;
  readonly failed: number;
}

/** Shape of vitest's JSON reporter, as far as it is read. */
interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numTotalTests: number;
  readonly testResults: readonly { readonly status: string; readonly assertionResults: readonly unknown[] }[];
}

/** Runs one project of vitest.config.ts; a run without a report, or a file that does not load, counts as a failure. */
function vitest(project: string, folder: string): Count {
  console.log(`\n== ${project} tests`);
  const output = join(folder, `${project}.json`);
  const argv = ['run', '--project', project, '--reporter=default', '--reporter=json', `--outputFile.json=${output}`];
  const { status } = spawnSync('vitest', argv, { stdio: 'inherit' });
  if (!existsSync(output)) return { passed: 0, failed: 1 };
  const report = JSON.parse(readFileSync(output, 'utf8')) as Report;
  const unloaded = report.testResults.filter((file) => file.status === 'failed' && file.assertionResults.length === 0);
  const failed = report.numFailedTests + unloaded.length;
  return { passed: report.numPassedTests, failed: failed === 0 && status !== 0 ? 1 : failed };
}

function main(): void {
  const started = performance.now();
  const folder = mkdtempSync(join(tmpdir(), 'kubeloom-test-'));
  console.log('== checks');
  const counts: Count[] = [check()];
  for (const project of ['unit', 'server', 'cluster', 'e2e']) counts.push(vitest(project, folder));
  rmSync(folder, { recursive: true });
  const passed = counts.reduce((sum, count) => sum + count.passed, 0);
  const failed = counts.reduce((sum, count) => sum + count.failed, 0);
  console.log(`\ntook ${((performance.now() - started) / 60_000).toFixed(1)} min`);
  console.log(`${passed} passed, ${failed} failed`);
  process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
}

main();
