// The list of kinds that nothing acts on yet beside the CRDs: every kind is either there or has a reconciler.
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { isLater, laterKey, laterKinds, laterOf, laterRef } from '../../../operator/api/later.ts';

interface Definition {
  readonly spec: {
    readonly scope: string;
    readonly names: { readonly kind: string; readonly plural: string };
    readonly versions: readonly {
      readonly subresources?: { readonly status?: object };
      readonly schema: { readonly openAPIV3Schema: { readonly properties: { readonly status?: Status } } };
    }[];
  };
}

interface Status {
  readonly required?: readonly string[];
  readonly properties: Readonly<Record<string, { readonly items?: { readonly required?: readonly string[] } }>>;
}

const folder = join(import.meta.dirname, '../../../crds');
const definitions = globSync('*.yaml', { cwd: folder })
  .filter((file) => file !== 'kustomization.yaml')
  .map((file) => parse(readFileSync(join(folder, file), 'utf8')) as Definition);

/** What a status needs beside conditions; undefined when it cannot be written, or its conditions are not plain ones. */
function neededOf({ versions }: Definition['spec']): readonly string[] | undefined {
  const [version] = versions.filter(({ subresources }) => subresources?.status !== undefined);
  const { required = [], properties }: Status = version?.schema.openAPIV3Schema.properties.status ?? { properties: {} };
  const needed = properties['conditions']?.items?.required ?? [];
  return needed.join() === 'type,status' ? required.filter((name) => name !== 'conditions') : undefined;
}

const acted = [
  'DNSNameResolver',
  'IP',
  'IPPool',
  'OvnEip',
  'PolicyModule',
  'RouterLBRule',
  'SecurityGroup',
  'Subnet',
  'SwitchLBRule',
  'Vip',
  'Vlan',
  'Vpc',
];

it('is complete', () => {
  expect(definitions.map(({ spec }) => spec.names.kind).sort()).toEqual([...acted, ...Object.keys(laterKinds)].sort());
});

describe.each(definitions.filter(({ spec }) => isLater(spec.names.kind)))('$spec.names.kind', ({ spec }) => {
  const { kind, plural } = spec.names;
  const later = isLater(kind) ? laterOf(kind) : undefined;

  it('is where its CRD says', () => {
    expect([later?.plural, later?.namespaced === true]).toEqual([plural, spec.scope === 'Namespaced']);
  });

  it('gets conditions when its status can have them by themselves', () => {
    expect(later?.status === undefined ? undefined : Object.keys(later.status).sort()).toEqual(neededOf(spec));
  });

  it('has a key that leads back to it', () => {
    const ref = { kind, namespace: later?.namespaced === true ? 'a' : '', name: 'b.c' };
    expect(laterRef(laterKey(ref))).toMatchObject(ref);
  });
});
