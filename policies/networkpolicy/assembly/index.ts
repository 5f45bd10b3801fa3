// What a NetworkPolicy says, or a policy of the administrator's, as ACL templates. Called once per policy that changes,
// never per pod: a template names groups and sets by place-holders, and who is in them is joined outside. No names and no
// labels come in here: selectors and port names are numbers of the host's.
//
//   input   u32 types (bit 0 Ingress, bit 1 Egress; neither: policyTypes is not given; bit 2: a pod that is met behind its
//               own Service is judged like any other peer, for who judges it otherwise: by a policy's default)
//           u32 rules of ingress, u32 rules of egress, then the rules (rule.ts), then text that they refer to by offset
//           namespaces of a peer: 0 the policy's own, 1 all, n + 2 those of selector n; pods: 0 all, n + 1 selector n
//   answer  u32 isolated directions (as types), then templates until the end:
//           u32 direction (0 ingress, 1 egress), u32 index of the rule, u32 family (4, 6)
//           u32 self (1: the rule is of a pod that is met behind its own Service)
//           u32 named (0: ports have numbers; 1: the subject's port has a name; 2: the peer's), u32 name, u32 protocol
//           u32 n, n of: u32 namespaces, u32 pods     what the sets $0, $1, ... are of; for what is no pod
//               0xfffffffe and the number of a selector of nodes, 0xffffffff and that of a domain name
//           u32 bytes of text, text, padded to a word
//   text    a match of OVN with `@` for the subject's group (with `self`: of those of it that are in one of the sets), `$n`
//           for a set, `#` for the number behind a port's name, `!` for the address of a pod behind its own Service
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
  otherKind,
  otherNumber,
  others,
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
  writeSelf,
} from './rule';

const OK: u32 = 0;
const MALFORMED: u32 = 1;
const NO_MEMORY: u32 = 2;

const INGRESS: u32 = 1;
const EGRESS: u32 = 2;
const SELF: u32 = 4;

const ANY_NAMESPACE: u32 = 1;
const ALL_PODS: u32 = 0;
const NO_POD: u32 = 0xfffffffe;

const BY_NUMBER: u32 = 0;
const BY_SUBJECT: u32 = 1;
const BY_PEER: u32 = 2;

let judgesSelf: bool = false;

/** Version of this interface; the host refuses another one. */
export function abi_version(): u32 {
  return 2;
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
  const types = next();
  judgesSelf = (types & SELF) != 0;
  const given = types & (INGRESS | EGRESS);
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
  if (!everybody && peers + others + blocks(family) == 0) return;
  template(ingress, index, family, false);
  if (judgesSelf && ingress && !everybody && peers > 0) template(true, index, family, true);
}

function template(ingress: bool, index: u32, family: u32, self: bool): void {
  if (everything || hasNumbers()) {
    head(ingress, index, family, self);
    numbered(ingress, family, self);
  }
  for (let port: u32 = 0; port < ports; port++) {
    if (portKind(port) != NAME || (!ingress && namedSets(family) == 0)) continue;
    head(ingress, index, family, self);
    named(ingress, family, port, self);
  }
}

function head(ingress: bool, index: u32, family: u32, self: bool): void {
  word(ingress ? 0 : 1);
  word(index);
  word(family);
  word(self ? 1 : 0);
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

/** The sets of all peers, as many as there are. */
function writeSets(self: bool): void {
  const more: u32 = self ? 0 : others;
  word(everybody ? 0 : peers + more);
  if (everybody) return;
  writePeerSets();
  for (let other: u32 = 0; other < more; other++) {
    word(NO_POD + otherKind(other));
    word(otherNumber(other));
  }
}

function numbered(ingress: bool, family: u32, self: bool): void {
  word(BY_NUMBER);
  word(0);
  word(0);
  writeSets(self);
  const length = place();
  word(0);
  subject(ingress);
  if (self) writeSelf(family);
  else writePeers(family, ingress);
  if (!everything) writePorts();
  finish(length);
}

function named(ingress: bool, family: u32, port: u32, self: bool): void {
  word(ingress ? BY_SUBJECT : BY_PEER);
  word(portFirst(port));
  word(portProtocol(port));
  if (ingress) writeSets(self);
  else writeNamedSets(family);
  const length = place();
  word(0);
  subject(ingress);
  if (self) writeSelf(family);
  else if (ingress) writePeers(family, true);
  else writeNamedPeers(family);
  text(' && ');
  writeProtocol(portProtocol(port));
  text('.dst == #');
  finish(length);
}

function writeNamedSets(family: u32): void {
  const count = namedSets(family);
  word(count);
  if (!everybody) writePeerSets();
  if (everybody || count > peers) {
    word(ANY_NAMESPACE);
    word(ALL_PODS);
  }
}

/** Notes how long the text behind a length word has become. */
function finish(length: usize): void {
  if (exhausted) return;
  store<u32>(length, <u32>(place() - length - 4));
  align();
}
