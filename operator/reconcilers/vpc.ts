// A VPC: its logical router with the routes and policies of its spec, and its status.
import { owner as ownerOf } from '../../lib/delta/ids.ts';
import type { JsonObject } from '../api/fact.ts';
import { textsOf } from '../api/json.ts';
import { vpcRef } from '../api/refs.ts';
import type { Network, VpcRow } from '../api/tables.ts';
import { protocols, vpcBalancerName } from '../nb/names.ts';
import { vpcBalancers } from '../nb/rows/load-balancer.ts';
import { logicalRouter } from '../nb/rows/router.ts';
import { overlaySets } from './interconnection.ts';
import { clusterOf } from './reconciler.ts';
import type { Reconciler, WorldRead } from './reconciler.ts';
import { bfdPort, bfdPortStatus } from './vpc-bfd.ts';
import { externalFields } from './vpc-external.ts';
import { defaultSubnets, namespaceProblems } from './vpc-namespaces.ts';
import { peerings, peersOf } from './vpc-peering.ts';
import { userPolicies, userRoutes } from './vpc-routes.ts';

export const vpc: Reconciler<VpcRow> = {
  kind: 'Vpc',
  *desired(row, read) {
    const { name } = row.meta;
    const about = vpcRef(name);
    const owner = ownerOf(about);
    const subnets = switched(name, read);
    const peers = peersOf(row, read);
    const isInterconnected = subnets.some(({ link }) => link === 'interconnection');
    // Neighbours on external subnets are beyond them, too.
    const isExternal = row.spec['enableExternal'] === true || textsOf(row.spec['extraExternalSubnets']).length > 0;
    yield logicalRouter(name, peers.length > 0 || isInterconnected || isExternal);
    const { enableLb, defaultVpc } = clusterOf(read);
    if (enableLb) yield* vpcBalancers(name, name === defaultVpc);
    yield* overlaySets(name, subnets);
    yield* peerings(row, read);
    yield* bfdPort(row, read);
    yield* userRoutes(row);
    yield* userPolicies(row, read);
    yield* namespaceProblems(row, read);
    yield {
      status: about,
      generation: row.meta.generation,
      owner,
      fields: { ...status(row, subnets, read), vpcPeerings: peers, ...bfdPortStatus(row, read) },
      // Whoever makes subnets waits for this.
      confirmed: { standby: true },
    };
    if (row.meta.deleting && subnets.length > 0) {
      yield { hold: about, reason: `subnets ${subnets.map((subnet) => subnet.name).join(', ')} are in it`, owner };
    }
  },
};

const switched = (name: string, read: WorldRead): Network[] =>
  read
    .at('networksByVpc', name)
    .filter((network) => network.switched)
    .sort((a, b) => (a.name < b.name ? -1 : 1));

function status(row: VpcRow, subnets: readonly Network[], read: WorldRead): JsonObject {
  const { name } = row.meta;
  const isDefault = name === clusterOf(read).defaultVpc;
  const [own = ''] = defaultSubnets(row, read);
  return {
    default: isDefault,
    router: name,
    // What leaves is held for and not counted: nothing is to be put into it.
    subnets: subnets.filter(({ deleting }) => !deleting).map((subnet) => subnet.name),
    defaultLogicalSwitch: read.get('network', own)?.vpc === name ? own : '',
    ...loadBalancers(name, isDefault),
    ...externalFields(row, read),
  };
}

/** Names of the rows that Kube-OVN's users look for. */
function loadBalancers(name: string, isDefault: boolean): JsonObject {
  const names = protocols.flatMap(
    (protocol) =>
      [
        [`${protocol}LoadBalancer`, vpcBalancerName(name, isDefault, { protocol, session: false })],
        [`${protocol}SessionLoadBalancer`, vpcBalancerName(name, isDefault, { protocol, session: true })],
      ] as const,
  );
  return Object.fromEntries(names);
}
