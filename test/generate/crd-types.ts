// Types of spec and status from the schemas in crds/: operator/api/<kind>.gen.ts.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { compile } from 'json-schema-to-typescript';
import type { JSONSchema } from 'json-schema-to-typescript';
import { parse } from 'yaml';

interface Definition {
  readonly spec: {
    readonly names: { readonly kind: string; readonly singular: string };
    readonly versions: readonly { readonly schema: { readonly openAPIV3Schema: JSONSchema } }[];
  };
}

export interface Generated {
  /** Path from the root of the repository. */
  readonly output: string;
  generate(): Promise<string>;
}

const root = join(import.meta.dirname, '../..');

const definitions = (): Definition[] =>
  readdirSync(join(root, 'crds'))
    .filter((file) => file.endsWith('.yaml') && file !== 'kustomization.yaml')
    .sort()
    .map((file) => parse(readFileSync(join(root, 'crds', file), 'utf8')) as Definition);

/** One file per kind in crds/. */
export const crdTypes = (): Generated[] =>
  definitions().map((definition) => ({
    output: `operator/api/${definition.spec.names.singular}.gen.ts`,
    generate: () => typesOf(definition),
  }));

async function typesOf(definition: Definition): Promise<string> {
  const { kind, singular } = definition.spec.names;
  const properties = definition.spec.versions[0]?.schema.openAPIV3Schema.properties ?? {};
  const parts: string[] = [];
  for (const part of ['spec', 'status'] as const) {
    const schema = properties[part];
    if (schema === undefined) continue;
    const name = `${kind}${part === 'spec' ? 'Spec' : 'Status'}`;
    parts.push(await compile(schema, name, { bannerComment: '', additionalProperties: false, format: false }));
  }
  return [`// Generated from crds/${singular}.yaml by \`npm run generate\`. Do not edit.`, ...parts].join('\n');
}
