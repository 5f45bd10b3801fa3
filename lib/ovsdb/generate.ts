#!/usr/bin/env node
// The command `ovsdb-gen`: a module with the types of a database on standard output, from an .ovsschema or a live server.
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { schemaTypes } from './codegen.ts';
import { UnknownDatabase } from './errors.ts';
import type { Tls } from './remote.ts';
import { ask, getSchema, listDatabases } from './requests.ts';
import { parseSchema } from './schema.ts';
import type { DatabaseSchema } from './types.ts';

const usage = `usage: ovsdb-gen FILE.ovsschema > FILE.gen.ts
       ovsdb-gen [--ca FILE --cert FILE --key FILE] REMOTE DATABASE > FILE.gen.ts

Writes a TypeScript module with the types of a database to standard output. REMOTE is unix:PATH, tcp:HOST:PORT or
ssl:HOST:PORT; the certificates, PEM files, are for ssl. FILE may be - for standard input.

Exit codes: 0 done, 1 not a schema, not readable or no answer, 2 wrong usage.
`;

/** What is wrong with how it was called. */
class UsageError extends Error {}

const STDIN = 0;

async function main(): Promise<string> {
  const { values, positionals } = argumentsOf(process.argv.slice(2));
  if (values.help === true) return usage;
  const [from, database, ...others] = positionals;
  if (from === undefined || others.length > 0) throw new UsageError('a file, or a remote and a database, are needed');
  if (!/^(unix|tcp|ssl):/.test(from)) {
    if (database !== undefined) throw new UsageError(`${from} is not a remote: unix:, tcp: or ssl:`);
    return schemaTypes(readSchema(from));
  }
  if (database === undefined) throw new UsageError(`which database of ${from}?`);
  try {
    return schemaTypes(await ask(from, (server) => schemaOf(server, database), tlsOf(from, values)));
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new Error(`${from}: ${(error as Error).message}`, { cause: error });
  }
}

interface Values {
  readonly help?: boolean;
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

function argumentsOf(args: readonly string[]): { readonly values: Values; readonly positionals: readonly string[] } {
  const file = { type: 'string' } as const;
  const options = { help: { type: 'boolean', short: 'h' }, ca: file, cert: file, key: file } as const;
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function tlsOf(remote: string, { ca, cert, key }: Values): { readonly tls?: Tls } {
  if (!remote.startsWith('ssl:')) return {};
  if (ca === undefined || cert === undefined || key === undefined) {
    throw new UsageError(`${remote} needs --ca, --cert and --key`);
  }
  return { tls: { ca, cert, key } };
}

function readSchema(file: string): DatabaseSchema {
  try {
    return parseSchema(JSON.parse(readFileSync(file === '-' ? STDIN : file, 'utf8')));
  } catch (error) {
    throw new Error(`${file}: ${(error as Error).message}`, { cause: error });
  }
}

async function schemaOf(server: Parameters<typeof getSchema>[0], database: string): Promise<DatabaseSchema> {
  try {
    return await getSchema(server, database);
  } catch (error) {
    if (!(error instanceof UnknownDatabase)) throw error;
    throw new Error(`no database ${database}; there are ${(await listDatabases(server)).join(', ')}`, { cause: error });
  }
}

try {
  process.stdout.write(await main());
} catch (error) {
  process.stderr.write(`ovsdb-gen: ${(error as Error).message}\n`);
  if (error instanceof UsageError) process.stderr.write(`\n${usage}`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
