// The public surface and what is written about it: the README names every export and every error string, and every export
// says in its source what it is.
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseSync } from 'oxc-parser';
import { describe, expect, it } from 'vitest';
import * as surface from '../../../lib/ovsdb/index.ts';
import { transactError } from '../../../lib/ovsdb/errors.ts';

const source = join(import.meta.dirname, '../../../lib/ovsdb');
const readme = readFileSync(join(source, 'README.md'), 'utf8');
/** Without its programs. */
const prose = readme.replaceAll(/```[\s\S]*?```/g, '');
const named = new Set([...prose.matchAll(/`([A-Za-z]\w*)`/g)].map(([, name]) => name));

interface Exported {
  readonly name: string;
  /** The file's own name for it. */
  readonly from: string;
  readonly file: string;
}

const exported: Exported[] = parseSync('index.ts', readFileSync(join(source, 'index.ts'), 'utf8'))
  .module.staticExports.flatMap(({ entries }) => entries)
  .map(({ exportName, importName, moduleRequest }) => ({
    name: exportName.name ?? '',
    from: importName.name ?? '',
    file: moduleRequest?.value ?? '',
  }));

describe('the README', () => {
  it('names every export', () => {
    expect(exported.map(({ name }) => name).filter((name) => !named.has(name))).toEqual([]);
  });

  it('names no export that is not there', () => {
    const table = /## Exports([\s\S]*?)\n## /.exec(prose)?.[1] ?? '';
    const names = exported.map(({ name }) => name);
    expect(
      [...table.matchAll(/`(\w+)`/g)].map(([, name]) => name).filter((name) => !names.includes(name ?? '')),
    ).toEqual(['_Server']);
  });

  it('gives each class of error the string that makes it', () => {
    const rows = [...prose.matchAll(/^\| (`\w+`(?:, `\w+`)*) \| (`[^`|]+`(?:, `[^`|]+`)*) \|/gm)];
    const texts = (cell: string | undefined): string[] =>
      [...(cell ?? '').matchAll(/`([^`]+)`/g)].map(([, text = '']) => text);
    const pairs = rows.flatMap(([, classes, codes]) =>
      texts(classes).map((name, index) => [name, texts(codes)[index]]),
    );
    expect(pairs.length).toBeGreaterThan(15);
    for (const [name, error = ''] of pairs)
      expect([name, transactError({ error }, 0, undefined).name]).toEqual([name, name]);
    const refused = Object.entries(surface)
      .filter(([, value]) => typeof value === 'function' && value.prototype instanceof surface.TransactError)
      .map(([name]) => name);
    expect(new Set(pairs.map(([name]) => name))).toEqual(new Set(refused));
  });

  it('lists every file', () => {
    const table = /## Files([\s\S]*)$/.exec(prose)?.[1] ?? '';
    const own = ['index.ts', 'types.ts', 'backoff.ts', 'clock.ts'];
    for (const file of globSync('*.ts', { cwd: source })) expect(table + own.join()).toContain(file);
  });
});

it('every export says in its source what it is', () => {
  const silent = exported.filter(({ from, file }) => {
    const text = readFileSync(join(source, file), 'utf8');
    const declared = new RegExp(`^export (?:async )?(?:function\\*?|class|interface|type|const) ${from}\\b`, 'm');
    return !text.slice(0, text.search(declared)).trimEnd().endsWith('*/');
  });
  expect(silent.map(({ name }) => name)).toEqual([]);
});
