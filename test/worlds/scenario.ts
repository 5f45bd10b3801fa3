// The text of a scenario: what there is, what must come of it, what happens then, and so on.
//
//   # A comment.
//   history: counts             what came before may show, so the scenario is run in its own order only
//   -- world --                 one object per line: Kind [namespace/]name, then `key: value` after two blanks each
//   Pod a/web  node: n1
//   -- nb Pod/a/web --          expected lines of a section, here those of one owner; sorted, and complete
//   -- then --                  more objects, changed ones, and `delete Kind [namespace/]name`
import { parse } from 'yaml';
import type { Change, Step } from '../expand.ts';
import { build } from './objects.ts';

/** One expectation: the lines that a view must have after a step. */
export interface Expectation {
  readonly view: string;
  /** Owners whose lines are meant, everyone's when empty. */
  readonly of: readonly string[];
  readonly lines: readonly string[];
  /** The header, for rewriting the file. */
  readonly header: string;
}

export interface Scenario {
  readonly history: boolean;
  readonly steps: readonly Step[];
  readonly expected: readonly (readonly Expectation[])[];
}

interface Section {
  readonly header: string;
  readonly lines: readonly string[];
}

export function scenario(text: string): Scenario {
  const steps: Step[] = [];
  const expected: Expectation[][] = [];
  for (const { header, lines } of sections(text)) {
    const [view = '', ...of] = header.split(/ +/);
    if (view === 'world' || view === 'then') {
      const changes = lines.map(change);
      steps.push({ changes, state: after(steps.at(-1)?.state ?? [], changes) });
      expected.push([]);
    } else expected.at(-1)?.push({ view, of, lines: lines.map(squeezed), header });
  }
  return { history: /^history: counts$/m.test(text), steps, expected };
}

/** The file again, with these lines as expectations, in the same order. */
export function rewritten(text: string, actual: readonly (readonly string[])[]): string {
  const parts = text.split(/^(-- .* --)$/m);
  let at = 0;
  for (let index = 1; index < parts.length; index += 2) {
    if (!/^-- (?:world|then) --$/.test(parts[index] ?? ''))
      parts[index + 1] = `\n${(actual[at++] ?? []).map((line) => `${line}\n`).join('')}`;
    if (index + 2 < parts.length && !parts[index + 1]?.endsWith('\n\n')) parts[index + 1] += '\n';
  }
  return parts.join('');
}

const squeezed = (line: string): string => line.replaceAll(/ +/g, ' ').trim();

function sections(text: string): Section[] {
  const parts = text.split(/^-- (.*) --$/m).slice(1);
  const out: Section[] = [];
  for (let at = 0; at < parts.length; at += 2) {
    const lines = (parts[at + 1] ?? '').split('\n').filter((line) => line.trim() !== '' && !line.startsWith('#'));
    out.push({ header: (parts[at] ?? '').trim(), lines });
  }
  return out;
}

function change(line: string): Change {
  const gone = line.startsWith('delete ');
  const [head = '', ...fields] = line.replace(/^delete /, '').split(/ {2,}/);
  const [kind = '', key = ''] = head.split(' ');
  const values = Object.fromEntries(fields.map((field) => pair(field)));
  return { kind, key, object: gone ? undefined : build(kind, key, values) };
}

function pair(field: string): [key: string, value: unknown] {
  const colon = field.indexOf(':');
  if (colon < 0) throw new Error(`not a field: ${field}`);
  return [field.slice(0, colon), parse(field.slice(colon + 1).trim(), { intAsBigInt: false }) as unknown];
}

function after(state: readonly Change[], changes: readonly Change[]): Change[] {
  const now = new Map(state.map((entry) => [`${entry.kind} ${entry.key}`, entry]));
  for (const entry of changes) {
    now.delete(`${entry.kind} ${entry.key}`);
    if (entry.object !== undefined) now.set(`${entry.kind} ${entry.key}`, entry);
  }
  return [...now.values()];
}
