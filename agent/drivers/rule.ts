// Rules of policy routing: `from SOURCE lookup TABLE` at a priority. Ours carry the routing protocol number of our routes,
// which is how a fresh process knows them; rules of others are never removed.
import { canonicalCidr } from '../../lib/net/index.ts';
import type { Run } from '../run.ts';
import { ipBatch, parseIpJson } from './batch.ts';
import type { Driver, Have, Pending } from './driver.ts';
import { EVERYTHING, ROUTE_PROTOCOL } from './route.ts';

export interface RuleWant {
  /** An address or a CIDR; one of length 0 tells the family only. */
  readonly from: string;
  /** Mark and mask of packets that it is for, as `ip rule` prints them; '' for all. */
  readonly mark?: string;
  readonly table: number;
  readonly priority: number;
}

/** A rule is all key: there is nothing about it that could be changed. */
export const RULE_TEXT = 'present';

const whole = (address: string): string => `${address}/${address.includes(':') ? 128 : 32}`;

export function ruleKey({ from, mark = '', table, priority }: RuleWant): string {
  const text = from.includes('/') ? from : whole(from);
  const marked = mark === '' ? '' : ` fwmark ${mark}`;
  return `from ${canonicalCidr(text) ?? text}${marked} lookup ${table} pref ${priority}`;
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

/** `ip -j -N rule show` of one family. */
export function parseRules(output: string, family: 4 | 6): Map<string, string> {
  const have = new Map<string, string>();
  for (const rule of parseIpJson(output)) {
    if (Number(rule['protocol']) !== ROUTE_PROTOCOL) continue;
    const want = { table: Number(rule['table']), priority: Number(rule['priority']) };
    have.set(ruleKey({ from: sourceOf(rule, family), mark: markOf(rule), ...want }), RULE_TEXT);
  }
  return have;
}

function sourceOf({ src, srclen }: Readonly<Record<string, unknown>>, family: 4 | 6): string {
  const source = textOf(src);
  if (source === 'all') return EVERYTHING[family];
  return typeof srclen === 'number' ? `${source}/${srclen}` : source;
}

/** The mask is not printed where it is whole. */
const markOf = ({ fwmark, fwmask }: Readonly<Record<string, unknown>>): string =>
  textOf(fwmark) === '' ? '' : `${textOf(fwmark)}/${textOf(fwmask) || '0xffffffff'}`;

export class RuleDriver implements Driver {
  readonly name = 'rule';
  readonly #run: Run;

  constructor(run: Run) {
    this.#run = run;
  }

  async read(): Promise<Have> {
    const [four, six] = await Promise.all(
      (['-4', '-6'] as const).map((family) => this.#run(['ip', '-j', '-N', family, 'rule', 'show'])),
    );
    return new Map([...parseRules(four ?? '', 4), ...parseRules(six ?? '', 6)]);
  }

  async apply({ put, remove }: Pending): Promise<void> {
    const lines = [
      ...[...remove.keys()].map((key) => `rule del ${key} protocol ${ROUTE_PROTOCOL}`),
      ...[...put.keys()].map((key) => `rule add ${key} protocol ${ROUTE_PROTOCOL}`),
    ];
    // `ip rule` takes no address of IPv6 without being told so; a failure of one family is none of the other.
    const [four, six] = await Promise.allSettled([
      ipBatch(
        this.#run,
        lines.filter((line) => !line.includes(':')),
        '-4',
      ),
      ipBatch(
        this.#run,
        lines.filter((line) => line.includes(':')),
        '-6',
      ),
    ]);
    for (const result of [four, six]) if (result.status === 'rejected') throw result.reason as Error;
  }
}
