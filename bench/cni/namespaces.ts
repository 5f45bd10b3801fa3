// Network namespaces of pods, made on the node as a runtime makes them, outside of every measured time.
import { run } from './programs.ts';

/** In the mount namespace of the node: what is made there is seen in the agent's container, not the other way round. */
const ON_NODE = ['nsenter', '--target=1', '--mount', '--wd=/', '--', 'ip', '-batch', '-'];

export class Namespaces {
  #count = 0;

  /** Names below /run/netns. */
  async make(count: number): Promise<string[]> {
    const names = Array.from({ length: count }, () => {
      this.#count += 1;
      return `bench-${process.pid}-${this.#count}`;
    });
    await run(ON_NODE, names.map((name) => `netns add ${name}\n`).join(''));
    return names;
  }

  async remove(names: readonly string[]): Promise<void> {
    if (names.length > 0) await run(ON_NODE, names.map((name) => `netns delete ${name}\n`).join(''));
  }
}
