// The samples are what a newcomer copies: none may be one that the operator finds fault with.
import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { isObject } from '../../operator/api/json.ts';
import { subnetRow } from '../../operator/api/project.ts';
import { checkedSubnet } from '../../operator/api/subnet-check.ts';
import { directions, networkPolicyRow } from '../../operator/api/policy-row.ts';
import { securityGroupRow } from '../../operator/api/security-row.ts';
import { securityRule } from '../../operator/api/security-rule.ts';
import { defaults, translate } from '../worlds/process.ts';

const folder = join(import.meta.dirname, '../../config/samples');

const subnets = globSync('*.yaml', { cwd: folder }).flatMap((file) =>
  parseAllDocuments(readFileSync(join(folder, file), 'utf8'))
    .map((document): unknown => document.toJS())
    .filter((object) => isObject(object) && object['kind'] === 'Subnet')
    .map((object) => [basename(file), object] as const),
);

it('there are subnets among them', () => expect(subnets.length).toBeGreaterThan(1));

it.each(subnets)('a subnet of %s is valid', (_, object) => {
  expect(checkedSubnet(subnetRow(object), defaults).findings).toEqual([]);
});

const policies = globSync('policy/*.yaml', { cwd: folder }).flatMap((file) =>
  parseAllDocuments(readFileSync(join(folder, file), 'utf8'))
    .map((document): unknown => document.toJS())
    .filter((object) => isObject(object) && object['kind'] === 'NetworkPolicy')
    .map((object) => [basename(file), object] as const),
);

it('there are policies among them', () => expect(policies.length).toBeGreaterThan(1));

it.each(policies)('a policy of %s can be used whole', (_, object) => {
  const { faults } = translate(networkPolicyRow(object)).translation;
  expect(faults).toEqual([]);
});

const groups = globSync('policy/*.yaml', { cwd: folder }).flatMap((file) =>
  parseAllDocuments(readFileSync(join(folder, file), 'utf8'))
    .map((document): unknown => document.toJS())
    .filter((object) => isObject(object) && object['kind'] === 'SecurityGroup')
    .map((object) => [basename(file), securityGroupRow(object)] as const),
);

it('there are SecurityGroups among them', () => expect(groups.length).toBeGreaterThan(1));

it.each(groups)('all rules of a SecurityGroup of %s can be read', (_, { rules }) => {
  const readings = directions.flatMap((direction) =>
    rules[direction].rules.map((rule) => securityRule(rule, direction)),
  );
  expect(readings.flatMap(({ faults }) => faults)).toEqual([]);
});
