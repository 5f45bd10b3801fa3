// MAC addresses: text, and where new ones come from. Derived ones need a salt of the cluster: from names alone, two
// clusters on one VLAN would share them.
import { createHash } from 'node:crypto';
import { hexCode, hexOctet } from './hex.ts';

/** A source of random bytes, given by the caller so that tests are deterministic. */
export type RandomBytes = (count: number) => Uint8Array;

const COLON = 0x3a;
const DASH = 0x2d;

/** The 48 bits of a MAC written with `:` or `-`, undefined when it is none. */
export function parseMac(text: string): number | undefined {
  const sign = text.charCodeAt(2);
  if (text.length !== 17 || (sign !== COLON && sign !== DASH)) return undefined;
  let bits = 0;
  for (let at = 0; at < 17; at += 3) {
    const octet = hexOctet(text, at);
    if (octet < 0 || (at > 0 && text.charCodeAt(at - 1) !== sign)) return undefined;
    bits = bits * 256 + octet;
  }
  return bits;
}

/**
 * Lower case with colons. Bits above the 48th are ignored. Made in one piece: put together from parts it would keep all of
 * them, three times its own size, for as long as the port lives.
 */
export function formatMac(bits: number): string {
  const ab = Math.floor(bits / 2 ** 32);
  const cd = (bits >>> 16) & 0xffff;
  const ef = bits & 0xffff;
  // prettier-ignore
  return String.fromCharCode(
    upper(ab >> 8), lower(ab >> 8), COLON, upper(ab), lower(ab), COLON,
    upper(cd >> 8), lower(cd >> 8), COLON, upper(cd), lower(cd), COLON,
    upper(ef >> 8), lower(ef >> 8), COLON, upper(ef), lower(ef),
  );
}

const upper = (octet: number): number => hexCode((octet >> 4) & 15);
const lower = (octet: number): number => hexCode(octet & 15);

/** The one spelling of a MAC text, undefined when it is none. */
export function canonicalMac(text: string): string | undefined {
  const bits = parseMac(text);
  return bits === undefined ? undefined : formatMac(bits);
}

/** Group bit clear, and not all zero (IEEE 802-2014 8.2): an address that a port may have. */
export function isUnicastMac(text: string): boolean {
  const bits = parseMac(text);
  return bits !== undefined && bits !== 0 && (Math.floor(bits / 2 ** 40) & 1) === 0;
}

/** The same MAC for the same salt and name, ever; locally administered unicast. */
export function derivedMac(salt: string, name: string): string {
  return formatMac(localBits(createHash('sha256').update(`${salt}\0${name}`).digest()));
}

/** The bits of a new locally administered unicast MAC. */
export const randomMac = (random: RandomBytes): number => localBits(random(6));

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

/** IEEE 802c-2017 8.4.4: the quadrant left to local administrators is the one whose first octet ends in binary 0010. */
function localBits(bytes: Uint8Array): number {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = bytes;
  return (((a & 0xf0) | 0x02) * 256 + b) * 2 ** 32 + (((c << 24) | (d << 16) | (e << 8) | f) >>> 0);
}
