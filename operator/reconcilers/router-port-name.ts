// The names of the link between a switch and its router. They are made of two names joined by "-", so two pairs can come
// to one, and so can a node's port or a pod's: the later in the order of names gets a suffix.
import { owner as ownerOf } from '../../lib/delta/ids.ts';
import type { Fact, Ref } from '../api/fact.ts';
import { nodeIpName, objectKey, subnetRef } from '../api/refs.ts';
import type { Network } from '../api/tables.ts';
import { excludedSetName, routerPortName, suffixed, switchPortName } from '../nb/names.ts';
import { problem } from './reconciler.ts';
import type { WorldRead } from './reconciler.ts';

export interface RouterPortNames {
  readonly onRouter: string;
  readonly onSwitch: string;
  /** Names that are taken; empty as a rule. */
  readonly taken: readonly string[];
}

/** Keys of the index `networksByPort`. */
export function portKeys({ name, vpc, link }: Network): string[] {
  if (link === 'none') return [];
  const ports = [`lrp ${routerPortName(vpc, name)}`, `lsp ${switchPortName(name, vpc)}`];
  return link === 'interconnection' ? [...ports, setKey(name)] : ports;
}

const setKey = (subnet: string): string => `set ${excludedSetName(subnet, 4)}`;

/** Names of the sets of addresses that an interconnected subnet reaches by its own gateway, by family. */
export function excludedSetNames(
  network: Network,
  read: WorldRead,
): { readonly names: Readonly<Record<4 | 6, string>>; readonly taken: boolean } {
  const { name } = network;
  const taken = earlier(network, setKey(name), read);
  const called = (family: 4 | 6): string => {
    const plain = excludedSetName(name, family);
    return taken ? suffixed(plain, ownerOf(subnetRef(name))) : plain;
  };
  return { names: { 4: called(4), 6: called(6) }, taken };
}

export function routerPortNames(network: Network, read: WorldRead): RouterPortNames {
  const owner = ownerOf(subnetRef(network.name));
  const [lrp, lsp] = [routerPortName(network.vpc, network.name), switchPortName(network.name, network.vpc)];
  const lrpTaken = earlier(network, `lrp ${lrp}`, read);
  const lspTaken = earlier(network, `lsp ${lsp}`, read) || isVif(lsp, read);
  return {
    onRouter: lrpTaken ? suffixed(lrp, owner) : lrp,
    onSwitch: lspTaken ? suffixed(lsp, owner) : lsp,
    taken: [...(lrpTaken ? [lrp] : []), ...(lspTaken ? [lsp] : [])],
  };
}

const earlier = (network: Network, key: string, read: WorldRead): boolean =>
  read.at('networksByPort', key).some((other) => other.name < network.name);

/**
 * A node's port is `node-<node>`; a pod's is `<pod>.<namespace>`, and a namespace has no dot. That of a further interface
 * has the name of its IP object.
 */
export function isVif(name: string, read: WorldRead): boolean {
  const prefix = nodeIpName('');
  if ((read.get('ip', name)?.ownerUid ?? '') !== '') return true;
  if (name.startsWith(prefix) && read.get('node', name.slice(prefix.length))) return true;
  const dot = name.lastIndexOf('.');
  return dot > 0 && read.get('pod', objectKey(name.slice(dot + 1), name.slice(0, dot))) !== undefined;
}

/** The name, or another one with a problem when a port towards a router, of a node or of a pod has it. */
export function freePortName(about: Ref, plain: string, read: WorldRead): { port: string; taken: Fact[] } {
  const isTaken = read.at('networksByPort', `lsp ${plain}`).length > 0 || isVif(plain, read);
  if (!isTaken) return { port: plain, taken: [] };
  const taken = [problem(about, 'NameCollision', `${plain}: another port has this name`)];
  return { port: suffixed(plain, ownerOf(about)), taken };
}
