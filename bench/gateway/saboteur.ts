// Somebody who takes away a rule of iptables or an element of a set at random, and knows when it is back.
import type { TestNode } from '../../test/agent/node.ts';
import { sh } from '../../test/agent/node.ts';

export interface Damage {
  readonly what: string;
  /** Whether all is as it was before. */
  readonly isMended: () => Promise<boolean>;
}

type Random = () => number;

export class Saboteur {
  readonly #netns: string;
  readonly #random: Random;

  constructor(node: Pick<TestNode, 'netns'>, random: Random) {
    this.#netns = node.netns;
    this.#random = random;
  }

  /** Breaks something. */
  damage(): Promise<Damage> {
    return this.#random() < 0.5 ? this.#rule() : this.#element();
  }

  async #rule(): Promise<Damage> {
    const program = this.#of(['iptables-nft', 'ip6tables-nft']);
    const table = this.#of(['nat', 'mangle', 'filter']);
    const rules = (): Promise<string> => this.#run(`${program}-save`, '-t', table).then(ordered);
    const before = await rules();
    const rule = this.#of(before.split('\n').filter((line) => line.startsWith('-A ')));
    const chain = rule.split(' ')[1] ?? '';
    const place =
      before
        .split('\n')
        .filter((line) => line.startsWith(`-A ${chain} `))
        .indexOf(rule) + 1;
    await this.#run(program, '-t', table, '-D', chain, String(place));
    return { what: `${program} ${rule}`, isMended: async () => (await rules()) === before };
  }

  async #element(): Promise<Damage> {
    const names = (await this.#run('ipset', 'list', '-name')).split('\n');
    const saved = async (set: string): Promise<string[]> =>
      (await this.#run('ipset', 'save', set))
        .split('\n')
        .filter((line) => line.startsWith('add '))
        .sort();
    for (;;) {
      const set = this.#of(names.filter((name) => /^ovn[46]0/.test(name)));
      const before = await saved(set);
      if (before.length === 0) continue;
      const element = this.#of(before);
      await this.#run('ipset', 'del', ...element.split(' ').slice(1));
      return { what: element, isMended: async () => (await saved(set)).join() === before.join() };
    }
  }

  #of<T>(all: readonly T[]): T {
    const one = all[Math.floor(this.#random() * all.length)];
    if (one === undefined) throw new Error('there is nothing to break');
    return one;
  }

  #run(...argv: readonly string[]): Promise<string> {
    return sh('nsenter', `--net=/run/netns/${this.#netns}`, ...argv);
  }
}

/** Without comments and counters. */
const ordered = (save: string): string =>
  save
    .split('\n')
    .filter((line) => line.startsWith('-A '))
    .join('\n');
