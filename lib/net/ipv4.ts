// IPv4 addresses between dotted decimal and number. Total functions.

const DOT = 0x2e;

/** What `withDigit` gives for an octet that is none. */
const NO_OCTET = 256;

/** The number of an address with four decimal octets, undefined when the text is none. */
export function parse4(text: string): number | undefined {
  let value = 0;
  let dots = 0;
  let octet = -1;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code !== DOT) octet = withDigit(octet, code);
    if (octet < 0 || octet > 255) return undefined;
    if (code !== DOT) continue;
    value = value * 256 + octet;
    octet = -1;
    dots++;
  }
  return dots === 3 && octet >= 0 ? value * 256 + octet : undefined;
}

/** An octet, -1 before its first digit, with one digit more. */
function withDigit(octet: number, code: number): number {
  const digit = code - 0x30;
  // RFC 6943 3.1.1: a leading zero is octal to some parsers, so it is refused.
  if (digit < 0 || digit > 9 || octet === 0) return NO_OCTET;
  return octet < 0 ? digit : octet * 10 + digit;
}

const octets = Array.from({ length: 256 }, (_, octet) => String(octet));

/** Dotted decimal of a number below 2^32. */
export const format4 = (bits: number): string =>
  `${octets[bits >>> 24]}.${octets[(bits >>> 16) & 255]}.${octets[(bits >>> 8) & 255]}.${octets[bits & 255]}`;
