// What must not stand on the path of a pod, looked for in the sources: a transaction that waits, a program per port, a
// pause. Comments are left out; what is said there runs nowhere.
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { parseSync } from 'oxc-parser';

const root = join(import.meta.dirname, '../..');

function code(file: string): string {
  const source = readFileSync(join(root, file), 'utf8');
  const { comments } = parseSync(file, source);
  return comments.reduceRight((text, { start, end }) => text.slice(0, start) + text.slice(end), source);
}

const filesWith = (pattern: RegExp, glob: string): string[] =>
  globSync(glob, { cwd: root }).filter((file) => !file.endsWith('.gen.ts') && pattern.test(code(file)));

it('only the fence waits inside a transaction', () => {
  expect(filesWith(/op: 'wait'/, '{lib/delta,operator,agent}/**/*.ts')).toEqual(['lib/delta/fence.ts']);
});

it('nothing starts ovs-vsctl', () => {
  expect(filesWith(/ovs-vsctl/, '{lib,operator,agent}/**/*.ts')).toEqual([]);
});

it('no driver and no CNI command pauses or polls', () => {
  expect(filesWith(/setTimeout|setInterval|timers\/promises/, 'agent/{cni,drivers}/**/*.ts')).toEqual([]);
});
