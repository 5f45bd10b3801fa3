/** What the machine must be, checked before anything is changed on it. */
import { existsSync, readFileSync } from 'node:fs';

/** Debian releases this is tried on, by VERSION_ID of os-release(5). */
const RELEASES = ['12', '13'];

/** Throws with everything that is missing, each with what to do. */
export function requireMachine(): void {
  const release = existsSync('/etc/os-release') ? readFileSync('/etc/os-release', 'utf8') : '';
  const problems = machineProblems({ uid: process.getuid?.() ?? -1, platform: process.platform, release });
  if (problems.length > 0) throw new Error(problems.join('\n'));
}

/** Pure part of `requireMachine`: one line for each problem. */
export function machineProblems(machine: { uid: number; platform: string; release: string }): string[] {
  if (machine.platform !== 'linux') return [`the test cluster runs on Linux only, this is ${machine.platform}`];
  const field = (name: string): string => new RegExp(`^${name}="?([^"\\n]*)`, 'm').exec(machine.release)?.[1] ?? '';
  const problems: string[] = [];
  if (field('ID') !== 'debian' || !RELEASES.includes(field('VERSION_ID'))) {
    const found = field('PRETTY_NAME') || 'unknown';
    problems.push(
      `the test cluster needs Debian ${RELEASES.join(' or ')}, this is ${found}: use such a machine or container`,
    );
  }
  if (machine.uid !== 0)
    problems.push('the test cluster needs root (namespaces, mounts, cgroups): run it as root or with sudo -E');
  return problems;
}
