// Events of the node, whoever causes them: `ip monitor` tells of links, addresses, routes and rules, netfilter-watch (in C)
// of iptables and ipsets. Each wakes the drivers concerned and no others.
import { ChildWatch } from './child-watch.ts';
import type { Surveyed } from './child-watch.ts';
import { ROUTE_PROTOCOL } from './drivers/route.ts';

export interface NodeWatchOptions extends Surveyed {
  /** Names of links; lines about others, such as every pod's, wake nobody. */
  readonly links: () => readonly string[];
  readonly changed: (...drivers: readonly string[]) => void;
  /** Path of the program. */
  readonly netfilterWatch: string;
  /** The node uses iptables-legacy, of which the kernel tells nothing. */
  readonly legacy: boolean;
}

/** The drivers that a line of `ip -o monitor label ...` is about, seen from the links that matter. */
export function concerned(line: string, links: readonly string[]): readonly string[] {
  const [, object, rest = ''] = /^\[(\w+)\](.*)$/.exec(line) ?? [];
  const ours = rest.includes(` proto ${ROUTE_PROTOCOL}`);
  if (object === 'RULE') return ours ? ['rule'] : [];
  const words = rest.split(/[\s:@\\]+/);
  if (links.some((name) => words.includes(name))) return ['link', 'route'];
  return object === 'ROUTE' && ours ? ['route'] : [];
}

export class NodeWatch {
  readonly #watches: readonly ChildWatch[];

  constructor(options: NodeWatchOptions) {
    const { links, changed, netfilterWatch, legacy } = options;
    this.#watches = [
      new ChildWatch({
        ...options,
        argv: ['ip', '-N', '-o', 'monitor', 'label', 'link', 'address', 'route', 'rule'],
        line: (text) => {
          const drivers = concerned(text, links());
          if (drivers.length > 0) changed(...drivers);
        },
        missed: () => changed('link', 'route', 'rule'),
      }),
      new ChildWatch({
        ...options,
        argv: [netfilterWatch, ...(legacy ? ['legacy'] : [])],
        line: (driver) => changed(driver),
        // It tells of everything when it starts.
        missed: () => undefined,
      }),
    ];
  }

  start(): void {
    for (const watch of this.#watches) watch.start();
  }

  stop(): void {
    for (const watch of this.#watches) watch.stop();
  }
}
