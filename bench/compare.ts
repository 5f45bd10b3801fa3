// The way every figure is taken: product and raw limit in interleaved pairs of one run, the median of the paired
// ratios with its interval, where a goal holds when the lower end of that interval meets it.

/** Times of single operations, in milliseconds, of one round. */
export type Round = readonly number[];

export interface Pair {
  readonly product: Round;
  readonly raw: Round;
}

export interface Goal {
  readonly percentile: 50 | 90 | 99;
  /** The product may take this many times the raw limit. */
  readonly ratio: number;
}

/** One figure; `product` and `raw` in `unit` are context only, `ratio` is the result. */
export interface Figure {
  readonly name: string;
  readonly case: string;
  readonly unit: string;
  readonly product: number;
  readonly raw: number;
  readonly ratio: number;
  /** Interval of the median ratio over the pairs. */
  readonly low: number;
  readonly high: number;
  readonly goal: number | null;
  readonly holds: boolean | null;
  /** A goal that is not a ratio, in `unit`. */
  readonly limit?: number;
  /** The least of the rounds, in `unit`, where that is what is held against `limit`. */
  readonly least?: number;
  /** What Kube-OVN takes for the same on a machine like this one, in `unit`: context only. */
  readonly peer?: number;
}

/** The p-th percentile (nearest rank) of a non-empty list. */
export function percentile(values: Round, p: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const value = sorted[Math.min(sorted.length - 1, Math.ceil((p / 100) * sorted.length) - 1)];
  if (value === undefined) throw new Error('a percentile of nothing');
  return value;
}

/**
 * The order statistics that enclose the median of `n` paired ratios with about 95 % confidence (sign test); for few
 * pairs that is the whole range.
 */
export function medianInterval(ratios: readonly number[]): { low: number; high: number } {
  const sorted = ratios.toSorted((a, b) => a - b);
  const rank = Math.max(0, Math.floor((sorted.length - 1.96 * Math.sqrt(sorted.length)) / 2) - 1);
  const [low, high] = [sorted[rank], sorted[sorted.length - 1 - rank]];
  if (low === undefined || high === undefined) throw new Error('an interval of nothing');
  return { low, high };
}

/** The figure of one percentile over all pairs. A goal holds when the lower end of the interval meets it. */
export function figure(name: string, pairs: readonly Pair[], p: number, goal?: Goal): Figure {
  const ratios = pairs.map(({ product, raw }) => percentile(product, p) / percentile(raw, p));
  const { low, high } = medianInterval(ratios);
  const wanted = goal?.percentile === p ? goal.ratio : null;
  return {
    name,
    case: `p${p}`,
    unit: 'ms',
    product: percentile(
      pairs.flatMap(({ product }) => product),
      p,
    ),
    raw: percentile(
      pairs.flatMap(({ raw }) => raw),
      p,
    ),
    ratio: percentile(ratios, 50),
    low,
    high,
    goal: wanted,
    holds: wanted === null ? null : low <= wanted,
  };
}

export interface Contest {
  readonly pairs: number;
  readonly product: () => Promise<Round>;
  readonly raw: () => Promise<Round>;
}

/** Runs both sides in interleaved pairs; which of the two goes first alternates. */
export async function contest({ pairs, product, raw }: Contest): Promise<Pair[]> {
  const results: Pair[] = [];
  for (let index = 0; index < pairs; index += 1) {
    if (index % 2 === 0) {
      const first = await product();
      results.push({ product: first, raw: await raw() });
    } else {
      const first = await raw();
      results.push({ raw: first, product: await product() });
    }
  }
  return results;
}

const columns = ['figure', 'case', 'product', 'raw', 'ratio', 'interval', 'goal', 'holds'] as const;
/** Only in tables that have something to put there. */
const further = { least: 'least round', peer: 'Kube-OVN on a machine like this one' } as const;

function goalText({ goal, limit, unit }: Figure): string {
  if (limit !== undefined) return `<= ${limit} ${unit}`;
  return goal === null ? '' : `<= ${goal}`;
}

/** The figures as a table for people. */
export function table(figures: readonly Figure[]): string {
  const number = (value: number): string => value.toFixed(value < 10 ? 2 : 1);
  const extra = (['least', 'peer'] as const).filter((key) => figures.some((each) => each[key] !== undefined));
  const titles = [...columns, ...extra.map((key) => further[key])];
  const rows = figures.map((each) => [
    each.name,
    each.case,
    `${number(each.product)} ${each.unit}`,
    `${number(each.raw)} ${each.unit}`,
    number(each.ratio),
    `${number(each.low)}..${number(each.high)}`,
    goalText(each),
    each.holds === null ? '' : each.holds ? 'yes' : 'NO',
    ...extra.map((key) => (each[key] === undefined ? '' : `${number(each[key])} ${each.unit}`)),
  ]);
  const widths = titles.map((title, at) => Math.max(title.length, ...rows.map((row) => row[at]?.length ?? 0)));
  const line = (cells: readonly string[]): string => cells.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join('  ');
  return [titles, ...rows].map((row) => line(row).trimEnd()).join('\n');
}

/** The figures as one JSON object per line. */
export function lines(figures: readonly Figure[]): string {
  return figures.map((each) => JSON.stringify(each)).join('\n');
}
