// A subnet in the API: the defaults written into its spec, its status, what is wrong with it, and why it may not go.
import { owner as ownerOf } from '../../lib/delta/ids.ts';
import { natRuleFields } from '../api/egress.ts';
import type { Fact, HoldFact, JsonObject } from '../api/fact.ts';
import { defaultsManager } from '../api/managers.ts';
import { subnetRef } from '../api/refs.ts';
import type { Network, SubnetRow, WayOut } from '../api/tables.ts';
import { subnetCounts } from './counts.ts';
import { subnetDhcpIds } from './dhcp.ts';
import { querierFields } from './multicast.ts';
import { emptySets } from './isolation.ts';
import { findingsOf } from './network.ts';
import { addressesOfOthers, ownAddress, ownDemands } from './own-address.ts';
import { excludedSetNames, routerPortNames } from './router-port-name.ts';
import { problem } from './reconciler.ts';
import type { Reconciler, WorldRead } from './reconciler.ts';
import { unassigned } from './unassigned.ts';
import { underlayProblems } from './underlay.ts';

export const subnetStatus: Reconciler<SubnetRow> = {
  kind: 'Subnet',
  *desired(row, read) {
    const { name } = row.meta;
    const about = subnetRef(name);
    const owner = ownerOf(about);
    const checked = read.get('checked', name);
    if (!checked) return;
    if (Object.keys(checked.defaults).length > 0) {
      const manifest = { spec: checked.defaults };
      const { uid } = row.meta;
      yield { object: about, manifest, owner, manager: defaultsManager, generated: false, yields: true, uid };
    }
    const findings = findingsOf(checked, read);
    for (const { reason, message } of [...findings, ...checked.notices]) yield problem(about, reason, message);
    const network = read.get('network', name);
    if (network && findings.length === 0) yield* linkProblems(network, read);
    const usage = read.get('usage', name);
    // Without counts nothing is said at all: to leave them out would remove them.
    if (usage || !network) {
      const ready = readyReason(network);
      yield { status: about, generation: row.meta.generation, owner, fields: fields(row, read), ready };
    }
    if (row.meta.deleting) yield* holds(name, read);
  },
};

function readyReason(network: Network | undefined): string {
  if (network?.switched === false) return 'SetNonOvnSubnetSuccess';
  return network?.isolation.isPrivate === true ? 'SetPrivateLogicalSwitchSuccess' : 'ResetLogicalSwitchAclSuccess';
}

function* linkProblems(network: Network, read: WorldRead): Generator<Fact> {
  const about = subnetRef(network.name);
  if (!network.switched) return;
  if (!read.get('realm', network.vpc)) yield problem(about, 'VpcNotFound', `VPC ${network.vpc} does not exist`);
  yield* collisions(network, read);
  yield* emptySets(network, read);
  for (const ip of ownDemands(network)) yield* unassigned(ip, about, read);
  yield* underlayProblems(network, read);
  const way = read.get('wayOut', network.name);
  if (!way || way.active.length > 0) return;
  const nodes = way.listed.map(({ name }) => name).join(', ') || 'none is named or selected';
  const reason = network.ecmp ? 'NoReadyGateway' : 'NoActiveGatewayFound';
  yield problem(about, reason, `no gateway node is ready and has its join address (${nodes})`);
}

function* collisions(network: Network, read: WorldRead): Generator<Fact> {
  const about = subnetRef(network.name);
  if (network.link === 'none') return;
  const { taken } = routerPortNames(network, read);
  if (taken.length > 0) yield problem(about, 'NameCollision', `${taken.join(', ')}: another port has this name`);
  if (network.link !== 'interconnection') return;
  const sets = excludedSetNames(network, read);
  if (sets.taken)
    yield problem(
      about,
      'NameCollision',
      `address set ${sets.names[4]}: another subnet has its name without the suffix`,
    );
}

function fields(row: SubnetRow, read: WorldRead): JsonObject {
  const network = read.get('network', row.meta.name);
  const usage = read.get('usage', row.meta.name);
  return {
    ...(usage && subnetCounts(usage.families)),
    ...(network && {
      ...gatewayFields(row, network, read.get('wayOut', network.name)),
      ...dhcpFields(network),
      ...querierFields(network, read),
      ...interconnectionFields(network, read),
    }),
  };
}

/** UUIDs of the rows, which are ours to choose; '' where there is none. */
function dhcpFields(network: Network): JsonObject {
  const { v4 = '', v6 = '' } = network.switched ? subnetDhcpIds(network) : {};
  return { dhcpV4OptionsUUID: v4, dhcpV6OptionsUUID: v6 };
}

function interconnectionFields(network: Network, read: WorldRead): JsonObject {
  const own = ownAddress(network, 'interconnection', read);
  return {
    u2oInterconnectionIP: own?.addresses.join(',') ?? '',
    u2oInterconnectionMAC: own?.mac ?? '',
    u2oInterconnectionVPC: own ? network.vpc : '',
  };
}

function gatewayFields({ spec }: SubnetRow, { name, ecmp }: Network, way: WayOut | undefined): JsonObject {
  const rules = natRuleFields(name, spec);
  return {
    activateGateway: ecmp ? '' : (way?.active[0]?.name ?? ''),
    ...(rules.length > 0 && { natOutgoingPolicyRules: rules }),
  };
}

/** Asked only of a subnet that is being deleted, since the list is as long as the subnet has addresses in use. */
function* holds(name: string, read: WorldRead): Generator<HoldFact> {
  const about = subnetRef(name);
  const used = addressesOfOthers(name, read);
  if (used > 0) yield { hold: about, reason: `${used} addresses are in use`, owner: ownerOf(about) };
}
