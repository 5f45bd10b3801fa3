// Matches that a user writes for OVN (ovn-sb(5), "Expressions"). The databases take any text, and ovn-controller leaves
// out in silence what it cannot read. Here only that is named which no version of OVN can read, whatever fields it knows:
// a match that is not refused here may still be wrong.

const space = String.raw`\s+|//[^\n]*|/\*[^]*?\*/`;
const text = String.raw`"(?:[^"\\]|\\[^])*"`;
/** Names, numbers and addresses, with a mask. */
const word = String.raw`[\w.:$@]+(?:/(?![/*])[\w.:]+)*`;
const operator = String.raw`&&|\|\||==|!=|<=|>=|<|>`;
const token = new RegExp(
  `(?<space>${space})|(?<text>${text})|(?<word>${word})|(?<operator>${operator})|(?<other>[^])`,
  'gu',
);

const closing: Readonly<Record<string, string>> = { '(': ')', '{': '}', '[': ']' };

/** What begins here and has no end, or means nothing by itself. */
const alone: Readonly<Record<string, string>> = {
  '"': 'a text has no end',
  '&': '"&" is written "&&"',
  '|': '"|" is written "||"',
  '=': '"=" is written "=="',
};

/** One sentence, or undefined for a match that can be one. */
export function matchFault(match: string): string | undefined {
  const open: string[] = [];
  let last: string | undefined;
  for (const { groups = {} } of match.matchAll(token)) {
    const fault = operatorFault(groups, last) ?? characterFault(groups['other'] ?? '', open);
    if (fault !== undefined) return fault;
    if (groups['space'] === undefined) last = groups['operator'] ?? groups['other'] ?? '';
  }
  return endFault(open, last);
}

function endFault(open: readonly string[], last: string | undefined): string | undefined {
  const unclosed = open.at(-1);
  if (unclosed !== undefined) return `"${unclosed}" is missing`;
  return isOperator(last) || last === '!' ? `it ends with "${last}"` : undefined;
}

const isOperator = (last: string | undefined): boolean =>
  last !== undefined && /^[&|=!<>]+$/.test(last) && last !== '!';

/** `last` is undefined at the beginning. */
function operatorFault(groups: Partial<Record<string, string>>, last: string | undefined): string | undefined {
  const { operator: now } = groups;
  if (now === undefined) return undefined;
  if (last === undefined) return `it begins with "${now}"`;
  return isOperator(last) ? `"${now}" follows "${last}"` : undefined;
}

function characterFault(character: string, open: string[]): string | undefined {
  if (character === '/') return 'a comment has no end, or "/" stands alone';
  const end = closing[character];
  if (end !== undefined) open.push(end);
  else if (Object.values(closing).includes(character) && open.pop() !== character)
    return `"${character}" closes nothing`;
  return alone[character];
}

/** Groups (`@name`) and sets (`$name`) that a match names, each once. */
export function namesIn(match: string): string[] {
  const words = [...match.matchAll(token)].map(({ groups = {} }) => groups['word'] ?? '');
  return [...new Set(words.flatMap((found) => found.match(/[$@][A-Za-z_.][\w.]*/g) ?? []))];
}
