// The product's side: pods by the API server, ADD and DEL by the CNI executable, exactly as a container runtime calls it.
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { Api } from './api.ts';
import { createPod, deletePod, podManifest } from './api.ts';
import type { Contestant, Job } from './contestant.ts';
import type { Database } from './databases.ts';
import { settled } from './databases.ts';
import type { Namespaces } from './namespaces.ts';
import { run } from './programs.ts';
import type { Setup } from './protocol.ts';

/** In the agent's image; the same bytes as on the node. */
const SHIM = '/opt/kubeloom/cni/kube-ovn';
const PLAN = '/var/lib/kube-ovn/plan.json';
const CONFLIST = '/etc/cni/net.d/01-kube-ovn.conflist';
const LIMIT_MS = 60_000;

interface Pod {
  readonly name: string;
  uid: string;
  readonly container: string;
  readonly netns: string;
}

/** Polls what tells nothing by itself; between measurements only. */
async function eventually(what: string, holds: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + LIMIT_MS;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`waited ${LIMIT_MS / 1000} s for ${what}`);
    await delay(20);
  }
}

export class Product implements Contestant {
  readonly #setup: Setup;
  readonly #api: Api;
  readonly #nb: Database;
  readonly #namespaces: Namespaces;
  #configuration = '';
  #pods: Pod[] = [];
  #count = 0;

  constructor(setup: Setup, api: Api, nb: Database, namespaces: Namespaces) {
    this.#setup = setup;
    this.#api = api;
    this.#nb = nb;
    this.#namespaces = namespaces;
  }

  /** What libcni gives the first plugin of the list. */
  async start(): Promise<void> {
    const list = JSON.parse(await readFile(CONFLIST, 'utf8')) as {
      name: string;
      cniVersion: string;
      plugins: object[];
    };
    this.#configuration = JSON.stringify({ ...list.plugins[0], name: list.name, cniVersion: list.cniVersion });
  }

  async assigned(count: number): Promise<Job[]> {
    const pods = await this.#newPods(count);
    await Promise.all(pods.map((pod) => this.#create(pod)));
    await eventually('the plan to hold all pods', () => this.#announced(pods));
    await settled(this.#nb);
    return pods.map((pod) => () => this.#cni('ADD', pod));
  }

  async bound(count: number): Promise<Job[]> {
    const pods = await this.#newPods(count);
    return pods.map((pod) => async () => {
      await this.#create(pod);
      await this.#cni('ADD', pod);
    });
  }

  async clean(): Promise<void> {
    const pods = this.#pods;
    this.#pods = [];
    await Promise.all(pods.map((pod) => this.#cni('DEL', pod)));
    await Promise.all(pods.map(({ name }) => deletePod(this.#api, name)));
    const ours = new Set(pods.map(({ name }) => `${name}.default`));
    const ports = (): boolean =>
      [...(this.#nb.rows.get('Logical_Switch_Port')?.values() ?? [])].some(
        ({ name }) => typeof name === 'string' && ours.has(name),
      );
    await this.#nb.until(() => !ports());
    await eventually('all addresses to be free', async () => {
      const { items } = (await this.#api.send('GET', '/apis/kubeovn.io/v1/ips')) as {
        items: { metadata: { name: string } }[];
      };
      return !items.some(({ metadata }) => ours.has(metadata.name));
    });
    await this.#namespaces.remove(pods.map(({ netns }) => netns));
    await settled(this.#nb);
  }

  async #newPods(count: number): Promise<Pod[]> {
    const netns = await this.#namespaces.make(count);
    const pods = netns.map((name) => {
      this.#count += 1;
      return { name: `bench-${this.#count}`, uid: '', container: randomBytes(32).toString('hex'), netns: name };
    });
    this.#pods.push(...pods);
    return pods;
  }

  async #create(pod: Pod): Promise<void> {
    pod.uid = await createPod(this.#api, podManifest(this.#setup, pod.name, false));
  }

  /** Whether the agent has the ports, and may answer for them at once. */
  async #announced(pods: readonly Pod[]): Promise<boolean> {
    const { items } = JSON.parse(await readFile(PLAN, 'utf8')) as { items: [string, { announced?: boolean }][] };
    const there = new Set(items.filter(([, { announced }]) => announced === true).map(([key]) => key));
    return pods.every(({ name }) => there.has(`port/default/${name}/ovn`));
  }

  async #cni(command: 'ADD' | 'DEL', { name, uid, container, netns }: Pod): Promise<void> {
    await run([SHIM], this.#configuration, {
      PATH: process.env['PATH'],
      CNI_COMMAND: command,
      CNI_CONTAINERID: container,
      CNI_NETNS: `/var/run/netns/${netns}`,
      CNI_IFNAME: 'eth0',
      CNI_PATH: '/opt/cni/bin',
      CNI_ARGS:
        `IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=${name};` +
        `K8S_POD_INFRA_CONTAINER_ID=${container};K8S_POD_UID=${uid}`,
    });
  }
}
