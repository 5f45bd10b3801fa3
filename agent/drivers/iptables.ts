// iptables, both families: reads by iptables-save, writes by one `iptables-restore --noflush` per family with only the
// tables that differ. Chains of ours are ours as a whole; in the kernel's chains we know our rules by what they name, and
// leave those that are right where they are, since some of them count.
import type { Run } from '../run.ts';
import { CommandError } from '../run.ts';
import type { Driver, Have, Pending, Want } from './driver.ts';
import type { TableName, TableRules } from './iptables-rules.ts';
import { isOurChain, isOurs, parseCounters } from './iptables-rules.ts';
import type { Counted } from './iptables-rules.ts';

export type Family = 4 | 6;
export type Backend = 'nft' | 'legacy';

const TABLES: readonly TableName[] = ['nat', 'mangle', 'filter'];
const FAMILIES: readonly Family[] = [4, 6];

export const tableKey = (family: Family, table: TableName): string => `${family}/${table}`;

/** Stands in the text of rules of ours that a rule of kube-proxy precedes: never equal to what is wanted. */
const LATE = '# after kube-proxy';

/** The canonical text of a table: chains and rules as a restore would spell them. */
export function tableText({ chains, builtin }: TableRules): string {
  return [
    ...[...chains.keys()].sort().map((chain) => `:${chain}`),
    ...[...builtin, ...chains].flatMap(([chain, rules]) => rules.map((rule) => `-A ${chain} ${rule}`)),
  ]
    .sort(byChain)
    .join('\n');
}

/** By chain, keeping the order of the rules of one chain. */
function byChain(a: string, b: string): number {
  const [left, right] = [a.split(' ', 2).join(' '), b.split(' ', 2).join(' ')];
  return left < right ? -1 : left > right ? 1 : 0;
}

/** What one table of an iptables-save holds of ours. */
interface Seen {
  readonly text: string;
  /** All rules of the kernel's chains in which there are some of ours, in order. */
  readonly builtin: ReadonlyMap<string, readonly string[]>;
  readonly chains: readonly string[];
}

const isProxys = (rule: string): boolean => rule.includes('-j KUBE-');

function seenOf(lines: readonly string[]): Seen {
  const chains = lines.flatMap((line) => /^:(\S+) /.exec(line)?.[1] ?? []).filter(isOurChain);
  const ours = new Set(chains);
  const own: string[] = [];
  const others = new Map<string, string[]>();
  for (const line of lines) {
    const [, chain = '', rule = ''] = /^-A (\S+) (.*)$/.exec(line) ?? [];
    if (chain === '') continue;
    if (ours.has(chain)) {
      own.push(line);
      continue;
    }
    const before = others.get(chain) ?? [];
    others.set(chain, before);
    before.push(rule);
  }
  for (const [chain, rules] of others) own.push(...oursAmong(chain, rules));
  const text = [...chains.map((chain) => `:${chain}`).sort(), ...own].sort(byChain).join('\n');
  return { text, builtin: others, chains };
}

/** The rules of ours in one of the kernel's chains, as text. */
function oursAmong(chain: string, rules: readonly string[]): string[] {
  const blocked = rules.findIndex(isProxys);
  return rules.flatMap((rule, at) => {
    if (!isOurs(rule)) return [];
    return blocked >= 0 && blocked < at ? [`-A ${chain} ${rule} ${LATE}`] : [`-A ${chain} ${rule}`];
  });
}

/** The tables of one iptables-save; a table that holds nothing of ours is left out. */
export function parseSave(output: string): Map<TableName, Seen> {
  const seen = new Map<TableName, Seen>();
  for (const section of output.split(/^\*/m).slice(1)) {
    const [table = '', ...lines] = section.split('\n');
    const found = TABLES.find((name) => name === table.trim());
    const state = seenOf(lines);
    if (found !== undefined && state.text !== '') seen.set(found, state);
  }
  return seen;
}

/** Input of iptables-restore that turns what was seen of a table into `text`; '' removes it. */
export function restoreTable(table: TableName, text: string, seen: Seen = NOTHING): string {
  const { chains, own, builtin } = parsedTable(text);
  const gone = seen.chains.filter((chain) => !chains.includes(chain));
  const others = new Set([...seen.builtin.keys(), ...builtin.keys()]);
  return [
    `*${table}`,
    // Declaring a chain of ours empties it, also without flushing the table (iptables-restore(8)).
    ...[...chains, ...gone].map((chain) => `:${chain} - [0:0]`),
    ...[...others].flatMap((chain) => edits(chain, builtin.get(chain) ?? [], seen.builtin.get(chain) ?? [])),
    ...own,
    ...gone.map((chain) => `-X ${chain}`),
    'COMMIT',
    '',
  ].join('\n');
}

const NOTHING: Seen = { text: '', builtin: new Map(), chains: [] };

interface ParsedTable {
  readonly chains: readonly string[];
  /** Lines of our chains. */
  readonly own: readonly string[];
  /** Rules by chain of the kernel's. */
  readonly builtin: ReadonlyMap<string, readonly string[]>;
}

/** The canonical text of a table, taken apart. */
function parsedTable(text: string): ParsedTable {
  const lines = text.split('\n').filter((line) => line !== '');
  const chains = lines.flatMap((line) => /^:(\S+)/.exec(line)?.[1] ?? []);
  const own: string[] = [];
  const builtin = new Map<string, string[]>();
  for (const line of lines) {
    const [, chain = '', rule = ''] = /^-A (\S+) (.*)$/.exec(line) ?? [];
    if (chain === '') continue;
    if (chains.includes(chain)) own.push(line);
    else builtin.set(chain, [...(builtin.get(chain) ?? []), rule]);
  }
  return { chains, own, builtin };
}

