// Types of the plan's messages from proto/plan.proto, for the options with which proto/plan.ts loads it.
import { spawnSync } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Generated } from './crd-types.ts';

const root = join(import.meta.dirname, '../..');

/** The same as in proto/plan.ts, and what makes the output TypeScript that Node runs as it is. */
const ARGUMENTS: readonly string[] = [
  '--keepCase',
  '--longs=String',
  '--enums=String',
  '--defaults',
  '--oneofs',
  '--includeComments',
  '--grpcLib=@grpc/grpc-js',
  '--targetFileExtension=.gen.ts',
  '--importFileExtension=.gen.ts',
];

/** One module per message; which there are is known only when they have been generated. */
export function protoTypes(): Generated[] {
  const folder = mkdtempSync(join(tmpdir(), 'kubeloom-proto-'));
  try {
    const program = join(root, 'node_modules/.bin/proto-loader-gen-types');
    const argv = [program, ...ARGUMENTS, `--outDir=${folder}`, 'proto/plan.proto'];
    const { status, stderr, error } = spawnSync(process.execPath, argv, { cwd: root, encoding: 'utf8' });
    if (status !== 0) throw new Error(`proto-loader-gen-types: ${error?.message ?? ''}${stderr}`);
    return globSync('**/*.gen.ts', { cwd: folder }).map((file) => {
      const text = readFileSync(join(folder, file), 'utf8');
      return { output: join('proto', file), generate: () => Promise.resolve(text) };
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}
