// OVN's match language (ovn-sb(5), Logical_Flow.match) from text to a test of packets, with the rules by which OVN refuses
// a match, since a rule that OVN refuses is not there at all. Checked against OVN 25.03.
import type { ConstantSet } from './constant-set.ts';
import { fields, type Field, type Test } from './field.ts';
import { MatchError } from './match-error.ts';
import { compiled, isEmpty, joined, levelOf, negation, numbers, truth, widthOfField } from './node.ts';
import type { Node, Part, Relation, Values } from './node.ts';
import { tokens, type Constant, type Token } from './token.ts';

/** What the names of a match mean on one logical switch. */
export interface Names {
  /** `$name`; undefined where there is none. */
  addressSet(name: string): ConstantSet | undefined;
  /** `@name`: the ports of a port group that has one on this switch, else undefined. */
  portGroup(name: string): ReadonlySet<string> | undefined;
}

const turned = { '==': '==', '!=': '!=', '<': '>', '<=': '>=', '>': '<', '>=': '<=' } as const;
/** The test that a match is. Throws MatchError for one that OVN cannot read. */
export function parseMatch(text: string, names: Names): Test {
  return compiled(new Parser(text, names).whole());
}

class Parser {
  readonly #tokens: readonly Token[];
  readonly #names: Names;
  #at = 0;
  #depth = 0;
  /** Inside of an odd number of `!`. */
  #negated = false;

  constructor(text: string, names: Names) {
    this.#tokens = tokens(text);
    this.#names = names;
  }

  whole(): Node {
    const node = this.#junction();
    if (this.#token.kind !== 'end') throw this.#unexpected('the end');
    return node;
  }

  get #token(): Token {
    return this.#tokens[this.#at] ?? { kind: 'end', text: '' };
  }

