// What JSON.stringify refuses: integers of 64 bits, which are bigints here (RFC 7047 section 3.1).

/** In Node since 21. */
const { rawJSON } = JSON as unknown as { readonly rawJSON: (text: string) => unknown };

/** JSON text with the digits of every bigint. Slower than JSON.stringify alone: for what a peer chose. */
export function jsonText(json: unknown): string {
  const exact = (_: string, value: unknown): unknown => (typeof value === 'bigint' ? rawJSON(String(value)) : value);
  return JSON.stringify(json, exact) ?? 'undefined';
}

/** The beginning of a text or of JSON, for an error message. */
export function excerpt(json: unknown): string {
  return jsonText(json).slice(0, 80);
}
