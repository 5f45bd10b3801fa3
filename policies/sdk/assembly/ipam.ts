// Hook `ipam`: which of the subnets, pools and addresses that an interface is offered it gets.
//
//   export function evaluate(input: Value, settings: Value, choice: Choice): void
//   export function validate(settings: Value): string        // "" or what is wrong
import { Value } from './json';

export { Value } from './json';
export { refuse } from './abi';

/** What is left over, in order of preference: what is added first is tried first. Nothing added: no opinion. */
export class Choice {
  private readonly fields: Value = Value.object();

  /** A subnet that was offered. */
  subnet(name: string): Choice {
    return this.into('subnets', Value.text(name));
  }

  /** A pool that was offered. Pools and addresses exclude each other. */
  pool(name: string): Choice {
    return this.into('pools', Value.text(name));
  }

  /** An address, or one of each family; a family that is left out is chosen by Kubeloom. */
  address(one: string, other: string = ''): Choice {
    const set = Value.list().add(Value.text(one));
    if (other.length > 0) set.add(Value.text(other));
    return this.into('addresses', set);
  }

  /** No address at all, and why: the user is told. Whatever else was chosen is void. */
  deny(message: string): void {
    this.fields.set('denied', Value.text(message));
  }

  /** The answer, for the generated entry. */
  toString(): string {
    const denied = this.fields.get('denied');
    return denied.isNull ? this.fields.toString() : Value.object().set('denied', denied).toString();
  }

  private into(list: string, entry: Value): Choice {
    if (!this.fields.has(list)) this.fields.set(list, Value.list());
    this.fields.get(list).add(entry);
    return this;
  }
}

/** The entry of a list of the offer with this name; null when it was not offered. */
export function named(list: Value, name: string): Value {
  for (let at = 0; at < list.length; at++) if (list.at(at).get('name').text() == name) return list.at(at);
  return new Value();
}
