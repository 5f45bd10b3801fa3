// What the keys of one subnet hold, and who has which MAC. MACs are numbers here: to look up a new text costs its hash; and of
// a MAC the low 30 bits, which are a number without an object of its own. The maps are made when they are first needed, since
// most of what a subnet without pods takes would be theirs.
import { parseMac } from '../../lib/net/index.ts';

/** Texts only: they are what comes in and goes out, and to read an address costs less than to keep it twice. */
export interface Held {
  readonly addresses: readonly string[];
  readonly mac: string;
  /** Asked for by address: free at once when released. */
  readonly fixed: boolean;
}

export class Holders {
  #held: Map<string, Held> | undefined;
  /** Who has a MAC with these low bits. */
  #macs: Map<number, string> | undefined;
  /** Who else has one: rarely another MAC, or the same, since objects of the API may share one. In the order of their coming. */
  #further: Map<number, string[]> | undefined;

  get(key: string): Held | undefined {
    return this.#held?.get(key);
  }

  /** Who has a MAC; of several the first. */
  holderOf(mac: number): string | undefined {
    const first = this.#macs?.get(lowBits(mac));
    if (first === undefined || this.#has(first, mac)) return first;
    return this.#further?.get(lowBits(mac))?.find((key) => this.#has(key, mac));
  }

  #has(key: string, mac: number): boolean {
    return parseMac(this.#held?.get(key)?.mac ?? '') === mac;
  }

  get size(): number {
    return this.#held?.size ?? 0;
  }

  /** All that is held, without order. */
  *addresses(): Generator<string> {
    for (const { addresses } of this.#held?.values() ?? []) yield* addresses;
  }

  /** Of a key that holds nothing; to hold nothing is not to hold. `mac`: that of `held`, when the caller has it as a number. */
  add(key: string, held: Held, mac = parseMac(held.mac)): void {
    if (held.addresses.length === 0 && held.mac === '') return;
    (this.#held ??= new Map()).set(key, held);
    if (mac !== undefined) this.#addMac(mac, key);
  }

  /** What the key held. */
  remove(key: string): Held | undefined {
    const held = this.#held?.get(key);
    if (!held) return undefined;
    this.#held?.delete(key);
    const mac = parseMac(held.mac);
    if (mac !== undefined) this.#removeMac(mac, key);
    return held;
  }

  #addMac(mac: number, key: string): void {
    const bits = lowBits(mac);
    this.#macs ??= new Map();
    if (!this.#macs.has(bits)) {
      this.#macs.set(bits, key);
      return;
    }
    this.#further ??= new Map();
    this.#further.set(bits, [...(this.#further.get(bits) ?? []), key]);
  }

  #removeMac(mac: number, key: string): void {
    const bits = lowBits(mac);
    const [next, ...others] = this.#further?.get(bits)?.filter((other) => other !== key) ?? [];
    if (this.#macs?.get(bits) !== key) this.#line(bits, next === undefined ? [] : [next, ...others]);
    else if (next === undefined) this.#macs.delete(bits);
    else {
      this.#macs.set(bits, next);
      this.#line(bits, others);
    }
  }

  #line(bits: number, keys: string[]): void {
    if (keys.length > 0) this.#further?.set(bits, keys);
    else this.#further?.delete(bits);
  }
}

const lowBits = (mac: number): number => mac & 0x3fff_ffff;
