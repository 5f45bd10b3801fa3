// What a module with hook `ipam` answers: first its shape, then whether it stays within what was offered. A module can
// only leave over less; whatever goes beyond the offer is no answer, and nothing of it is followed.
import {
  compareIp,
  containsIp,
  formatIp,
  parseCidr,
  parseIp,
  parsePoolEntry,
  rangesContain,
} from '../../lib/net/index.ts';
import type { Ip, Range } from '../../lib/net/index.ts';
import type { JsonObject } from '../api/fact.ts';
import { flagOf, listOf, objectOf, textOf, textsOf } from '../api/json.ts';
import type { Choice } from '../api/offer.ts';
import { fields, list, some, textOf as text } from './answer-reader.ts';

const longestMessage = 1000;

/** Reads `{}`, `{"denied": "why"}` or lists of subnets, pools and addresses. Throws an Error that names what is wrong. */
export function parseChoice(answer: unknown): Choice {
  const { denied, ...rest } = fields(answer, '', ['subnets', 'pools', 'addresses', 'denied']);
  if (denied !== undefined) {
    if (Object.keys(rest).length > 0) throw new Error('denied stands beside a choice');
    return { denied: text(denied, 'denied').slice(0, longestMessage) || 'refused' };
  }
  const { subnets, pools, addresses } = rest;
  if (pools !== undefined && addresses !== undefined) throw new Error('pools stand beside addresses');
  return {
    ...(subnets !== undefined && { subnets: names(subnets, 'subnets') }),
    ...(pools !== undefined && { pools: names(pools, 'pools') }),
    ...(addresses !== undefined && {
      addresses: some(addresses, 'addresses').map((set, at) => setOf(set, `addresses[${at}]`)),
    }),
  };
}

const names = (value: unknown, where: string): string[] => some(value, where).map((name) => text(name, where));

function setOf(value: unknown, where: string): string[] {
  const ips = list(value, where, 2).map((each) => parseIp(text(each, where)));
  const families = new Set(ips.map((ip) => ip?.family));
  if (families.size !== ips.length || ips.length === 0 || families.has(undefined))
    throw new Error(`${where} is not one address, or one of each family`);
  return ips
    .filter((ip) => ip !== undefined)
    .sort(compareIp)
    .map(formatIp);
}

/** What was offered, whoever wrote it: the input of a case is a user's. */
interface Offered {
  readonly subnets: readonly JsonObject[];
  readonly pools: readonly JsonObject[];
  readonly poolRequired: boolean;
  readonly families: readonly unknown[];
  /** Texts of the sets that the pod lists. */
  readonly listed: readonly string[] | undefined;
}

/** Throws an Error that names what of the choice is not in the offer. */
export function checkChoice(choice: Choice, offer: JsonObject): void {
  const offered = offeredIn(offer);
  const { subnets, pools = [], addresses = [] } = choice;
  for (const name of subnets ?? [])
    if (!named(offered.subnets, name)) throw new Error(`subnet ${shown(name)} was not offered`);
  const among = {
    ...offered,
    subnets: offered.subnets.filter(({ name }) => subnets?.includes(textOf(name)) !== false),
  };
  for (const name of pools) checkPool(name, among);
  for (const set of addresses) checkSet(set, among);
}

const offeredIn = (offer: JsonObject): Offered => ({
  subnets: listOf(offer['subnets']).map(objectOf),
  pools: listOf(offer['pools']).map(objectOf),
  poolRequired: flagOf(offer['poolRequired']),
  families: listOf(offer['families']),
  listed: offer['addresses'] === undefined ? undefined : listOf(offer['addresses']).map((set) => textsOf(set).join()),
});

const named = (entries: readonly JsonObject[], name: string): JsonObject | undefined =>
  entries.find((entry) => entry['name'] === name);

function checkPool(name: string, { pools, subnets }: Offered): void {
  const pool = named(pools, name);
  if (!pool) throw new Error(`pool ${shown(name)} was not offered`);
  const subnet = textOf(pool['subnet']);
  if (!named(subnets, subnet)) throw new Error(`pool ${name} is of subnet ${subnet}, which is not chosen`);
}

/** All of one subnet, none of them excluded, and of a pool where one is required. */
function checkSet(set: readonly string[], offered: Offered): void {
  const { listed, families } = offered;
  if (listed?.includes(set.join()) === false)
    throw new Error(`${set.join()} is none of the addresses that were offered`);
  const ips = set.map(parseIp).filter((ip) => ip !== undefined);
  const odd = ips.find(({ family }) => !families.includes(family));
  if (odd) throw new Error(`${formatIp(odd)} is of no family that was offered`);
  if (listed) return;
  const subnet = offered.subnets.find((each) => ips.every((ip) => isInside(ip, each)));
  if (!subnet) throw new Error(`${set.join()} is in no subnet that was offered`);
  const excluded = ips.find((ip) => rangesContain(rangesOf(subnet['excludeIps']), ip));
  if (excluded) throw new Error(`${formatIp(excluded)} was not offered: subnet ${textOf(subnet['name'])} excludes it`);
  if (!offered.poolRequired) return;
  const ranges = offered.pools.flatMap((pool) => (pool['subnet'] === subnet['name'] ? rangesOf(pool['ranges']) : []));
  const outside = ips.find((ip) => !rangesContain(ranges, ip));
  if (outside) throw new Error(`${formatIp(outside)} is in no pool that was offered`);
}

const isInside = (ip: Ip, subnet: JsonObject): boolean =>
  textsOf(subnet['cidrs']).some((cidr) => {
    const parsed = parseCidr(cidr);
    return parsed !== undefined && containsIp(parsed, ip);
  });

const rangesOf = (value: unknown): Range[] => textsOf(value).flatMap((entry) => parsePoolEntry(entry) ?? []);

const shown = (name: string): string => JSON.stringify(name.slice(0, 64));

/** Whether it leaves over less than was offered, as far as the texts of it tell. */
export const narrows = ({ subnets, pools, addresses }: Choice, offer: JsonObject): boolean =>
  pools !== undefined ||
  addresses !== undefined ||
  (subnets !== undefined &&
    subnets.join() !==
      offeredIn(offer)
        .subnets.map(({ name }) => textOf(name))
        .join());
