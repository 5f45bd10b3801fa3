// `npm run generate`: writes every generated file; with --check it only compares, and names those that are out of date.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { crdTypes } from './generate/crd-types.ts';
import { ovsdbTypes } from './generate/ovsdb-types.ts';
import { protoTypes } from './generate/proto-types.ts';

const root = join(import.meta.dirname, '..');
const onlyCheck = process.argv.includes('--check');

let stale = 0;
for (const generated of [...crdTypes(), ...ovsdbTypes(), ...protoTypes()]) {
  const path = join(root, generated.output);
  const wanted = await generated.generate();
  const present = await readFile(path, 'utf8').catch(() => undefined);
  if (present === wanted) continue;
  stale += 1;
  console.log(`${onlyCheck ? 'out of date' : 'written'}: ${generated.output}`);
  if (!onlyCheck) await writeFile(path, wanted);
}
if (onlyCheck && stale > 0) process.exitCode = 1;
