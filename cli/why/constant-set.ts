// The numbers of a comparison, also those of an address set: whether one of them is a value, in time that depends on the
// number of different masks alone.
import { widthOf, type Constant } from './token.ts';

export class ConstantSet {
  readonly constants: readonly Constant[];
  /** Bits that the widest constant needs. */
  readonly width: number;
  readonly #whole = new Map<number, Members>();

  constructor(constants: readonly Constant[]) {
    this.constants = constants;
    this.width = Math.max(0, ...constants.map(widthOf));
  }

  /** The constants as values of so many bits; what they have above is cut off, as OVN does. */
  members(bits: number): Members {
    let members = this.#whole.get(bits);
    if (members === undefined) this.#whole.set(bits, (members = new Members(this.constants, bits)));
    return members;
  }
}

export class Members {
  readonly #byMask = new Map<bigint, Set<bigint>>();

  constructor(constants: readonly Constant[], bits: number) {
    const ones = (1n << BigInt(bits)) - 1n;
    for (const { value, mask = ones } of constants) {
      const effective = mask & ones;
      const values = this.#byMask.get(effective) ?? new Set();
      this.#byMask.set(effective, values.add(value & effective));
    }
  }

  has(value: bigint): boolean {
    for (const [mask, values] of this.#byMask) if (values.has(value & mask)) return true;
    return false;
  }
}
