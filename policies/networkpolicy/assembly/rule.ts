// One rule of a policy as it stands in the input, and how its parts are written as a match of OVN (ovn-sb(5),
// "Expressions"). A rule is read once; the parts are looked at as often as there are families and kinds of ports.
//
//   u32 everybody (1: no peers are named)
//   u32 n, n of: u32 namespaces, u32 pods            codes of selectors, see index.ts
//   u32 n, n of: u32 kind, u32 number                what is no pod: 0 nodes of a selector, 1 a domain name
//   u32 n, n of: u32 offset, u32 length              IPv4 prefixes, text
//   u32 n, n of: u32 offset, u32 length              IPv6 prefixes, text
//   u32 everything (1: no ports are named)
//   u32 n, n of: u32 protocol, u32 kind, u32 a, u32 b
//                0 TCP, 1 UDP, 2 SCTP; kind 0 the whole protocol, 1 the ports a to b, 2 the port of name a
import { copy, decimal, text } from './arena';

export const WHOLE: u32 = 0;
export const NUMBERS: u32 = 1;
export const NAME: u32 = 2;

const PEER_BYTES: u32 = 8;
const OTHER_BYTES: u32 = 8;
const BLOCK_BYTES: u32 = 8;
const PORT_BYTES: u32 = 16;
const PROTOCOLS: u32 = 3;

let base: usize = 0;
let at: usize = 0;
let end: usize = 0;
/** The input ended early or names what lies outside of it: it is not one that our host wrote. */
export let malformed: bool = false;

export let everybody: bool = false;
export let peers: u32 = 0;
let peersAt: usize = 0;
export let others: u32 = 0;
let othersAt: usize = 0;
let blocks4: u32 = 0;
let blocks4At: usize = 0;
let blocks6: u32 = 0;
let blocks6At: usize = 0;
export let everything: bool = false;
export let ports: u32 = 0;
let portsAt: usize = 0;

export function open(input: usize, length: u32): void {
  base = input;
  at = input;
  end = input + length;
  malformed = false;
}

export function next(): u32 {
  if (at + 4 > end) {
    malformed = true;
    return 0;
  }
  const value = load<u32>(at);
  at += 4;
  return value;
}

/** Skips a list of records of this size, and answers how many there are. */
function list(size: u32): u32 {
  const count = next();
  if (<u64>count * size > <u64>(end - at)) {
    malformed = true;
    return 0;
  }
  return count;
}

export function read(): void {
  everybody = next() != 0;
  peers = list(PEER_BYTES);
  peersAt = at;
  at += peers * PEER_BYTES;
  others = list(OTHER_BYTES);
  othersAt = at;
  at += others * OTHER_BYTES;
  blocks4 = list(BLOCK_BYTES);
  blocks4At = at;
  at += blocks4 * BLOCK_BYTES;
  blocks6 = list(BLOCK_BYTES);
  blocks6At = at;
  at += blocks6 * BLOCK_BYTES;
  everything = next() != 0;
  ports = list(PORT_BYTES);
  portsAt = at;
  at += ports * PORT_BYTES;
}

export function blocks(family: u32): u32 {
  return family == 4 ? blocks4 : blocks6;
}

export function peerNamespaces(index: u32): u32 {
  return load<u32>(peersAt + index * PEER_BYTES);
}

export function peerPods(index: u32): u32 {
  return load<u32>(peersAt + index * PEER_BYTES, 4);
}

export function otherKind(index: u32): u32 {
  return load<u32>(othersAt + index * OTHER_BYTES);
}

export function otherNumber(index: u32): u32 {
  return load<u32>(othersAt + index * OTHER_BYTES, 4);
}

export function portProtocol(index: u32): u32 {
  return load<u32>(portsAt + index * PORT_BYTES);
}

export function portKind(index: u32): u32 {
  return load<u32>(portsAt + index * PORT_BYTES, 4);
}

/** First number, or the name's. */
export function portFirst(index: u32): u32 {
  return load<u32>(portsAt + index * PORT_BYTES, 8);
}

function portLast(index: u32): u32 {
  return load<u32>(portsAt + index * PORT_BYTES, 12);
}

export function hasNumbers(): bool {
  for (let index: u32 = 0; index < ports; index++) if (portKind(index) != NAME) return true;
  return false;
}

/** `ip4.src == ` or the like: where the other side stands. */
function side(family: u32, ingress: bool): void {
  text(family == 4 ? 'ip4.' : 'ip6.');
  text(ingress ? 'src == ' : 'dst == ');
}

