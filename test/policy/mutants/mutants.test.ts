// A test of the tests: each broken build must be seen by its judge. What a judge says of the build that is not broken,
// the judges' own tests tell.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { patched } from './mutant.ts';
import { mutants } from './mutants.ts';

const run = promisify(execFile);
const main = join(import.meta.dirname, 'main.ts');

/** Two at a time: each takes a processor for a second or two. */
const lanes: Promise<unknown>[] = [Promise.resolve(), Promise.resolve()];

function found(name: string, lane: number): Promise<unknown> {
  const next = (lanes[lane] ?? Promise.resolve()).then(async () => {
    const { stdout } = await run(process.execPath, [main, name]);
    return JSON.parse(stdout) as unknown;
  });
  lanes[lane] = next.catch(() => undefined);
  return next;
}

describe.concurrent('a broken build turns the judges red', () => {
  it.each(mutants.map(({ name }, index) => [name, index % lanes.length] as const))(
    '%s',
    async (name, lane) => {
      expect(await found(name, lane)).not.toEqual([]);
    },
    300_000,
  );
});

describe('a patch', () => {
  const patch = { source: 'a.ts', text: 'x', by: 'y' };

  it('takes the place of a text', () => {
    expect(patched('axb', patch)).toBe('ayb');
  });

  it.each(['ab', 'axbx'])('refuses %s, where it is not the one that was meant', (source) => {
    expect(() => patched(source, patch)).toThrow('a.ts has');
  });
});
