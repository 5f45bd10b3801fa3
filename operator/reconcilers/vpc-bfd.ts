// The router port of a VPC that carries BFD with gateway pods and nothing else, and the nodes of which one hosts it.
import { owner as ownerOf } from '../../lib/delta/ids.ts';
import { canonicalIp, derivedMac } from '../../lib/net/index.ts';
import type { Fact, JsonObject } from '../api/fact.ts';
import { commaList } from '../api/json.ts';
import { matches, requiredLabel, selectorOf } from '../api/labels.ts';
import { vpcRef } from '../api/refs.ts';
import type { NodeRow, VpcRow } from '../api/tables.ts';
import type { VpcSpec } from '../api/vpc.gen.ts';
import { bfdPortName } from '../nb/names.ts';
import { chassisGroup, chassisGroupId } from '../nb/rows/ha-chassis.ts';
import { bfdPort as portRow } from '../nb/rows/router.ts';
import { clusterOf, problem } from './reconciler.ts';
import type { WorldRead } from './reconciler.ts';

/** Without a selector no more nodes than this are chosen. */
const unselected = 3;

interface Host {
  readonly node: string;
  readonly chassis: string;
}

interface BfdPort {
  readonly name: string;
  /** Canonical, without prefix length. */
  readonly addresses: readonly string[];
  /** The preferred one first. */
  readonly hosts: readonly Host[];
}

export function* bfdPort(row: VpcRow, read: WorldRead): Generator<Fact> {
  const vpc = row.meta.name;
  const found = wanted(row, read);
  if (typeof found === 'string') yield problem(vpcRef(vpc), 'BfdPortInvalid', found);
  if (found === undefined || typeof found === 'string') return;
  const { name, addresses, hosts } = found;
  const owner = ownerOf(vpcRef(vpc));
  const mac = derivedMac(clusterOf(read).salt, name);
  const networks = addresses.map((address) => `${address}/${address.includes(':') ? 128 : 32}`);
  yield portRow({ owner, vpc, name, mac, networks, group: chassisGroupId(owner, name) });
  yield* chassisGroup({ owner, name, chassis: hosts.map(({ chassis }) => chassis) });
}

/** status.bfdPort, nothing without a port. */
export function bfdPortStatus(row: VpcRow, read: WorldRead): JsonObject {
  const found = wanted(row, read);
  if (found === undefined || typeof found === 'string') return {};
  const { name, addresses, hosts } = found;
  return { bfdPort: { name, ip: addresses.join(','), nodes: hosts.map(({ node }) => node) } };
}

/** The port, or what is wrong with it; undefined when none is asked for. */
function wanted({ meta, spec }: VpcRow, read: WorldRead): BfdPort | string | undefined {
  // The API server has seen to the types of the fields, by the schema of the CRD.
  const { bfdPort: given }: VpcSpec = spec;
  if (given?.enabled !== true) return undefined;
  const texts = commaList(given.ip ?? '');
  const addresses = texts.map(canonicalIp).filter((address) => address !== undefined);
  const families = new Set(addresses.map((address) => address.includes(':')));
  if (addresses.length === 0 || addresses.length < texts.length || families.size < addresses.length) {
    return `bfdPort.ip '${given.ip ?? ''}' is neither an address nor one of each family`;
  }
  const hosts = hostsOf(given, read);
  return hosts.length > 0
    ? { name: bfdPortName(meta.name), addresses, hosts }
    : 'no node of bfdPort has told its chassis yet, or none is selected';
}

function hostsOf({ nodeSelector }: NonNullable<VpcSpec['bfdPort']>, read: WorldRead): Host[] {
  const selector = selectorOf(nodeSelector);
  const hosts = read
    .at('nodesByLabel', requiredLabel(selector))
    .filter(({ meta }) => !meta.deleting && matches(selector, meta.labels))
    .map(hostOf)
    .filter(({ chassis }) => chassis !== '')
    .sort((a, b) => (a.node < b.node ? -1 : 1));
  return nodeSelector === undefined ? hosts.slice(0, unselected) : hosts;
}

const hostOf = ({ meta }: NodeRow): Host => ({
  node: meta.name,
  chassis: meta.annotations['ovn.kubernetes.io/chassis'] ?? '',
});
