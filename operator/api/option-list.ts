// Options as Kube-OVN's users write them: `key=value` with commas between. Blanks count for nothing; a list inside a
// value is `{a;b}`, since a comma ends the value.

export type Options = Readonly<Record<string, string>>;

/** What a text of options says, and what of it cannot be used. */
export interface OptionList {
  readonly options: Options;
  /** One sentence for each part that is left out. */
  readonly faults: readonly string[];
}

/** The value as OVN takes it, or undefined when it does not. */
export type Spelling = (value: string) => string | undefined;

/** Reads a text; only these keys are known. The last of two with one key counts. */
export function optionList(text: string, known: Readonly<Record<string, Spelling>>): OptionList {
  const options: Record<string, string> = {};
  const faults: string[] = [];
  for (const part of partsOf(text)) {
    const [, key = '', given = ''] = /^([^=]+)=(.+)$/.exec(part) ?? [];
    const spelling = Object.hasOwn(known, key) ? known[key] : undefined;
    const value = spelling?.(given);
    if (value !== undefined) options[key] = value;
    else faults.push(faultOf(part, key, spelling));
  }
  return { options, faults };
}

const partsOf = (text: string): string[] =>
  text
    .replaceAll(/\s/g, '')
    .split(',')
    .filter((part) => part !== '');

function faultOf(part: string, key: string, spelling: Spelling | undefined): string {
  if (key === '') return `${part} is not key=value`;
  return spelling ? `${part} has a value that OVN does not take` : `${key} is not known to OVN`;
}

/** One of these words. */
export const oneOf =
  (...words: readonly string[]): Spelling =>
  (value) =>
    words.includes(value) ? value : undefined;

/** An integer in a range. */
export const within =
  (least: number, most: number): Spelling =>
  (value) =>
    /^\d+$/.test(value) && Number(value) >= least && Number(value) <= most ? value : undefined;

/** The elements of `a`, `{a}` or `{a;b}`; the braces may be missing. */
const elementsOf = (value: string): string[] => value.replace(/^\{(.*)\}$/, '$1').split(';');

/** One element, or several as OVN lists them: `{a,b}`. */
export const listOf =
  (isGood: (element: string) => boolean): Spelling =>
  (value) => {
    const elements = elementsOf(value);
    if (!elements.every(isGood)) return undefined;
    return elements.length > 1 || value.startsWith('{') ? `{${elements.join(',')}}` : value;
  };

/** Several elements with commas between and nothing around them. */
export const commasOf =
  (isGood: (element: string) => boolean): Spelling =>
  (value) => {
    const elements = elementsOf(value);
    return elements.every(isGood) ? elements.join(',') : undefined;
  };

/** A string in quotes; without them OVN would take it for a name. */
export const quoted: Spelling = (value) => {
  const bare = elementsOf(value.replace(/^"(.*)"$/, '$1')).join(',');
  return bare === '' || /["\\]/.test(bare) ? undefined : `"${bare}"`;
};
