// Label selectors and address blocks, read from the API references.
import { BlockList } from 'node:net';
import type { LabelSelector, Labels, Requirement } from './api.ts';
import { familyOf } from './world.ts';

/** Whether all requirements hold; an empty selector selects everything. Whether an absent one does is the field's. */
export function selects(selector: LabelSelector, labels: Labels): boolean {
  for (const [key, value] of Object.entries(selector.matchLabels ?? {})) {
    if (!Object.hasOwn(labels, key) || labels[key] !== value) return false;
  }
  return (selector.matchExpressions ?? []).every((requirement) => holds(requirement, labels));
}

/**
 * apimachinery, `labels.Requirement.Matches`: NotIn holds for an object that has no such label, just as DoesNotExist
 * does. An operator that does not exist selects nothing.
 */
function holds({ key, operator, values = [] }: Requirement, labels: Labels): boolean {
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
  if (operator === 'In') return value !== undefined && values.includes(value);
  if (operator === 'NotIn') return value === undefined || !values.includes(value);
  if (operator === 'Exists') return value !== undefined;
  return operator === 'DoesNotExist' && value === undefined;
}

const blocks = new Map<string, BlockList>();

/** Whether the address is of the CIDR; never across families. */
export function within(address: string, cidr: string): boolean {
  const family = familyOf(address);
  if (family !== familyOf(cidr)) return false;
  return blockOf(cidr).check(address, `ipv${family}`);
}

function blockOf(cidr: string): BlockList {
  const known = blocks.get(cidr);
  if (known) return known;
  const [network = '', length = ''] = cidr.split('/');
  const block = new BlockList();
  block.addSubnet(network, Number(length), `ipv${familyOf(cidr)}`);
  blocks.set(cidr, block);
  return block;
}

/** Two spellings of one address are one. */
export const sameAddress = (a: string, b: string): boolean => within(a, `${b}/${familyOf(b) === 4 ? 32 : 128}`);
