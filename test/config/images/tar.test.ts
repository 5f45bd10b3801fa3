import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { sorted, writeTar } from '../../../config/images/tar.ts';
import type { Entry } from '../../../config/images/tar.ts';
import { copyEntry, fileEntry, linkEntry, parents, treeDigest, treeEntries } from '../../../config/images/tree.ts';

let scratch = '';
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'kubeloom-tar-'));
});
afterEach(() => rmSync(scratch, { recursive: true, force: true }));

const tar = (...args: string[]): string => execFileSync('tar', args, { encoding: 'utf8' });

async function unpacked(entries: readonly Entry[]): Promise<string> {
  const out = join(scratch, 'a.tar');
  await writeTar(out, entries);
  const into = join(scratch, 'out');
  mkdirSync(into);
  tar('-xf', out, '-C', into, '--no-same-owner', '--same-permissions');
  return into;
}

it('tar(1) reads back names, modes, links and contents', async () => {
  const long = `${'d'.repeat(90)}/${'f'.repeat(90)}`;
  const into = await unpacked([
    { path: 'd', mode: 0o750, uid: 0, gid: 0, body: { type: 'directory' } },
    fileEntry('d/empty', ''),
    fileEntry('d/script', '#!/bin/sh\n', 0o755),
    linkEntry('d/link', `../${'t'.repeat(120)}`),
    { ...fileEntry('d/again', ''), body: { type: 'hardlink', target: 'd/script' } },
    fileEntry(`d/${'n'.repeat(100)}`, 'long'),
    ...parents([fileEntry(long, '')]),
    fileEntry(long, 'deep'),
    fileEntry('d/größe', 'name of more bytes than letters'),
  ]);
  expect(lstatSync(join(into, 'd')).mode & 0o777).toBe(0o750);
  expect(readFileSync(join(into, 'd/empty'), 'utf8')).toBe('');
  expect(lstatSync(join(into, 'd/script')).mode & 0o777).toBe(0o755);
  expect(readlinkSync(join(into, 'd/link'))).toBe(`../${'t'.repeat(120)}`);
  expect(lstatSync(join(into, 'd/again')).ino).toBe(lstatSync(join(into, 'd/script')).ino);
  expect(readFileSync(join(into, `d/${'n'.repeat(100)}`), 'utf8')).toBe('long');
  expect(readFileSync(join(into, long), 'utf8')).toBe('deep');
  expect(readFileSync(join(into, 'd/größe'), 'utf8')).toContain('letters');
  expect(lstatSync(join(into, 'd/script')).mtimeMs).toBe(0);
});

it('keeps owners and sizes beyond one block, and copies a large file piece by piece', async () => {
  const big = join(scratch, 'big');
  const content = Buffer.alloc((9 << 20) + 7, 'abc');
  writeFileSync(big, content);
  const out = join(scratch, 'a.tar');
  const written = await writeTar(out, [{ ...copyEntry('big', big), uid: 1234, gid: 65534 }]);
  expect(tar('-tvf', out, '--numeric-owner')).toMatch(/1234\/65534\s+9437191 /);
  expect(execFileSync('tar', ['-xOf', out, 'big'], { maxBuffer: 1 << 26 }).equals(content)).toBe(true);
  expect(written.size).toBe(lstatSync(out).size);
  expect(execFileSync('sha256sum', [out], { encoding: 'utf8' }).slice(0, 64)).toBe(written.sha256);
});

it('refuses a file that is no longer as long as it was, and an existing archive', async () => {
  const source = join(scratch, 'source');
  writeFileSync(source, 'before');
  const entry = copyEntry('source', source);
  writeFileSync(source, 'quite another length');
  await expect(writeTar(join(scratch, 'a.tar'), [entry])).rejects.toThrow(/changed while/);
  await expect(writeTar(source, [])).rejects.toThrow(/EEXIST/);
});

it('sorts a directory before what is in it, whatever else starts with its name', () => {
  const names = fc.array(fc.constantFrom('a', 'a-', 'a.b', 'b'), { minLength: 1, maxLength: 4 });
  const inOrder = fc.property(fc.uniqueArray(names), (lists) => {
    const files = [...new Set(lists.map((list) => list.join('/')))].map((path) => fileEntry(path, ''));
    const order = sorted([...files, ...parents(files)]).map(({ path }) => path);
    const inner = order.filter((path) => path.includes('/'));
    return inner.every((path) => order.indexOf(path.slice(0, path.lastIndexOf('/'))) < order.indexOf(path));
  });
  expect(() => fc.assert(inOrder)).not.toThrow();
});

it('the same tree gives the same bytes, whatever its times, modes by umask and order of creation', async () => {
  const make = (root: string, names: readonly string[], mode: number): string => {
    mkdirSync(join(root, 'x'), { recursive: true });
    for (const name of names) {
      writeFileSync(join(root, 'x', name), name);
      chmodSync(join(root, 'x', name), mode);
      utimesSync(join(root, 'x', name), Math.random() * 1e9, Math.random() * 1e9);
    }
    symlinkSync('one', join(root, 'x', 'link'));
    return root;
  };
  const first = sorted(treeEntries(make(join(scratch, 'first'), ['one', 'two'], 0o600), { at: 'opt' }));
  const second = sorted(treeEntries(make(join(scratch, 'second'), ['two', 'one'], 0o664), { at: 'opt' }));
  const a = await writeTar(join(scratch, 'a.tar'), first);
  const b = await writeTar(join(scratch, 'b.tar'), second);
  expect(a).toEqual(b);
  expect(treeDigest(first)).toBe(treeDigest(second));
  writeFileSync(join(scratch, 'second/x/one'), 'ONE');
  expect(treeDigest(second)).not.toBe(treeDigest(first));
  expect(treeDigest(second, { sizesOnly: true })).toBe(treeDigest(first, { sizesOnly: true }));
});

it('a root filesystem keeps its modes and its hard links; a checkout does not', () => {
  const root = join(scratch, 'root');
  mkdirSync(join(root, 'bin'), { recursive: true });
  writeFileSync(join(root, 'bin/a'), 'program', { mode: 0o755 });
  chmodSync(join(root, 'bin/a'), 0o4755);
  linkSync(join(root, 'bin/a'), join(root, 'bin/b'));
  const kept = [...treeEntries(root, { owners: true, at: 'usr' })];
  expect(kept.map(({ path, mode }) => [path, mode])).toEqual([
    ['usr/bin', 0o755],
    ['usr/bin/a', 0o4755],
    ['usr/bin/b', 0o4755],
  ]);
  expect(kept[2]?.body).toEqual({ type: 'hardlink', target: 'usr/bin/a' });
  expect([...treeEntries(root)].map(({ mode, body }) => [mode, body.type])).toEqual([
    [0o755, 'directory'],
    [0o755, 'source'],
    [0o755, 'source'],
  ]);
});

it('takes what it is told to take and does not enter what is refused', () => {
  mkdirSync(join(scratch, 'a/b'), { recursive: true });
  writeFileSync(join(scratch, 'a/b/c'), '');
  writeFileSync(join(scratch, 'a/d'), '');
  const taken = [...treeEntries(scratch, { take: (path, directory) => !(directory && path === 'a/b') })];
  expect(taken.map(({ path }) => path)).toEqual(['a', 'a/d']);
});
