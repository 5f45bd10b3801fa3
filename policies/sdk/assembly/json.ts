// JSON as modules see it: a value that can be asked for anything, and answers with a fallback where it has nothing.
// Input comes from Kubeloom and is well-formed; what is not gives null.

export const enum Kind {
  Null,
  Flag,
  Number,
  Text,
  List,
  Object,
}

const none: Value[] = [];
const noNames: string[] = [];

export class Value {
  kind: Kind = Kind.Null;
  content: string = '';
  amount: f64 = 0;
  items: Value[] = none;
  /** Of an object: the names of its fields, in the order of `items`. */
  names: string[] = noNames;

  static text(content: string): Value {
    const value = new Value();
    value.kind = Kind.Text;
    value.content = content;
    return value;
  }

  static number(amount: f64): Value {
    const value = new Value();
    value.kind = Kind.Number;
    value.amount = amount;
    return value;
  }

  static flag(is: bool): Value {
    const value = new Value();
    value.kind = Kind.Flag;
    value.amount = is ? 1 : 0;
    return value;
  }

  static list(): Value {
    const value = new Value();
    value.kind = Kind.List;
    value.items = [];
    return value;
  }

  static object(): Value {
    const value = new Value();
    value.kind = Kind.Object;
    value.items = [];
    value.names = [];
    return value;
  }

  /** The field of an object; null for everything else. */
  get(name: string): Value {
    const at = this.names.indexOf(name);
    return at < 0 ? new Value() : this.items[at];
  }

  has(name: string): bool {
    return this.names.indexOf(name) >= 0;
  }

  /** The entry of a list; null outside of it. */
  at(index: i32): Value {
    return this.kind == Kind.List && index >= 0 && index < this.items.length ? this.items[index] : new Value();
  }

  /** Entries of a list, fields of an object. */
  get length(): i32 {
    return this.items.length;
  }

  get isNull(): bool {
    return this.kind == Kind.Null;
  }

  get isText(): bool {
    return this.kind == Kind.Text;
  }

  get isList(): bool {
    return this.kind == Kind.List;
  }

  get isObject(): bool {
    return this.kind == Kind.Object;
  }

  text(fallback: string = ''): string {
    return this.kind == Kind.Text ? this.content : fallback;
  }

  number(fallback: f64 = 0): f64 {
    return this.kind == Kind.Number ? this.amount : fallback;
  }

  flag(fallback: bool = false): bool {
    return this.kind == Kind.Flag ? this.amount != 0 : fallback;
  }

  /** Sets a field; for values that are made here. */
  set(name: string, value: Value): Value {
    const at = this.names.indexOf(name);
    if (at >= 0) this.items[at] = value;
    else {
      this.names.push(name);
      this.items.push(value);
    }
    return this;
  }

  /** Appends to a list; for values that are made here. */
  add(value: Value): Value {
    this.items.push(value);
    return this;
  }

  /** As JSON. */
  toString(): string {
    switch (this.kind) {
      case Kind.Flag:
        return this.amount != 0 ? 'true' : 'false';
      case Kind.Number:
        return this.amount == Math.floor(this.amount) && Math.abs(this.amount) < 9e15
          ? (<i64>this.amount).toString()
          : this.amount.toString();
      case Kind.Text:
        return quoted(this.content);
      case Kind.List:
        return `[${this.joined()}]`;
      case Kind.Object:
        return `{${this.joined()}}`;
      default:
        return 'null';
    }
  }

  private joined(): string {
    const parts: string[] = [];
    for (let at = 0; at < this.items.length; at++) {
      const item = this.items[at].toString();
      parts.push(this.kind == Kind.Object ? `${quoted(this.names[at])}:${item}` : item);
    }
    return parts.join(',');
  }
}