  #unexpected(wanted: string): MatchError {
    const { kind, text } = this.#token;
    return new MatchError(`syntax error at ${kind === 'end' ? 'the end' : `\`${text}'`}, expecting ${wanted}`);
  }

  #sign(...signs: readonly string[]): string | undefined {
    const { kind, text } = this.#token;
    return kind === 'sign' && signs.includes(text) ? text : undefined;
  }

  #took(sign: string): boolean {
    if (this.#sign(sign) === undefined) return false;
    this.#at++;
    return true;
  }

  #junction(): Node {
    const first = this.#negation();
    const sign = this.#sign('&&', '||');
    if (sign === undefined) return first;
    const parts = [first];
    while (this.#took(sign)) parts.push(this.#negation());
    if (this.#sign('&&', '||') !== undefined)
      throw new MatchError('&& and || must be parenthesized when used together');
    return { kind: sign === '&&' ? 'all' : 'any', parts };
  }

  #negation(): Node {
    if (!this.#took('!')) return this.#primary().node;
    this.#negated = !this.#negated;
    const { node, atomic } = this.#primary();
    this.#negated = !this.#negated;
    if (!atomic) throw new MatchError('missing parentheses around the operand of !');
    return negation(node);
  }

  #primary(): { node: Node; atomic: boolean } {
    if (this.#took('(')) return { node: this.#parenthesis(), atomic: true };
    if (this.#token.kind === 'name') return this.#fieldFirst();
    const values = this.#values();
    const relation = this.#relation();
    if (relation !== undefined) return { node: this.#valuesFirst(values, relation), atomic: false };
    const constant = truth(values);
    if (constant === undefined) throw this.#unexpected('a relational operator');
    return { node: constant, atomic: true };
  }

  #parenthesis(): Node {
    // OVN's own limit.
    if (this.#depth === 100) throw new MatchError('parentheses nested too deeply');
    this.#depth++;
    const node = this.#junction();
    this.#depth--;
    if (!this.#took(')')) throw this.#unexpected("`)'");
    return node;
  }

  #fieldFirst(): { node: Node; atomic: boolean } {
    const part = this.#part();
    const relation = this.#relation();
    if (relation !== undefined) return { node: this.#comparison(part, relation, this.#values()), atomic: false };
    if (part.bits === 0 || this.#sign('=') !== undefined) throw this.#unexpected('a relational operator');
    if (part.bits > 1 && !this.#negated)
      throw new MatchError(`${part.field.name} has more than one bit: it has to be compared with something`);
    const zero: Constant = { value: 0n, format: 'hexadecimal' };
    return { node: this.#comparison(part, '!=', numbers([zero], false)), atomic: true };
  }

  /** `1 == field`, `1 < field <= 9`. */
  #valuesFirst(values: Values, relation: Relation): Node {
    const part = this.#part();
    const second = this.#relation();
    const lower = (): Node => this.#comparison(part, turned[relation], values);
    if (second === undefined) return lower();
    const upper = this.#values();
    const range = [relation, second].map((sign) => sign.slice(0, 1)).join('');
    if (range !== '<<' && range !== '>>') throw new MatchError('a range has the form x < field < y or x > field > y');
    return { kind: 'all', parts: [lower(), this.#comparison(part, second, upper)] };
  }

  #relation(): Relation | undefined {
    const sign = this.#sign('==', '!=', '<', '<=', '>', '>=');
    if (sign !== undefined) this.#at++;
    return sign as Relation | undefined;
  }

  #part(): Part {
    const field = this.#token.kind === 'name' ? fields.get(this.#token.text) : undefined;
    if (field === undefined) throw this.#unexpected('a field name');
    this.#at++;
    const width = widthOfField(field);
    if (!this.#took('[')) return { field, low: 0, bits: width };
    if (width === 0) throw new MatchError(`${field.name} is a text and has no bits`);
    const part = this.#bits(field);
    if (levelOf(field) === 'nominal' && part.bits !== width)
      throw new MatchError(`${field.name} is nominal and has no subfields`);
    return part;
  }

  #bits(field: Field): Part {
    const low = this.#smallNumber();
    const high = this.#took('..') ? this.#smallNumber() : low;
    if (!this.#took(']')) throw this.#unexpected("`]'");
    if (low > high || high >= widthOfField(field)) throw new MatchError(`${field.name} has no bits ${low} to ${high}`);
    return { field, low, bits: high - low + 1 };
  }

  #smallNumber(): number {
    const token = this.#token;
    if (token.kind !== 'number' || token.constant.format !== 'decimal' || token.constant.value >= 1n << 31n)
      throw this.#unexpected('a small integer');
    this.#at++;
    return Number(token.constant.value);
  }

  #values(): Values {
    if (!this.#took('{')) return joined([this.#value()], false);
    const values = [];
    do {
      values.push(this.#value());
      this.#took(',');
    } while (!this.#took('}'));
    return joined(values, true);
  }

  #value(): Values {
    const token = this.#token;
    const found = this.#meaning(token);
    if (found === undefined) throw this.#unexpected('a constant');
    this.#at++;
    return found;
  }

  #meaning(token: Token): Values | undefined {
    if (token.kind === 'text') return { kind: 'texts', texts: new Set([token.text]), braces: false };
    if (token.kind === 'number') return numbers([token.constant], false);
    if (token.kind === 'set') {
      const set = this.#names.addressSet(token.text.slice(1));
      if (set === undefined) throw new MatchError(`there is no address set ${token.text}`);
      return { kind: 'numbers', numbers: set, braces: false };
    }
    if (token.kind !== 'group') return undefined;
    const ports = this.#names.portGroup(token.text.slice(1));
    if (ports === undefined) throw new MatchError(`port group ${token.text} has no port on this switch`);
    return { kind: 'texts', texts: ports, braces: false };
  }

  #comparison(part: Part, relation: Relation, values: Values): Node {
    const { field } = part;
    if ((field.kind === 'text') !== (values.kind === 'texts'))
      throw new MatchError(`${field.name} is compared with ${values.kind === 'texts' ? 'texts' : 'numbers'}`);
    if (values.kind === 'numbers' && values.numbers.width > widthOfField(field))
      throw new MatchError(
        `${field.name} has ${widthOfField(field)} bits and is compared with a constant of ${values.numbers.width}`,
      );
    if (relation !== '==' && relation !== '!=') checkOrder(field, values);
    this.#checkNominal(field, relation, values);
    if (isEmpty(values)) return { kind: 'constant', holds: relation === '!=' };
    return { kind: 'comparison', part, relation, values };
  }

  #checkNominal(field: Field, relation: Relation, values: Values): void {
    if (levelOf(field) !== 'nominal') return;
    if (field.kind !== 'predicate') {
      if (relation !== (this.#negated ? '!=' : '=='))
        throw new MatchError(`${field.name} is nominal and may only be tested for equality`);
      return;
    }
    const negative = (relation === '!=') !== this.#negated;
    const constants = values.kind === 'numbers' ? values.numbers.constants : [];
    if (constants.some(({ value }) => ((value & 1n) === 1n) === negative))
      throw new MatchError(`${field.name} is nominal and may only be tested positively`);
  }
}

function checkOrder(field: Field, values: Values): void {
  const bad =
    values.braces || levelOf(field) !== 'ordinal' || values.kind !== 'numbers' || isEmpty(values)
      ? true
      : values.numbers.constants[0]?.mask !== undefined;
  if (bad) throw new MatchError(`${field.name}: only == and != go with sets, masks, and fields without an order`);
}
