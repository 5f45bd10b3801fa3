// cnitool, libcni's own caller, in the namespaces of a test node: with a folder of configurations and of plugins, and the
// folders in which libcni and the plugins keep state being the test's.
import { execFile } from 'node:child_process';
import { copyFile, mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { goTools } from '../../cluster/go.ts';
import type { Runtime } from '../runtime.ts';

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** State of libcni (results) and of the tuning plugin. The mounts are of this process alone. */
const SCRIPT =
  'mkdir -p /var/lib/cni /run/cni && mount --bind "$STATE/lib" /var/lib/cni && mount --bind "$STATE/run" /run/cni && exec "$@"';

export class Cnitool {
  readonly #runtime: Runtime;
  readonly #tools: string;
  readonly #folder: string;

  private constructor(runtime: Runtime, tools: string, folder: string) {
    this.#runtime = runtime;
    this.#tools = tools;
    this.#folder = folder;
  }

  static async create(runtime: Runtime): Promise<Cnitool> {
    const folder = join(runtime.node.folder, 'cnitool');
    for (const name of ['conf', 'plugins', 'lib', 'run']) await mkdir(join(folder, name), { recursive: true });
    await copyFile(runtime.shim, join(folder, 'plugins', 'kube-ovn'));
    return new Cnitool(runtime, await goTools('cni'), folder);
  }

  /** A network's configuration list. `server_socket` of ours is filled in, at the top and in `ipam`. */
  async network(name: string, cniVersion: string, plugins: readonly object[]): Promise<void> {
    const text = JSON.stringify({ cniVersion, name, plugins }).replaceAll(
      '"type":"kube-ovn"',
      `"type":"kube-ovn","server_socket":"${this.#runtime.node.socket}"`,
    );
    await writeFile(join(this.#folder, 'conf', `${name}.conflist`), text);
  }

  async run(command: string, network: string, netns: string, env: Readonly<Record<string, string>> = {}): Promise<Ran> {
    const { node } = this.#runtime;
    const argv = ['--mount', 'sh', '-ec', SCRIPT, 'sh', 'nsenter', `--net=/run/netns/${node.netns}`];
    return await new Promise((resolve) => {
      const child = execFile(
        'unshare',
        [...argv, join(this.#tools, 'cnitool'), command, network, netns],
        {
          env: {
            PATH: process.env['PATH'] ?? '',
            STATE: this.#folder,
            NETCONFPATH: join(this.#folder, 'conf'),
            CNI_PATH: `${join(this.#folder, 'plugins')}:${this.#tools}`,
            ...env,
          },
        },
        (_, stdout, stderr) => resolve({ code: child.exitCode ?? -1, stdout, stderr }),
      );
    });
  }

  /** Files that libcni and the plugins keep. */
  async kept(): Promise<string[]> {
    const found = await Promise.all(
      ['lib', 'run'].map((name) => readdir(join(this.#folder, name), { recursive: true, withFileTypes: true })),
    );
    return found.flat().flatMap((entry) => (entry.isFile() ? [entry.name] : []));
  }
}
