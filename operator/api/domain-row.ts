// A DNSNameResolver, projected: a domain name, and the addresses that whoever resolves it has written into its status.
import { canonicalIp } from '../../lib/net/index.ts';
import { listOf, objectOf, textOf } from './json.ts';
import type { JsonObject } from './fact.ts';
import { metaOf } from './meta.ts';
import type { Meta } from './tables.ts';

export interface DomainRow {
  readonly meta: Meta;
  readonly spec: JsonObject;
  /** With its final dot; may begin with `*.`. */
  readonly domain: string;
  /** Of the name, or of all names that the wildcard has met, canonical, in order. */
  readonly addresses: readonly string[];
}

export function domainRow(source: unknown): DomainRow {
  const object = objectOf(source);
  const spec = objectOf(object['spec']);
  const names = listOf(objectOf(object['status'])['resolvedNames']).map(objectOf);
  const texts = names
    .flatMap((name) => listOf(name['resolvedAddresses']))
    .map((entry) => textOf(objectOf(entry)['ip']));
  const addresses = texts.map(canonicalIp).filter((address) => address !== undefined);
  return { meta: metaOf(object), spec, domain: textOf(spec['name']), addresses: [...new Set(addresses)].sort() };
}

/** Key of a domain name among those of selections. */
export const domainKey = (domain: string): string => `domain ${domain}`;
