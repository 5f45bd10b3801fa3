/**
 * A throw-away machine for start scripts: the base root filesystem under an overlay, in network, mount and process namespaces
 * of its own, where nothing runs but what a test starts. It ends with this process.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { repoRoot } from '../../cluster/cache.ts';
import { attempt } from '../../cluster/exec.ts';
import { silent } from '../../cluster/progress.ts';
import { baseRootfs } from '../../cluster/rootfs.ts';
import { eventually } from '../../eventually.ts';

const PREPARE = `
mount --make-rprivate /
mount -t overlay overlay -o "lowerdir=$LOWER,upperdir=$DIR/up,workdir=$DIR/work" "$DIR/root"
cd "$DIR/root"
mkdir -p dev/net etc/ovn etc/openvswitch opt/kubeloom/scripts
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t tmpfs tmpfs run
mount --rbind /dev dev
mount --bind "$SCRIPTS" opt/kubeloom/scripts
ip link set lo up
touch run/ready
# As in a container, whoever is first takes in what has lost its parent: else its remains would look like a running program.
exec chroot . bash -c 'sleep infinity & wait $!'
`;

/** What a script did that was started in a box. */
export interface Running {
  /** Number of the process as the box sees its main process; undefined once it has ended. */
  readonly child: ChildProcess;
  /** Exit code, when it has ended. */
  readonly ended: Promise<number | null>;
  /** All it has printed so far. */
  log(): string;
}

export class Box {
  readonly #dir: string;
  readonly #holder: ChildProcess;
  #init = 0;

  private constructor(dir: string, holder: ChildProcess) {
    this.#dir = dir;
    this.#holder = holder;
  }

  static async start(): Promise<Box> {
    const dir = mkdtempSync(join(tmpdir(), 'kubeloom-box-'));
    for (const part of ['up', 'work', 'root']) mkdirSync(join(dir, part));
    const env = {
      ...process.env,
      DIR: dir,
      LOWER: await baseRootfs(silent),
      SCRIPTS: join(repoRoot, 'config', 'images', 'scripts'),
    };
    const namespaces = ['--net', '--mount', '--pid', '--uts', '--fork', '--kill-child'];
    const holder = spawn('unshare', [...namespaces, 'bash', '-euc', PREPARE], { env, stdio: 'ignore' });
    const box = new Box(dir, holder);
    await eventually(() => box.#ready(), { within: 10_000, every: 20, what: 'a box for start scripts' });
    return box;
  }

  async #ready(): Promise<boolean> {
    const { stdout } = await attempt(['pgrep', '--parent', String(this.#holder.pid)]);
    this.#init = Number(stdout.trim() || 0);
    return this.#init > 0 && existsSync(`/proc/${this.#init}/root/run/ready`);
  }

  #enter(command: readonly string[]): string[] {
    return ['-t', String(this.#init), '-n', '-m', '-p', '-u', '-r', '-w', ...command];
  }

  /** Runs a line of shell; the code is 0 when it succeeds. */
  async sh(line: string): Promise<{ code: number | null; out: string }> {
    const { code, stdout } = await attempt(['nsenter', ...this.#enter(['sh', '-c', line])], { timeoutMs: 30_000 });
    return { code, out: stdout.trim() };
  }

  /** Starts one of the scripts. It is ended by `stop` at the latest. */
  run(script: string, env: Record<string, string>): Running {
    const settings = Object.entries(env).map(([name, value]) => `${name}=${value}`);
    const command = ['env', ...settings, `/opt/kubeloom/scripts/${script}`];
    // exec: nsenter forks for the process namespace, so signals are sent inside (see `signal`).
    const child = spawn('nsenter', this.#enter(command), { stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
    const { promise: ended, resolve } = Promise.withResolvers<number | null>();
    child.once('exit', resolve);
    return { child, ended, log: () => text };
  }

  /** Sends a signal to a script as the container runtime does: to the process itself, not to its group. */
  async signal(script: string, name: string): Promise<void> {
    await this.sh(`kill -${name} "$(pgrep --oldest --full '^/bin/bash /opt/kubeloom/scripts/${script}')"`);
  }

  async stop(): Promise<void> {
    this.#holder.kill('SIGKILL');
    await eventually(async () => !existsSync(`/proc/${this.#init}/ns`), {
      within: 10_000,
      every: 20,
      what: 'end of the box',
    });
    rmSync(this.#dir, { recursive: true, force: true });
  }
}
