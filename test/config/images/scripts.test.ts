import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { repoRoot } from '../../cluster/cache.ts';

const folder = join(repoRoot, 'config', 'images', 'scripts');
const scripts = readdirSync(folder);

describe.each(scripts)('%s', (name) => {
  const path = join(folder, name);
  const text = readFileSync(path, 'utf8');

  it('is bash', () => {
    expect(spawnSync('bash', ['-n', path], { encoding: 'utf8' }).stderr).toBe('');
  });

  it('can be executed and stops at the first error, unless it is only sourced', () => {
    const executable = (statSync(path).mode & 0o111) !== 0;
    expect(executable).toBe(text.startsWith('#!/bin/bash\n'));
    expect(/^set -euo pipefail$/m.test(text)).toBe(executable);
  });
});

/** Runs the helpers of programs.sh in a bash of its own; stderr is part of the output. */
const bash = (script: string): string =>
  execFileSync('bash', ['-c', `exec 2>&1; set -euo pipefail; . ${join(folder, 'programs.sh')}\n${script}`], {
    encoding: 'utf8',
    timeout: 20_000,
  });

describe('programs.sh', () => {
  it('tells which program ended, and how', () => {
    expect(
      bash(`launch long cat /dev/zero >/dev/null; launch short sh -c 'exit 7'
      ended; echo "$ended_name $ended_status"; finish long; echo "\${#pid_of[@]} left"`),
    ).toContain('short 7\n0 left');
  });

  it('a program that ended before it was waited for is not missed', () => {
    expect(
      bash(`launch one true; launch two sh -c 'exit 3'; while kill -0 "\${pid_of[two]}" 2>/dev/null; do sleep 0.01; done
      ended; a=$ended_name; ended; echo "$(echo "$a" "$ended_name" | tr ' ' '\\n' | sort | xargs)"`),
    ).toContain('one two');
  });

  it('finish kills what does not listen to SIGTERM, and is nothing for what does not run', () => {
    const out = bash(`gone() { sleep 0.05; return 1; }
      launch deaf bash -c "trap '' TERM; echo up; while :; do sleep 0.01; done"
      sleep 0.2; pid=\${pid_of[deaf]}; finish deaf; finish nothing; kill -0 $pid || echo killed`);
    expect(out).toContain('killed');
  });

  it('leaves no child behind when a script fails', () => {
    const script = `set -euo pipefail; . ${join(folder, 'programs.sh')}
      launch sleeper sleep 60 >/dev/null 2>&1; echo "\${pid_of[sleeper]}"; false`;
    const { status, stdout } = spawnSync('bash', ['-c', script], { encoding: 'utf8', timeout: 20_000 });
    expect(status).toBe(1);
    const pid = Number(stdout);
    expect(pid).toBeGreaterThan(0);
    const running = (): boolean => {
      try {
        return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
      } catch {
        return false;
      }
    };
    const deadline = performance.now() + 5000;
    while (running() && performance.now() < deadline);
    expect(running()).toBe(false);
  });

  it('has TLS options only when asked', () => {
    expect(bash('echo "$transport ${#tls_options[@]}"')).toBe('tcp 0\n');
    expect(bash('').length).toBe(0);
    const out = execFileSync('bash', ['-c', `. ${join(folder, 'programs.sh')}; echo $transport \${tls_options[@]}`], {
      encoding: 'utf8',
      env: { ...process.env, ENABLE_SSL: 'true' },
    });
    expect(out).toMatch(/^ssl --private-key=\/var\/run\/tls\/key .*--ca-cert=\/var\/run\/tls\/cacert/);
  });
});

it('install-cni.sh puts plugins in place by rename and leaves an unchanged one alone', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'kubeloom-cni-'));
  try {
    for (const part of ['scripts', 'cni', 'plugins', 'bin']) mkdirSync(join(scratch, part));
    // The plugins of Debian's package are not on every machine.
    const script = readFileSync(join(folder, 'install-cni.sh'), 'utf8').replaceAll(
      '/usr/lib/cni',
      join(scratch, 'plugins'),
    );
    writeFileSync(join(scratch, 'scripts/install-cni.sh'), script, { mode: 0o755 });
    const sources = ['cni/kube-ovn', 'plugins/loopback', 'plugins/macvlan', 'plugins/portmap'];
    for (const source of sources) writeFileSync(join(scratch, source), source);
    const install = (): string =>
      execFileSync(join(scratch, 'scripts/install-cni.sh'), [join(scratch, 'bin')], { encoding: 'utf8' });
    expect(install().match(/installed/g)).toHaveLength(4);
    const inode = (name: string): number => statSync(join(scratch, 'bin', name)).ino;
    const before = { portmap: inode('portmap'), plugin: inode('kube-ovn') };
    writeFileSync(join(scratch, 'cni/kube-ovn'), 'new');
    expect(install()).toMatch(/^installed .*kube-ovn\n$/);
    expect(inode('portmap')).toBe(before.portmap);
    expect(inode('kube-ovn')).not.toBe(before.plugin);
    expect(readdirSync(join(scratch, 'bin')).sort()).toEqual(['kube-ovn', 'loopback', 'macvlan', 'portmap']);
    expect(statSync(join(scratch, 'bin/kube-ovn')).mode & 0o777).toBe(0o755);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
});
