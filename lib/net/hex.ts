// Hexadecimal digits of IPv6 addresses and MACs, read and written one character at a time: regular expressions and
// Number.parseInt are most of what reading an address would cost.

/** The value of a hexadecimal digit's character code, -1 when it is none. */
export function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  // The bit that tells lower case from upper.
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

/** The octet that the two digits at this place of a text stand for; negative when they are none. */
export const hexOctet = (text: string, at: number): number =>
  (hexDigit(text.charCodeAt(at)) << 4) | hexDigit(text.charCodeAt(at + 1));

/** Character code of the lower case digit of a value below 16. */
export const hexCode = (value: number): number => value + (value < 10 ? 0x30 : 0x57);
