// MAC addresses: text, and where new ones come from. Derived ones need a salt of the cluster: from names alone, two
// clusters on one VLAN would share them.
import { createHash } from 'node:crypto';

/** A source of random bytes, given by the caller so that tests are deterministic. */
export type RandomBytes = (count: number) => Uint8Array;

const macText = /^[0-9a-fA-F]{2}([:-])(?:[0-9a-fA-F]{2}\1){4}[0-9a-fA-F]{2}$/;

/** The 48 bits of a MAC written with `:` or `-`, undefined when it is none. */
export function parseMac(text: string): bigint | undefined {
  return macText.test(text) ? BigInt(`0x${text.replaceAll(/[:-]/g, '')}`) : undefined;
}

/** Lower case with colons. Bits above the 48th are ignored. */
export function formatMac(value: bigint): string {
  const hex = BigInt.asUintN(48, value).toString(16).padStart(12, '0');
  return hex.replaceAll(/..(?!$)/g, '$&:');
}

/** The one spelling of a MAC text, undefined when it is none. */
export function canonicalMac(text: string): string | undefined {
  const value = parseMac(text);
  return value === undefined ? undefined : formatMac(value);
}

/** Group bit clear, and not all zero (IEEE 802-2014 8.2): an address that a port may have. */
export function isUnicastMac(text: string): boolean {
  const value = parseMac(text);
  return value !== undefined && value !== 0n && ((value >> 40n) & 1n) === 0n;
}

/** The same MAC for the same salt and name, ever; locally administered unicast. */
export function derivedMac(salt: string, name: string): string {
  return localMac(createHash('sha256').update(`${salt}\0${name}`).digest());
}

/** A new locally administered unicast MAC. */
export const randomMac = (random: RandomBytes): string => localMac(random(6));

/**
 * The same bytes as `source`, drawn `size` at a time: a call into the system's generator costs a hundred times what six
 * bytes of it are worth.
 */
export function pooledRandom(source: RandomBytes, size = 4096): RandomBytes {
  let pool = new Uint8Array();
  let at = 0;
  return (count) => {
    if (at + count > pool.length) {
      pool = Uint8Array.from(source(Math.max(size, count)));
      at = 0;
    }
    at += count;
    return pool.subarray(at - count, at);
  };
}

const hex = Array.from({ length: 256 }, (_, octet) => octet.toString(16).padStart(2, '0'));

/** IEEE 802c-2017 8.4.4: the quadrant left to local administrators is the one whose first octet ends in binary 0010. */
function localMac(bytes: Uint8Array): string {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = bytes;
  return `${hex[(a & 0xf0) | 0x02]}:${hex[b]}:${hex[c]}:${hex[d]}:${hex[e]}:${hex[f]}`;
}
