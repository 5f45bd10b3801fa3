// What a pod asks of its address, by the annotations of one provider, read as Kube-OVN reads them: `ip_address`, else
// `ip_pool`, a list or the name of an IPPool, else the pools of its namespace; `mac_address` and `ip_family` beside any.
// What is said of a malformed one is Kube-OVN's text.
import { canonicalMac, compareIp, formatIp, parseCidr, parseIp } from '../../lib/net/index.ts';
import type { Ip } from '../../lib/net/index.ts';
import { annotationKey } from './annotation-key.ts';
import type { Wish } from './tables.ts';

export interface Asking {
  readonly annotations: Readonly<Record<string, string>>;
  /** Prefix of the keys: `ovn` for the default network. */
  readonly provider: string;
  /** Place in the list of a StatefulSet's pod; absent where any entry will do. */
  readonly ordinal?: number;
  /** IPPools for a pod that says nothing by itself. */
  readonly pools?: readonly string[];
  /** Of an attached network: what is said of this interface by name goes before what is said of the provider. */
  readonly attached?: { readonly definition: string; readonly namespace: string; readonly ifname: string };
}

/** A wish as it is put together, and what is wrong with it. */
interface Reading {
  readonly wish: Wish;
  readonly errors: readonly string[];
}

const nothing: Reading = { wish: {}, errors: [] };

/** Undefined when nothing is asked for. */
export function wishOf(asking: Asking): Wish | undefined {
  const parts = [addresses(asking), mac(asking), family(asking)].filter((part) => part !== nothing);
  if (parts.length === 0) return undefined;
  const wish: Wish = Object.assign({}, ...parts.map((part) => part.wish)) as Wish;
  const errors = parts.flatMap((part) => part.errors);
  if (errors.length > 0) return { ...wish, invalid: errors.length === 1 ? errors.join() : `[${errors.join(', ')}]` };
  return Object.keys(wish).length > 0 ? wish : undefined;
}

function keyOf({ annotations, provider, attached }: Asking, suffix: string): string {
  if (attached === undefined) return annotationKey(provider, suffix);
  const { definition, namespace, ifname } = attached;
  const byName = `${definition}.${namespace}.kubernetes.io/${suffix}.${ifname}`;
  return (annotations[byName] ?? '').trim() === '' ? annotationKey(provider, suffix) : byName;
}

const asked = (asking: Asking, suffix: string): string => (asking.annotations[keyOf(asking, suffix)] ?? '').trim();

function addresses(asking: Asking): Reading {
  const address = asked(asking, 'ip_address');
  if (address !== '') return fixed([address], (text) => `${text} is not a valid ${keyOf(asking, 'ip_address')}`);
  const pool = asked(asking, 'ip_pool');
  if (!isList(pool)) {
    const pools = pool === '' ? (asking.pools ?? []) : [pool];
    return pools.length > 0 ? { wish: { pools }, errors: [] } : nothing;
  }
  const read = fixed(entriesOf(pool), (text) => `${text} in ${keyOf(asking, 'ip_pool')} is not a valid address`);
  const { ordinal } = asking;
  if (ordinal === undefined || !read.wish.fixed) return read;
  return { ...read, wish: { fixed: read.wish.fixed.slice(ordinal, ordinal + 1) } };
}

/** Anything else is the name of a pool. */
const isList = (pool: string): boolean => /[;,]/.test(pool) || parseIp(pool) !== undefined;

/** `a,b,c`, or `a;b;c` where an entry may be `v4,v6`; a pair of two families by itself is one entry. */
function entriesOf(pool: string): string[] {
  if (pool.includes(';')) return pool.split(';');
  const [first = '', second = '', ...more] = pool.split(',');
  const families = [first, second].map((text) => parseIp(text.trim())?.family);
  const isPair = more.length === 0 && families[0] !== families[1] && !families.includes(undefined);
  return isPair ? [pool] : pool.split(',');
}

function fixed(entries: readonly string[], invalid: (text: string) => string): Reading {
  const errors: string[] = [];
  const sets = entries.map((entry) => {
    const texts = entry.split(',').map((text) => text.trim());
    const ips = texts.flatMap((text) => addressOf(text) ?? []);
    if (ips.length < texts.length) errors.push(...texts.filter((text) => !addressOf(text)).map(invalid));
    else if (new Set(ips.map((ip) => ip.family)).size < ips.length) errors.push(invalid(entry.trim()));
    return ips.sort(compareIp).map(formatIp);
  });
  return errors.length > 0 ? { wish: {}, errors } : { wish: { fixed: sets }, errors };
}

/** A prefix length is allowed, and says nothing. */
function addressOf(text: string): Ip | undefined {
  return text.includes('/') && parseCidr(text) ? parseIp(text.split('/')[0] ?? '') : parseIp(text);
}

function mac(asking: Asking): Reading {
  const text = asked(asking, 'mac_address');
  if (text === '') return nothing;
  const canonical = canonicalMac(text);
  if (canonical !== undefined) return { wish: { mac: canonical }, errors: [] };
  return { wish: {}, errors: [`${text} is not a valid ${keyOf(asking, 'mac_address')}`] };
}

const families: Readonly<Record<string, 4 | 6>> = { ipv4: 4, ipv6: 6 };

function family(asking: Asking): Reading {
  const text = asked(asking, 'ip_family');
  if (text === '') return nothing;
  const found = families[text];
  if (found) return { wish: { family: found }, errors: [] };
  return { wish: {}, errors: [`${text} is not a valid ${keyOf(asking, 'ip_family')}`] };
}
