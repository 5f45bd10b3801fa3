// Routes of the main table that lead into OVN, and default routes of other tables to gateways outside. Ours carry a routing protocol number of our own, which is how a fresh
// process knows them; whatever carries another one is never removed.
import { canonicalCidr, familyOf } from '../../lib/net/index.ts';
import type { Run } from '../run.ts';
import { ipBatch, parseIpJson } from './batch.ts';
import type { Driver, Have, Pending } from './driver.ts';

/** Not among those of /etc/iproute2/rt_protos or of a routing daemon known to us. */
export const ROUTE_PROTOCOL = 177;

/** The prefix of length 0: any destination, and any source of a rule. */
export const EVERYTHING = { 4: '0.0.0.0/0', 6: '::/0' } as const;

export interface RouteWant {
  readonly dst: string;
  /** '' where the kernel finds the link itself: in other tables than the main one. */
  readonly dev: string;
  /** '' is a destination on the link itself. */
  readonly gateway: string;
  /** Source address of what the node sends there, '' for the kernel's choice. */
  readonly source: string;
}

/** The canonical text of a route, without its destination. */
export function routeText({ dev, gateway, source }: Omit<RouteWant, 'dst'>): string {
  return [gateway === '' ? '' : `via ${gateway}`, dev === '' ? '' : `dev ${dev}`, source === '' ? '' : `src ${source}`]
    .filter((part) => part !== '')
    .join(' ');
}

/** Text of a route that has whatever it is for delivered on the node itself. */
export const LOCAL = 'local';

/** Key of a route; without a table it is one of the main table. */
export const routeKey = (dst: string, table?: number): string => (table === undefined ? dst : `${dst} table ${table}`);

/** As `ip -N` prints the type (linux/rtnetlink.h). */
const RTN_LOCAL = '2';

const text = (value: unknown): string => (typeof value === 'string' ? value : '');

/** `ip -j -N route show table all` of one family as keys and texts. */
export function parseRoutes(output: string, family: 4 | 6): Map<string, string> {
  const have = new Map<string, string>();
  for (const route of parseIpJson(output)) {
    const dst = text(route['dst']) === 'default' ? EVERYTHING[family] : text(route['dst']);
    const key = canonicalCidr(dst.includes('/') ? dst : `${dst}/${family === 4 ? 32 : 128}`);
    const table = route['table'] === undefined ? undefined : Number(route['table']);
    const dev = table === undefined ? text(route['dev']) : '';
    const isLocal = ['local', RTN_LOCAL].includes(text(route['type']));
    const how = isLocal ? LOCAL : routeText({ dev, gateway: text(route['gateway']), source: text(route['prefsrc']) });
    if (key !== undefined) have.set(routeKey(key, table), how);
  }
  return have;
}

export class RouteDriver implements Driver {
  readonly name = 'route';
  readonly #run: Run;

  constructor(run: Run) {
    this.#run = run;
  }

  async read(): Promise<Have> {
    const show = ['-N', 'route', 'show', 'table', 'all', 'proto', String(ROUTE_PROTOCOL)] as const;
    const [four, six] = await Promise.all([
      this.#run(['ip', '-j', '-4', ...show]),
      this.#run(['ip', '-j', '-6', ...show]),
    ]);
    return new Map([...parseRoutes(four, 4), ...parseRoutes(six, 6)]);
  }

  async apply({ put, remove }: Pending): Promise<void> {
    const lines = [...remove.keys()].map((dst) => `route del ${dst} proto ${ROUTE_PROTOCOL}`);
    for (const [dst, how] of put) {
      if (how === LOCAL) {
        lines.push(`route replace local ${dst} dev lo proto ${ROUTE_PROTOCOL}`);
        continue;
      }
      const scope = how.startsWith('via') || familyOf(dst.replace(/[/ ].*/, '')) === 6 ? '' : ' scope link';
      lines.push(`route replace ${dst} ${how} proto ${ROUTE_PROTOCOL}${scope}`);
    }
    await ipBatch(this.#run, lines);
  }
}