/** A JSON string. */
function quoted(text: string): string {
  const parts: string[] = ['"'];
  let from = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code >= 0x20 && code != 0x22 && code != 0x5c) continue;
    parts.push(text.substring(from, at));
    if (code >= 0x20) parts.push(code == 0x22 ? '\\"' : '\\\\');
    else parts.push('\\u00' + (code < 16 ? '0' : '1') + '0123456789abcdef'.charAt(code & 15));
    from = at + 1;
  }
  parts.push(text.substring(from));
  parts.push('"');
  return parts.join('');
}

/** Deeper values are null: the stack has an end. */
const DEEPEST = 100;

class Reader {
  constructor(
    public at: usize,
    public end: usize,
  ) {}

  peek(): i32 {
    return this.at < this.end ? load<u8>(this.at) : 0;
  }

  /** The next byte that is no white space. */
  next(): i32 {
    while (this.at < this.end && load<u8>(this.at) <= 0x20) this.at++;
    return this.peek();
  }

  /** Whether the next sign is this one; then it is behind us. */
  take(sign: i32): bool {
    if (this.next() != sign) return false;
    this.at++;
    return true;
  }

  value(depth: i32): Value {
    const sign = this.next();
    if (depth > DEEPEST) {
      this.at = this.end;
      return new Value();
    }
    if (sign == 0x7b) return this.object(depth);
    if (sign == 0x5b) return this.list(depth);
    if (sign == 0x22) return Value.text(this.string());
    if (sign == 0x74 || sign == 0x66) return this.word(sign == 0x74 ? 4 : 5, Value.flag(sign == 0x74));
    if (sign == 0x2d || (sign >= 0x30 && sign <= 0x39)) return this.number();
    return this.word(4, new Value());
  }

  private word(size: usize, value: Value): Value {
    this.at += size;
    return value;
  }

  private number(): Value {
    const from = this.at;
    for (let sign = this.peek(); isNumeric(sign); sign = this.peek()) this.at++;
    return Value.number(F64.parseFloat(String.UTF8.decodeUnsafe(from, this.at - from)));
  }

  private list(depth: i32): Value {
    const list = Value.list();
    this.at++;
    if (this.take(0x5d)) return list;
    do list.items.push(this.value(depth + 1));
    while (this.take(0x2c));
    this.take(0x5d);
    return list;
  }

  private object(depth: i32): Value {
    const object = Value.object();
    this.at++;
    if (this.take(0x7d)) return object;
    do {
      this.next();
      const name = this.string();
      this.take(0x3a);
      object.set(name, this.value(depth + 1));
    } while (this.take(0x2c));
    this.take(0x7d);
    return object;
  }

  private string(): string {
    this.at++;
    const from = this.at;
    let escaped = false;
    while (this.at < this.end && this.peek() != 0x22) {
      if (this.peek() == 0x5c) {
        escaped = true;
        this.at++;
      }
      this.at++;
    }
    const text = String.UTF8.decodeUnsafe(from, min(this.at, this.end) - from);
    this.at++;
    return escaped ? unescaped(text) : text;
  }
}

function isNumeric(sign: i32): bool {
  return (sign >= 0x30 && sign <= 0x39) || sign == 0x2d || sign == 0x2b || sign == 0x2e || (sign | 0x20) == 0x65;
}

function unescaped(text: string): string {
  const parts: string[] = [];
  let from = 0;
  for (let at = text.indexOf('\\'); at >= 0; at = text.indexOf('\\', from)) {
    parts.push(text.substring(from, at));
    const sign = text.charAt(at + 1);
    const isCode = sign == 'u';
    parts.push(isCode ? String.fromCharCode(<i32>parseInt(text.substr(at + 2, 4), 16)) : plain(sign));
    from = at + (isCode ? 6 : 2);
  }
  parts.push(text.substring(from));
  return parts.join('');
}

function plain(sign: string): string {
  if (sign == 'n') return '\n';
  if (sign == 't') return '\t';
  if (sign == 'r') return '\r';
  if (sign == 'b') return '\b';
  if (sign == 'f') return '\f';
  return sign;
}

/** The value of a JSON text in memory. */
export function parse(at: usize, length: i32): Value {
  return new Reader(at, at + <usize>length).value(0);
}
