// What a NetworkPolicy says, as ACL templates. Called once per policy that changes, never per pod: a template names
// groups and sets by place-holders, and who is in them is joined outside. No names and no labels come in here: selectors
// and port names are numbers of the host's.
//
//   input   u32 types (bit 0 Ingress, bit 1 Egress; 0: policyTypes is not given)
//           u32 rules of ingress, u32 rules of egress, then the rules (rule.ts), then text that they refer to by offset
//           namespaces of a peer: 0 the policy's own, 1 all, n + 2 those of selector n; pods: 0 all, n + 1 selector n
//   answer  u32 isolated directions (as types), then templates until the end:
//           u32 direction (0 ingress, 1 egress), u32 index of the rule, u32 family (4, 6)
//           u32 named (0: ports have numbers; 1: the subject's port has a name; 2: the peer's), u32 name, u32 protocol
//           u32 n, n of: u32 namespaces, u32 pods     what the sets $0, $1, ... are of
//           u32 bytes of text, text, padded to a word
//   text    a match of OVN with `@` for the subject's group, `$n` for a set and `#` for the number behind a port's name
import { align, answer, answered, begin, clear, exhausted, place, reserve, text, word } from './arena';
import {
  NAME,
  blocks,
  everybody,
  everything,
  hasNumbers,
  malformed,
  namedSets,
  next,
  open,
  peerNamespaces,
  peerPods,
  peers,
  portFirst,
  portKind,
  portProtocol,
  ports,
  read,
  writeNamedPeers,
  writePeers,
  writePorts,
  writeProtocol,
} from './rule';

const OK: u32 = 0;
const MALFORMED: u32 = 1;
const NO_MEMORY: u32 = 2;

const INGRESS: u32 = 1;
const EGRESS: u32 = 2;

const ANY_NAMESPACE: u32 = 1;
const ALL_PODS: u32 = 0;

const BY_NUMBER: u32 = 0;
const BY_SUBJECT: u32 = 1;
const BY_PEER: u32 = 2;

/** Version of this interface; the host refuses another one. */
export function abi_version(): u32 {
  return 1;
}

/** Forgets everything. */
export function reset(): void {
  clear();
}

/** Room for the input, 0 when the memory's maximum is reached. */
export function alloc(size: u32): u32 {
  return <u32>reserve(size);
}

export function result_ptr(): u32 {
  return answer();
}

export function result_len(): u32 {
  return answered();
}

/** 0 ok, 1 the input is not of this form, 2 out of memory. */
export function translate(input: u32, length: u32): u32 {
  begin();
  open(input, length);
  const given = next();
  const ingress = next();
  const egress = next();
  const directions = isolated(given, egress);
  word(directions);
  for (let index: u32 = 0; index < ingress && !malformed; index++) rule(true, index, (directions & INGRESS) != 0);
  for (let index: u32 = 0; index < egress && !malformed; index++) rule(false, index, (directions & EGRESS) != 0);
  if (malformed) return MALFORMED;
  return exhausted ? NO_MEMORY : OK;
}

/** NetworkPolicySpec.policyTypes: without it ingress always is, and egress when there are rules of it. */
function isolated(given: u32, egressRules: u32): u32 {
  if (given != 0) return given;
  return egressRules > 0 ? INGRESS | EGRESS : INGRESS;
}

/** Rules of a direction that policyTypes leaves out mean nothing, whatever other policies isolate. */
function rule(ingress: bool, index: u32, counts: bool): void {
  read();
  if (malformed || !counts) return;
  ofFamily(ingress, index, 4);
  ofFamily(ingress, index, 6);
}

function ofFamily(ingress: bool, index: u32, family: u32): void {
  if (!everybody && peers == 0 && blocks(family) == 0) return;
  if (everything || hasNumbers()) numbered(ingress, index, family);
  for (let port: u32 = 0; port < ports; port++) if (portKind(port) == NAME) named(ingress, index, family, port);
}

function head(ingress: bool, index: u32, family: u32): void {
  word(ingress ? 0 : 1);
  word(index);
  word(family);
}

function subject(ingress: bool): void {
  text(ingress ? 'outport == @' : 'inport == @');
}

function writePeerSets(): void {
  for (let peer: u32 = 0; peer < peers; peer++) {
    word(peerNamespaces(peer));
    word(peerPods(peer));
  }
}

function numbered(ingress: bool, index: u32, family: u32): void {
  head(ingress, index, family);
  word(BY_NUMBER);
  word(0);
  word(0);
  word(everybody ? 0 : peers);
  if (!everybody) writePeerSets();
  const length = place();
  word(0);
  subject(ingress);
  writePeers(family, ingress);
  if (!everything) writePorts();
  finish(length);
}

function named(ingress: bool, index: u32, family: u32, port: u32): void {
  head(ingress, index, family);
  word(ingress ? BY_SUBJECT : BY_PEER);
  word(portFirst(port));
  word(portProtocol(port));
  if (ingress) {
    word(everybody ? 0 : peers);
    if (!everybody) writePeerSets();
  } else {
    const count = namedSets(family);
    word(count);
    if (!everybody) writePeerSets();
    if (everybody || count > peers) {
      word(ANY_NAMESPACE);
      word(ALL_PODS);
    }
  }
  const length = place();
  word(0);
  subject(ingress);
  if (ingress) writePeers(family, true);
  else writeNamedPeers(family);
  text(' && ');
  writeProtocol(portProtocol(port));
  text('.dst == #');
  finish(length);
}

/** Notes how long the text behind a length word has become. */
function finish(length: usize): void {
  if (exhausted) return;
  store<u32>(length, <u32>(place() - length - 4));
  align();
}
