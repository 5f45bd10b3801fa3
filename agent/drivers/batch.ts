// `ip -batch` with a line per change: one bad line must not stop the others, and is named in the error.
import type { Run } from '../run.ts';
import { CommandError } from '../run.ts';

/**
 * Runs the lines in order, all of them; throws one error that names those that failed (iproute2, `-force`). Where the family
 * does not follow from the addresses of a line it is an option of the whole batch.
 */
export async function ipBatch(run: Run, lines: readonly string[], family?: '-4' | '-6'): Promise<void> {
  if (lines.length === 0) return;
  try {
    await run(['ip', ...(family === undefined ? [] : [family]), '-force', '-batch', '-'], `${lines.join('\n')}\n`);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    const numbers = [...error.stderr.matchAll(/^Command failed -:(\d+)$/gm)].map((match) => Number(match[1]));
    const named = numbers.map((number) => lines[number - 1] ?? '').join('; ');
    throw new CommandError(['ip', '-batch'], named === '' ? error.message : `failed: ${named}`, error.stderr);
  }
}

/** `ip -json` prints nothing at all where there is nothing to print. */
export function parseIpJson(text: string): readonly Record<string, unknown>[] {
  return text.trim() === '' ? [] : (JSON.parse(text) as Record<string, unknown>[]);
}