/**
 * The fewest changes, more or less, that bring the wanted rules into a chain of the kernel's, in order and before those of
 * kube-proxy. A rule is taken out by its text, never by its number: another program may have changed the chain meanwhile.
 */
function edits(chain: string, wanted: readonly string[], present: readonly string[]): string[] {
  const lines: string[] = [];
  const now = [...present];
  const remove = (rule: string): number => {
    const at = now.indexOf(rule);
    now.splice(at, 1);
    lines.push(`-D ${chain} ${rule}`);
    return at;
  };
  const surplus = new Set(wanted);
  for (const rule of present.filter(isOurs)) if (!surplus.delete(rule)) remove(rule);
  let place = 0;
  for (const rule of wanted) {
    const at = now.indexOf(rule, place);
    const blocked = now.findIndex(isProxys);
    if (at >= 0 && (blocked < 0 || at < blocked)) {
      place = at + 1;
      continue;
    }
    if (now.includes(rule) && remove(rule) < place) place -= 1;
    now.splice(place, 0, rule);
    place += 1;
    lines.push(`-I ${chain} ${place} ${rule}`);
  }
  return lines;
}

/** Which of the two implementations the node's other programs use: kubelet leaves a hint, kube-proxy its chains. */
export async function detectBackend(run: Run): Promise<Backend> {
  const counts = await Promise.all(
    (['nft', 'legacy'] as const).map(async (backend) => {
      const text = await run([`iptables-${backend}-save`]).catch((error: unknown) => {
        if (error instanceof CommandError) return undefined;
        throw error;
      });
      const hints = text?.match(/^:KUBE-/gm)?.length ?? 0;
      return { backend, exists: text !== undefined, hints };
    }),
  );
  const [nft, legacy] = counts;
  if (nft === undefined || legacy === undefined || !nft.exists) return 'legacy';
  return legacy.hints > nft.hints ? 'legacy' : 'nft';
}

export class IptablesDriver implements Driver {
  readonly name = 'iptables';
  readonly #run: Run;
  #backend: Backend | undefined;
  #seen = new Map<string, Seen>();
  /** Texts that were just written, by key, until they have been read back. */
  readonly #written = new Map<string, string>();
  /** Another version of iptables may print a rule in other words than it was given: what it made of a text. */
  readonly #printed = new Map<string, { readonly wanted: string; readonly printed: string }>();

  constructor(run: Run) {
    this.#run = run;
  }

  #program(family: Family, verb: 'save' | 'restore'): string {
    return `${family === 6 ? 'ip6tables' : 'iptables'}-${this.#backend ?? 'nft'}-${verb}`;
  }

  async read(want: Want): Promise<Have> {
    this.#backend ??= await detectBackend(this.#run);
    const have = new Map<string, string>();
    this.#seen = new Map();
    const wanted = (family: Family): boolean => TABLES.some((table) => want.has(tableKey(family, table)));
    await Promise.all(
      FAMILIES.map(async (family) => {
        for (const [table, seen] of await this.#save(family, wanted(family))) {
          const key = tableKey(family, table);
          this.#seen.set(key, seen);
          have.set(key, this.#inOurWords(key, seen.text, want.get(key)?.text));
        }
      }),
    );
    return have;
  }

  /** What the counting rules have counted, by family. One process each. */
  async counters(families: readonly Family[]): Promise<Map<Family, Counted[]>> {
    const found = await Promise.all(
      families.map(async (family) => {
        const output = await this.#run([this.#program(family, 'save'), '--counters', '-t', 'filter']);
        return [family, parseCounters(output)] as const;
      }),
    );
    return new Map(found);
  }

  async #save(family: Family, wanted: boolean): Promise<Map<TableName, Seen>> {
    try {
      return parseSave(await this.#run([this.#program(family, 'save')]));
    } catch (error) {
      // A node without IPv6 has nothing to be cleaned up there.
      if (wanted || !(error instanceof CommandError)) throw error;
      return new Map();
    }
  }

  #inOurWords(key: string, printed: string, wanted: string | undefined): string {
    const written = this.#written.get(key);
    this.#written.delete(key);
    if (wanted === undefined || printed === wanted) return printed;
    const lines = (text: string): number => text.split('\n').length;
    if (written === wanted && !printed.includes(LATE) && lines(printed) === lines(wanted))
      this.#printed.set(key, { wanted, printed });
    const known = this.#printed.get(key);
    return known?.wanted === wanted && known.printed === printed ? wanted : printed;
  }

  async apply({ put, remove }: Pending): Promise<void> {
    const results = await Promise.allSettled(
      FAMILIES.map(async (family) => {
        const parts: string[] = [];
        for (const table of TABLES) {
          const key = tableKey(family, table);
          const text = put.get(key) ?? (remove.has(key) ? '' : undefined);
          if (text === undefined) continue;
          parts.push(restoreTable(table, text, this.#seen.get(key)));
          this.#written.set(key, text);
        }
        if (parts.length > 0)
          await this.#run([this.#program(family, 'restore'), '--noflush', '--wait', '5'], parts.join(''));
      }),
    );
    const failure = results.find((result) => result.status === 'rejected');
    if (failure !== undefined) throw failure.reason as Error;
  }
}

/** `--random-fully` came with iptables 1.6.2; the version is that of `iptables-save --version`. */
export function knowsRandomFully(version: string): boolean {
  const [, major, minor, patch] = /v(\d+)\.(\d+)(?:\.(\d+))?/.exec(version) ?? [];
  const number = Number(major ?? 0) * 10_000 + Number(minor ?? 0) * 100 + Number(patch ?? 0);
  return number >= 10_602;
}
