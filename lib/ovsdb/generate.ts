#!/usr/bin/env node
// The command `ovsdb-gen SCHEMA`: types of an .ovsschema on standard output.
import { readFileSync } from 'node:fs';
import { schemaTypes } from './codegen.ts';
import { parseSchema } from './schema.ts';

const [file, ...others] = process.argv.slice(2);
if (file === undefined || others.length > 0) {
  process.stderr.write('usage: ovsdb-gen FILE.ovsschema > FILE.gen.ts\n');
  process.exitCode = 2;
} else {
  try {
    process.stdout.write(schemaTypes(parseSchema(JSON.parse(readFileSync(file, 'utf8')))));
  } catch (error) {
    process.stderr.write(`ovsdb-gen: ${file}: ${(error as Error).message}\n`);
    process.exitCode = 1;
  }
}