/** The sets from `first` on and the prefixes of the family, as the value of a comparison. */
function values(sets: u32, prefixes: u32, family: u32): void {
  const several = sets + prefixes > 1;
  if (several) text('{');
  for (let index: u32 = 0; index < sets; index++) {
    text(index > 0 ? ', $' : '$');
    decimal(index);
  }
  const from = family == 4 ? blocks4At : blocks6At;
  for (let index: u32 = 0; index < prefixes; index++) {
    if (index + sets > 0) text(', ');
    const offset = load<u32>(from + index * BLOCK_BYTES);
    const length = load<u32>(from + index * BLOCK_BYTES, 4);
    if (<u64>base + offset + length > <u64>end) malformed = true;
    else copy(base + offset, length);
  }
  if (several) text('}');
}

/** Peers whose ports have numbers: who may, by address. */
export function writePeers(family: u32, ingress: bool): void {
  if (everybody) {
    text(family == 4 ? ' && ip4' : ' && ip6');
    return;
  }
  text(' && ');
  side(family, ingress);
  values(peers + others, blocks(family), family);
}

/** A pod that is met behind its own Service: it comes from one address, by a port of its own group. */
export function writeSelf(family: u32): void {
  text(' && inport == @ && ');
  side(family, true);
  text('!');
}

/**
 * Sets of a match whose peers have a port of a name: those of the peers, and one of everybody for prefixes. What is no
 * pod has no such port.
 */
export function namedSets(family: u32): u32 {
  if (everybody) return 1;
  return peers + (blocks(family) > 0 ? 1 : 0);
}

/** Peers that have a port of the name; of a prefix those pods in it that have one. */
export function writeNamedPeers(family: u32): void {
  text(' && ');
  if (everybody) {
    side(family, false);
    text('$0');
    return;
  }
  const prefixes = blocks(family);
  if (peers > 0 && prefixes > 0) text('(');
  if (peers > 0) {
    side(family, false);
    values(peers, 0, family);
  }
  if (prefixes == 0) return;
  if (peers > 0) text(' || (');
  side(family, false);
  values(0, prefixes, family);
  text(' && ');
  side(family, false);
  text('$');
  decimal(peers);
  if (peers > 0) text('))');
}

export function writeProtocol(protocol: u32): void {
  text(protocol == 0 ? 'tcp' : protocol == 1 ? 'udp' : 'sctp');
}

/** All ports that have numbers, and whole protocols. */
export function writePorts(): void {
  text(' && ');
  const several = alternatives() > 1;
  if (several) text('(');
  let written: u32 = 0;
  for (let protocol: u32 = 0; protocol < PROTOCOLS; protocol++) written = writeNumbers(protocol, written);
  if (several) text(')');
}

function isWhole(protocol: u32): bool {
  for (let index: u32 = 0; index < ports; index++)
    if (portProtocol(index) == protocol && portKind(index) == WHOLE) return true;
  return false;
}

function isNumber(index: u32, protocol: u32): bool {
  return portProtocol(index) == protocol && portKind(index) == NUMBERS;
}

function singles(protocol: u32): u32 {
  let count: u32 = 0;
  for (let index: u32 = 0; index < ports; index++)
    if (isNumber(index, protocol) && portFirst(index) == portLast(index)) count++;
  return count;
}

function ranges(protocol: u32): u32 {
  let count: u32 = 0;
  for (let index: u32 = 0; index < ports; index++)
    if (isNumber(index, protocol) && portFirst(index) != portLast(index)) count++;
  return count;
}

function alternatives(): u32 {
  let count: u32 = 0;
  for (let protocol: u32 = 0; protocol < PROTOCOLS; protocol++) {
    if (isWhole(protocol)) count++;
    else count += (singles(protocol) > 0 ? 1 : 0) + ranges(protocol);
  }
  return count;
}

function writeNumbers(protocol: u32, written: u32): u32 {
  if (isWhole(protocol)) {
    or(written);
    writeProtocol(protocol);
    return written + 1;
  }
  const alone = singles(protocol);
  if (alone > 0) {
    or(written++);
    writeSingles(protocol, alone);
  }
  for (let index: u32 = 0; index < ports; index++) {
    if (!isNumber(index, protocol) || portFirst(index) == portLast(index)) continue;
    or(written++);
    decimal(portFirst(index));
    text(' <= ');
    writeProtocol(protocol);
    text('.dst <= ');
    decimal(portLast(index));
  }
  return written;
}

function writeSingles(protocol: u32, count: u32): void {
  writeProtocol(protocol);
  text(count > 1 ? '.dst == {' : '.dst == ');
  let written: u32 = 0;
  for (let index: u32 = 0; index < ports; index++) {
    if (!isNumber(index, protocol) || portFirst(index) != portLast(index)) continue;
    if (written++ > 0) text(', ');
    decimal(portFirst(index));
  }
  if (count > 1) text('}');
}

function or(written: u32): void {
  if (written > 0) text(' || ');
}
