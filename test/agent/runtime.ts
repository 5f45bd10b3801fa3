// A container runtime before the agent of a test node: sandboxes, CNI calls by the shim, and what they answered.
import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { expect } from 'vitest';
import { installing } from './installer.ts';
import type { CniAnswer } from './node.ts';
import { TestNode, sh } from './node.ts';
import { args } from './plan.ts';
import { buildShim } from './shim.ts';

/** The variables of one attachment. */
export type Sandbox = Readonly<Record<'CNI_CONTAINERID' | 'CNI_NETNS' | 'CNI_IFNAME' | 'CNI_ARGS', string>>;

export interface Told {
  readonly code: number;
  readonly error: { readonly code?: number; readonly msg?: string; readonly cniVersion?: string };
}

/** An answer with its error object; `{}` for none. */
export const told = ({ code, stdout }: CniAnswer): Told => ({
  code,
  error: stdout === '' ? {} : (JSON.parse(stdout) as Told['error']),
});

/** What a successful call without a result answers. */
export const done: Told = { code: 0, error: {} };

/** A refusal, to be matched. */
export const refused = (code: number, msg: RegExp, cniVersion = '1.0.0'): object => ({
  code: 1,
  error: { cniVersion, code, msg: expect.stringMatching(msg) as string },
});

type Variables = Readonly<Record<string, string>>;

export class Runtime {
  readonly node: TestNode;
  /** Path of the executable. */
  readonly shim: string;
  readonly #flags: readonly string[];
  #installer: ReturnType<typeof installing>;
  #count = 0;

  private constructor(node: TestNode, shim: string, flags: readonly string[]) {
    this.node = node;
    this.shim = shim;
    this.#flags = flags;
    this.#installer = installing(node.database);
  }

  /** A node with an agent that has the plan, and OVN that installs every port at once. */
  static async create(plan: Readonly<Record<string, object>>, flags: readonly string[] = []): Promise<Runtime> {
    const shim = await buildShim();
    const node = await TestNode.create(shim);
    await node.createIntegrationBridge();
    const runtime = new Runtime(node, shim, flags);
    await runtime.restartAgent(plan);
    return runtime;
  }

  async restartAgent(plan?: Readonly<Record<string, object>>): Promise<void> {
    await this.node.stopAgent();
    if (plan !== undefined) await this.node.writePlan(plan);
    await this.node.startAgent(this.#flags);
  }

  /** From here on ports are not installed. */
  async withoutOvn(): Promise<void> {
    await this.#installer.stop();
  }

  withOvn(): void {
    this.#installer = installing(this.node.database);
  }

  /** A new sandbox of a pod in namespace `default`, with a namespace of its own. */
  async sandbox(pod: string, ifname = 'eth0'): Promise<Sandbox> {
    this.#count += 1;
    return {
      CNI_CONTAINERID: `${String(this.#count).padStart(12, '0')}${'f'.repeat(52)}`,
      CNI_NETNS: `/run/netns/${await this.node.newPod()}`,
      CNI_IFNAME: ifname,
      CNI_ARGS: args(pod),
    };
  }

  async cni(command: string, variables: Variables, conf: object = {}): Promise<Told> {
    return told(await this.node.cni(command, variables, conf));
  }

  /** The result of an ADD that succeeds. */
  async added(variables: Variables, conf: object = {}): Promise<Record<string, unknown>> {
    const { code, stdout } = await this.node.cni('ADD', variables, conf);
    if (code !== 0) throw new Error(`ADD: ${stdout}`);
    return JSON.parse(stdout) as Record<string, unknown>;
  }

  /** `ip` in the namespace of a sandbox. */
  async inPod({ CNI_NETNS }: Sandbox, ...line: readonly string[]): Promise<string> {
    return await sh('ip', '-n', CNI_NETNS.replace('/run/netns/', ''), ...line);
  }

  /** Names of the container's interfaces in Open vSwitch. */
  async ports({ CNI_CONTAINERID }: Sandbox): Promise<string[]> {
    return await this.node.interfaces('kubeloom-container', CNI_CONTAINERID);
  }

  async dispose(): Promise<void> {
    await this.#installer.stop();
    await this.node.dispose();
    await rm(dirname(this.shim), { recursive: true });
  }
}
