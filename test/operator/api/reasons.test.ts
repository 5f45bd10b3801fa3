import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { reasons } from '../../../operator/api/reasons.ts';

const page = readFileSync(new URL('../../../docs/reasons.md', import.meta.url), 'utf8');

it('has exactly the reasons that docs/reasons.md explains', () => {
  const lines = [...page.matchAll(/^\| `(\w+)` \| (.+) \|$/gm)].map(([, reason, text]) => [reason, text]);
  expect(Object.fromEntries(lines)).toEqual(reasons);
});

it.each(Object.keys(reasons))('%s is one CamelCase word', (reason) => {
  expect(reason).toMatch(/^[A-Z][A-Za-z0-9]+$/);
});
