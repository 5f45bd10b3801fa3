// Two Services that want one address and port in one VPC: externalIPs and rules are written by people. An address that the
// API server has given beats all others, and otherwise the older Service is right.
import type { Fact, Ref } from '../api/fact.ts';
import { objectKey } from '../api/refs.ts';
import type { ServiceRow } from '../api/service-row.ts';
import { withPort } from '../nb/rows/load-balancer.ts';
import { problem } from './reconciler.ts';
import type { WorldRead } from './reconciler.ts';
import { slicesOf } from './service-slices.ts';
import { placeOf, ruleVips } from './service-vpc.ts';

const keyOf = ({ meta: { namespace, name } }: ServiceRow): string => objectKey(namespace, name);

const frontendKey = (protocol: string, address: string, port: number): string =>
  `${protocol} ${withPort(address, port)}`;

/** Keys of the index `servicesByFrontend`. */
export const frontendKeys = (row: ServiceRow): string[] =>
  [...row.clusterIps, ...row.externalIps, ...ruleVips(row)].flatMap((address) =>
    row.ports.map(({ protocol, port }) => frontendKey(protocol, address, port)),
  );

/** Key of the Service that has the address and port in the VPC before this one, if there is any. */
export function holderOf(
  row: ServiceRow,
  { address, protocol, port, vpc }: { address: string; protocol: string; port: number; vpc: string },
  read: WorldRead,
): string | undefined {
  if (row.clusterIps.includes(address)) return undefined;
  const before = read
    .at('servicesByFrontend', frontendKey(protocol, address, port))
    .filter((other) => keyOf(other) !== keyOf(row) && rankOf(other, address) < rankOf(row, address));
  const there = before.filter((other) => placeOf(other, slicesOf(other, read), read).vpc === vpc);
  return there.map(keyOf).sort()[0];
}

const rankOf = (row: ServiceRow, address: string): string =>
  `${row.clusterIps.includes(address) ? 0 : 1} ${String(row.created).padStart(15, '0')} ${keyOf(row)}`;

/** What of the Service another one has, told of the object that it was made for. */
export function* conflicts(about: Ref, service: string, read: WorldRead): Generator<Fact> {
  const row = read.get('service', service);
  if (!row) return;
  const { vpc } = placeOf(row, slicesOf(row, read), read);
  for (const address of [...row.externalIps, ...ruleVips(row)]) {
    for (const { protocol, port } of row.ports) {
      const holder = holderOf(row, { address, protocol, port, vpc }, read);
      if (holder === undefined) continue;
      const what = `${withPort(address, port)} (${protocol}) in VPC ${vpc}`;
      yield problem(about, 'LoadBalancerConflict', `${what} is Service ${holder}'s`);
    }
  }
}
