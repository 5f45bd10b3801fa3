// Rules on the switch of a subnet: what a private subnet keeps out, and the rules of its user. They take effect where
// packets go to a pod (to-lport), so that a pod of the subnet may begin a connection to anywhere: OVN tracks it, and its
// replies come in whatever the rules say of new ones.
import type { Fact } from '../api/fact.ts';
import { subnetRef } from '../api/refs.ts';
import type { Network } from '../api/tables.ts';
import { subnetAcl as priority } from '../nb/priorities.ts';
import { nodesSetName } from '../nb/names.ts';
import { switchAcl } from '../nb/rows/acl.ts';
import { nodesSetId } from '../nb/rows/address-set.ts';
import { namedId, notFilled, references, wanted } from './named.ts';
import { problem } from './reconciler.ts';
import type { Entry, WorldRead } from './reconciler.ts';

/** `join`: ranges of the nodes' join ports. */
export function* isolation(network: Network, join: readonly string[], read: WorldRead): Generator<Fact | Entry> {
  const { isPrivate, acls, allowInside } = network.isolation;
  if (isPrivate) yield* walls(network, join);
  for (const [at, rule] of acls.entries()) {
    const { rows } = references(rule.match, read);
    yield* rows.map(wanted);
    yield switchAcl(network.name, {
      name: `user/${at}`,
      ...rule,
      ...(rows.length > 0 && { needs: rows.map(namedId) }),
    });
  }
  if (acls.length > 0 && allowInside) yield* inside(network);
}

/** Sets that rules of the user name and that nobody fills: a rule that keeps out by one keeps nobody out. */
export function* emptySets({ name, isolation: { acls } }: Network, read: WorldRead): Generator<Fact> {
  for (const [at, { match }] of acls.entries())
    for (const text of references(match, read).empty)
      yield problem(subnetRef(name), 'AddressSetNotFound', `acls[${at}]: ${notFilled(text)}`);
}

const family = (cidr: string): 4 | 6 => (cidr.includes(':') ? 6 : 4);

function* walls({ name, cidrs, isolation: { allowSubnets } }: Network, join: readonly string[]): Generator<Fact> {
  const allow = (rule: string, match: string, level: number = priority.allow): Fact =>
    switchAcl(name, { name: rule, direction: 'to-lport', priority: level, match, action: 'allow-related' });
  yield switchAcl(name, {
    name: 'deny',
    direction: 'to-lport',
    priority: priority.deny,
    match: 'ip',
    action: 'drop',
    log: true,
  });
  for (const cidr of join) yield allow(`nodes/${family(cidr)}`, `ip${family(cidr)}.src == ${cidr}`, priority.fromNodes);
  for (const cidr of cidrs) {
    const ip = `ip${family(cidr)}`;
    yield probes(name, family(cidr));
    yield allow(`inside/${family(cidr)}`, `${ip}.src == ${cidr} && ${ip}.dst == ${cidr}`);
    // What leaves goes to the switch's port to the router, where `deny` would meet it.
    yield allow(`out/${family(cidr)}`, `${ip}.src == ${cidr} && ${ip}.dst != ${cidr}`);
    for (const other of allowSubnets.filter((text) => family(text) === family(cidr))) {
      yield allow(
        `subnet/${other}`,
        `(${ip}.src == ${cidr} && ${ip}.dst == ${other}) || (${ip}.src == ${other} && ${ip}.dst == ${cidr})`,
      );
    }
  }
}

/** Kubelets probe from the InternalIP of their node, which is the source of its routes to pods. */
const probes = (subnet: string, af: 4 | 6): Fact =>
  switchAcl(subnet, {
    name: `probes/${af}`,
    direction: 'to-lport',
    priority: priority.fromNodes,
    match: `ip${af}.src == $${nodesSetName(af)}`,
    action: 'allow-related',
    needs: [nodesSetId(af)],
  });

function* inside({ name, cidrs }: Network): Generator<Fact> {
  for (const cidr of cidrs) {
    const match = `ip${family(cidr)}.src == ${cidr} && ip${family(cidr)}.dst == ${cidr}`;
    for (const direction of ['to-lport', 'from-lport'] as const) {
      yield switchAcl(name, {
        name: `inside/${direction}/${family(cidr)}`,
        direction,
        priority: priority.insideDespiteRules,
        match,
        action: 'allow',
      });
    }
  }
}
