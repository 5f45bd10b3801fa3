// The canonical form of a policy, as words for its module: selectors and port names become numbers, excepted addresses
// are taken out of their prefix. Two policies of one form have one translation.
import { cidrRange, formatCidr, parseCidr, rangeCidrs, subtractRanges } from '../../lib/net/index.ts';
import type { Cidr, Family } from '../../lib/net/index.ts';
import type { Selector } from '../../lib/graph/selector.ts';
import { directions, protocols } from '../api/policy-row.ts';
import type { Direction, PolicyPeer, PolicyPort, PolicyRule } from '../api/policy-row.ts';

export interface Form {
  /** policies/networkpolicy/assembly/index.ts draws it. */
  readonly bytes: Uint8Array;
  /** What the numbers stand for. */
  readonly selectors: readonly Selector[];
  readonly names: readonly string[];
  readonly domains: readonly string[];
  readonly faults: readonly string[];
}

/** What a policy says of its subject, whoever that is. */
export interface Sayings {
  /** Directions that are isolated; none: the rules tell. */
  readonly types: readonly Direction[];
  readonly rules: Readonly<Record<Direction, readonly PolicyRule[]>>;
}

/** Bit of the first word: a pod that is met behind its own Service is judged like any other. */
const SELF = 4;

const WHOLE = 0;
const NUMBERS = 1;
const NAME = 2;

/** A prefix without its exceptions, as text that stands in a match. */
interface Block {
  readonly family: Family;
  readonly text: string;
}

/** `judgesSelf`: no default of the policy's judges a pod behind its own Service. */
export function formOf(policy: Sayings, judgesSelf: boolean): Form {
  const writer = new Writer();
  writer.word(policy.types.reduce((mask, type) => mask | (1 << directions.indexOf(type)), judgesSelf ? SELF : 0));
  for (const direction of directions) writer.word(policy.rules[direction].length);
  for (const direction of directions) for (const rule of policy.rules[direction]) writer.rule(rule);
  const { selectors, names, domains, faults } = writer;
  return { bytes: writer.bytes(), selectors, names, domains, faults };
}

class Writer {
  readonly selectors: Selector[] = [];
  readonly names: string[] = [];
  readonly domains: string[] = [];
  readonly faults: string[] = [];
  readonly #words: number[] = [];
  readonly #codes = new Map<string, number>();
  /** Where words must be raised by the length of the words once it is known. */
  readonly #offsets: number[] = [];
  #text = '';

  word(value: number): void {
    this.#words.push(value);
  }

  rule({ peers, ports }: PolicyRule): void {
    this.word(peers === undefined ? 1 : 0);
    this.#peers(peers ?? []);
    this.word(ports === undefined ? 1 : 0);
    this.#ports(ports ?? []);
  }

  bytes(): Uint8Array {
    const words = Uint32Array.from(this.#words);
    for (const at of this.#offsets) words[at] = (words[at] ?? 0) + words.byteLength;
    const out = new Uint8Array(words.byteLength + this.#text.length);
    out.set(new Uint8Array(words.buffer));
    // Addresses only: ASCII.
    for (let at = 0; at < this.#text.length; at++) out[words.byteLength + at] = this.#text.charCodeAt(at);
    return out;
  }

  #peers(peers: readonly PolicyPeer[]): void {
    const pods = peers.filter((peer) => 'pods' in peer);
    this.word(pods.length);
    for (const { namespaces, pods: selector } of pods) {
      this.word(this.#namespaces(namespaces));
      this.word(this.#code(selector, 1));
    }
    this.#others(peers);
    const blocks = peers.flatMap((peer) => ('cidr' in peer ? this.#blocks(peer.cidr, peer.except) : []));
    for (const family of [4, 6] as const) {
      const own = blocks.filter((block) => block.family === family);
      this.word(own.length);
      for (const { text } of own) {
        this.#offsets.push(this.#words.length);
        this.word(this.#text.length);
        this.word(text.length);
        this.#text += text;
      }
    }
  }

  /** Peers that are no pods. */
  #others(peers: readonly PolicyPeer[]): void {
    const others = peers.filter((peer) => 'nodes' in peer || 'domain' in peer);
    this.word(others.length);
    for (const peer of others) {
      if ('nodes' in peer) this.#words.push(0, this.#code(peer.nodes, 1));
      else this.#words.push(1, indexIn(this.domains, peer.domain));
    }
  }

  #namespaces(selector: Selector | undefined): number {
    return selector === undefined ? 0 : this.#code(selector, 2) || 1;
  }

  /** 0 for the empty selector, which asks for nothing. */
  #code(selector: Selector, first: number): number {
    if (selector.length === 0) return 0;
    const text = JSON.stringify(selector);
    let index = this.#codes.get(text);
    if (index === undefined) {
      index = this.selectors.push(selector) - 1;
      this.#codes.set(text, index);
    }
    return index + first;
  }

  #ports(ports: readonly PolicyPort[]): void {
    this.word(ports.length);
    for (const { protocol, port, endPort } of ports) {
      this.word(protocols.indexOf(protocol));
      if (port === undefined) this.#port(WHOLE, 0, 0);
      else if (typeof port === 'number') this.#port(NUMBERS, port, endPort ?? port);
      else this.#port(NAME, indexIn(this.names, port), 0);
    }
  }

  #port(kind: number, first: number, last: number): void {
    this.#words.push(kind, first, last);
  }

  #blocks(text: string, except: readonly string[]): Block[] {
    const cidr = this.#cidr(text);
    if (!cidr) return [];
    const less = except.map((part) => this.#cidr(part));
    // Without one of its exceptions it would let in whom it was meant to keep out.
    if (!less.every((part) => part !== undefined)) return [];
    const left = subtractRanges([cidrRange(cidr)], less.filter(({ family }) => family === cidr.family).map(cidrRange));
    return left.flatMap(rangeCidrs).map((part) => ({ family: part.family, text: formatCidr(part) }));
  }

  #cidr(text: string): Cidr | undefined {
    const cidr = parseCidr(text);
    if (!cidr)
      this.faults.push(`${JSON.stringify(text.slice(0, 64))} is not a CIDR, and what it is part of is left out`);
    return cidr;
  }
}

function indexIn(list: string[], text: string): number {
  const known = list.indexOf(text);
  return known >= 0 ? known : list.push(text) - 1;
}
