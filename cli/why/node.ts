// A match in parts, and the test that they make.
import { ConstantSet } from './constant-set.ts';
import type { Field, Test } from './field.ts';
import { MatchError } from './match-error.ts';
import type { Constant } from './token.ts';

export type Relation = '==' | '!=' | '<' | '<=' | '>' | '>=';

const opposite = { '==': '!=', '!=': '==', '<': '>=', '<=': '>', '>': '<=', '>=': '<' } as const;

/** The right side of a comparison. */
export type Values =
  | { readonly kind: 'texts'; readonly texts: ReadonlySet<string>; readonly braces: boolean }
  | { readonly kind: 'numbers'; readonly numbers: ConstantSet; readonly braces: boolean };

/** A field, or some of its bits. */
export interface Part {
  readonly field: Field;
  readonly low: number;
  /** 0 for texts. */
  readonly bits: number;
}

export type Node =
  | { readonly kind: 'constant'; readonly holds: boolean }
  | { readonly kind: 'all' | 'any'; readonly parts: readonly Node[] }
  | { readonly kind: 'comparison'; readonly part: Part; readonly relation: Relation; readonly values: Values };

export const numbers = (constants: readonly Constant[], braces: boolean): Values => ({
  kind: 'numbers',
  numbers: new ConstantSet(constants),
  braces,
});

/** The values between braces as one; they are all texts or all numbers. */
export function joined(values: readonly Values[], braces: boolean): Values {
  const [first] = values;
  if (first !== undefined && values.length === 1) return { ...first, braces };
  const filled = values.filter((value) => !isEmpty(value));
  const texts = filled.flatMap((value) => (value.kind === 'texts' ? [...value.texts] : []));
  const constants = filled.flatMap((value) => (value.kind === 'numbers' ? value.numbers.constants : []));
  if (texts.length > 0 && constants.length > 0) throw new MatchError('a set has texts or numbers, not both');
  const kind = (filled[0] ?? values.at(-1))?.kind;
  return kind === 'texts' ? { kind, texts: new Set(texts), braces } : numbers(constants, braces);
}

export const isEmpty = (values: Values): boolean =>
  values.kind === 'texts' ? values.texts.size === 0 : values.numbers.constants.length === 0;

/** `0` and `1` by themselves. */
export function truth(values: Values): Node | undefined {
  if (values.kind !== 'numbers' || values.braces) return undefined;
  const [constant, ...more] = values.numbers.constants;
  if (constant === undefined || more.length > 0 || constant.format !== 'decimal' || constant.value > 1n)
    return undefined;
  return { kind: 'constant', holds: constant.value === 1n };
}

export const levelOf = (field: Field): 'nominal' | 'boolean' | 'ordinal' =>
  field.kind === 'text' ? 'nominal' : field.level;

export function widthOfField(field: Field): number {
  if (field.kind === 'text') return 0;
  return field.kind === 'predicate' ? 1 : field.width;
}

export function negation(node: Node): Node {
  if (node.kind === 'constant') return { kind: 'constant', holds: !node.holds };
  if (node.kind === 'comparison') return { ...node, relation: opposite[node.relation] };
  return { kind: node.kind === 'all' ? 'any' : 'all', parts: node.parts.map(negation) };
}

export function compiled(node: Node): Test {
  if (node.kind === 'constant') return () => node.holds;
  if (node.kind === 'comparison') return comparison(node);
  const tests = node.parts.map(compiled);
  return node.kind === 'all'
    ? (packet) => tests.every((test) => test(packet))
    : (packet) => tests.some((test) => test(packet));
}

/** Prerequisites hold in both directions: `tcp.dst != 80` is not true of UDP. */
function comparison({ part, relation, values }: Extract<Node, { kind: 'comparison' }>): Test {
  const { field } = part;
  const test = relationTest(part, relation, values);
  const { prerequisite } = field;
  return prerequisite === undefined ? test : (packet) => prerequisite(packet) && test(packet);
}

function relationTest({ field, low, bits }: Part, relation: Relation, values: Values): Test {
  if (field.kind === 'text') {
    const { texts } = values as Extract<Values, { kind: 'texts' }>;
    return relation === '==' ? (packet) => texts.has(field.read(packet)) : (packet) => !texts.has(field.read(packet));
  }
  const { numbers } = values as Extract<Values, { kind: 'numbers' }>;
  const shift = BigInt(low);
  const read =
    field.kind === 'predicate'
      ? (packet: Parameters<Test>[0]): bigint => (field.test(packet) ? 1n : 0n)
      : (packet: Parameters<Test>[0]): bigint => BigInt.asUintN(bits, field.read(packet) >> shift);
  const members = numbers.members(bits);
  if (relation === '==') return (packet) => members.has(read(packet));
  if (relation === '!=') return (packet) => !members.has(read(packet));
  const bound = BigInt.asUintN(bits, numbers.constants[0]?.value ?? 0n);
  const ordered = orders[relation];
  return (packet) => ordered(read(packet), bound);
}

const orders = {
  '<': (value: bigint, bound: bigint): boolean => value < bound,
  '<=': (value: bigint, bound: bigint): boolean => value <= bound,
  '>': (value: bigint, bound: bigint): boolean => value > bound,
  '>=': (value: bigint, bound: bigint): boolean => value >= bound,
} as const;
