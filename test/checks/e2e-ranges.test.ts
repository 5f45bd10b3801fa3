/** The files of test/e2e share one cluster: a subnet of one file must not take the range of another's. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { type Cidr, formatCidr, overlaps, parseCidrs } from '../../lib/net/index.ts';

const folder = join(import.meta.dirname, '../e2e');

interface Range {
  readonly file: string;
  readonly cidr: Cidr;
}

/** What the file's manifests have as cidrBlock, as far as it is written out and is a range at all. */
function rangesOf(file: string): Range[] {
  const text = readFileSync(join(folder, file), 'utf8');
  return [...text.matchAll(/cidrBlock: '([^']*)'/g)].flatMap(([, cidrs = '']) =>
    (parseCidrs(cidrs) ?? []).map((cidr) => ({ file, cidr })),
  );
}

it('no two files of test/e2e have subnets of one range', () => {
  const ranges = readdirSync(folder).flatMap(rangesOf);
  expect(ranges.length).toBeGreaterThan(20);
  const shared = ranges.flatMap((a, index) =>
    ranges
      .slice(index + 1)
      .filter((b) => a.file !== b.file && overlaps(a.cidr, b.cidr))
      .map((b) => `${a.file} ${formatCidr(a.cidr)}, ${b.file} ${formatCidr(b.cidr)}`),
  );
  expect(shared).toEqual([]);
});
