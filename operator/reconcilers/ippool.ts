// An IPPool: which part of its subnet it is, what is wrong with it, its address set and its status. Of two pools that
// want one address the older is right. Who gets which address of it is the allocator's business.
import {
  formatCidr,
  formatIp,
  formatRange,
  intersectRanges,
  parseIp,
  parsePoolEntry,
  rangeCidrs,
  rangesText,
} from '../../lib/net/index.ts';
import type { Cidr, Range } from '../../lib/net/index.ts';
import { owner as ownerOf } from '../../lib/delta/ids.ts';
import type { Fact } from '../api/fact.ts';
import type { NamedRow } from '../api/policy-tables.ts';
import { ipPoolRef } from '../api/refs.ts';
import type { IpPoolRow, Pool } from '../api/tables.ts';
import { Withheld } from '../api/withheld.ts';
import { isOwnSetName, isSetName, poolSetName } from '../nb/names.ts';
import { addressMember } from '../nb/rows/address-set.ts';
import { poolCounts } from './counts.ts';
import { namedId, wanted } from './named.ts';
import { problem } from './reconciler.ts';
import type { Entry, Projection, Reconciler, WorldRead } from './reconciler.ts';

/** Table `pool`: what is in force. A pool that cannot be used as it is now keeps what it had. */
export const pool: Projection<IpPoolRow, Pool> = function* (row, read) {
  const { meta, subnet, namespaces } = row;
  if (meta.deleting) return;
  const [wrong] = mistakes(row, read);
  if (wrong !== undefined) throw new Withheld(wrong);
  const ranges = rangesOf(row).map(formatRange);
  yield [meta.name, { name: meta.name, subnet, ranges, namespaces, precedence: precedence(row) }];
};

export const ippool: Reconciler<IpPoolRow> = {
  kind: 'IPPool',
  *desired(row, read) {
    const { name, generation } = row.meta;
    const about = ipPoolRef(name);
    if (row.meta.deleting) return;
    const network = read.get('network', row.subnet);
    const usage = read.get('poolUsage', name);
    for (const wrong of mistakes(row, read)) yield problem(about, 'UpdateIPAMFailed', wrong);
    if (!network) yield problem(about, 'UpdateIPAMFailed', `subnet ${row.subnet} does not exist in IPAM`);
    yield* addressSet(row, read);
    // Without counts nothing is said at all: to leave them out would remove them.
    if (usage || !network || !read.get('pool', name)) {
      yield { status: about, generation, owner: ownerOf(about), fields: poolCounts(usage?.families ?? []) };
    }
  },
};

const rangesOf = ({ ips }: IpPoolRow): Range[] => ips.map(parsePoolEntry).filter((range) => range !== undefined);

const precedence = ({ created, meta }: IpPoolRow): string =>
  `${String(created).padStart(15, '0')} ${meta.uid} ${meta.name}`;

/** Why the pool cannot be put into force as it is. */
export function* mistakes(row: IpPoolRow, read: WorldRead): Generator<string> {
  const { name } = row.meta;
  if (parseIp(name)) yield `ippool ${name} has the name of an address, and an annotation could not tell them apart`;
  const odd = row.ips.filter((entry) => !parsePoolEntry(entry));
  if (odd.length > 0) yield `ippool ${name}: ${odd.join(', ')} is neither an address nor a CIDR nor a range a..b`;
  for (const other of read.at('ippoolsBySubnet', row.subnet)) {
    if (precedence(other) >= precedence(row)) continue;
    const both = intersectRanges(rangesOf(row), rangesOf(other));
    if (both.length > 0) yield `ippool ${name} has conflict IPs with ippool ${other.meta.name}: ${rangesText(both)}`;
  }
}

function* addressSet(row: IpPoolRow, read: WorldRead): Generator<Fact | Entry> {
  const { name } = row.meta;
  const inForce = read.get('pool', name);
  if (!row.addressSet || !inForce) return;
  const ranges = inForce.ranges.flatMap((range) => parsePoolEntry(range) ?? []);
  const wrong = noSet(row, ranges, read);
  if (wrong !== undefined) {
    yield problem(
      ipPoolRef(name),
      'ReconcileAddressSetFailed',
      `failed to create address set ${poolSetName(name)}: ${wrong}`,
    );
    return;
  }
  const set: NamedRow = { row: 'Address_Set', name: poolSetName(name) };
  yield wanted(set);
  yield { entry: 'poolSet', key: set.name, value: name };
  const elements = ranges.flatMap(rangeCidrs).map(elementOf);
  for (const element of new Set(elements)) yield addressMember(namedId(set), element, ownerOf(ipPoolRef(name)));
}

/** A name of its own, that a match can write, and addresses of one family: ovn-controller refuses a set of both. */
function noSet(row: IpPoolRow, ranges: readonly Range[], read: WorldRead): string | undefined {
  const name = poolSetName(row.meta.name);
  if (!isSetName(name)) return 'a match cannot name it, it begins with a digit';
  if (isOwnSetName(name)) return 'its name is one of ours';
  if (new Set(ranges.map(({ family }) => family)).size > 1) return 'it would hold IPv4 and IPv6 addresses';
  const first = read.at('ippoolsBySet', name).find((other) => precedence(other) < precedence(row));
  return first && `ippool ${first.meta.name} has one of this name`;
}

/** A single address has no length there. */
const elementOf = (cidr: Cidr): string =>
  cidr.length === (cidr.family === 4 ? 32 : 128)
    ? formatIp({ family: cidr.family, value: cidr.network })
    : formatCidr(cidr);
