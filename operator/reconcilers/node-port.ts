// What a node sends to a Service by another node, whose kube-proxy hands it to a pod of its own and shows it the client
// (`externalTrafficPolicy: Local`). Pods answer nodes by the overlay (node.ts), which would lead past the node that
// translated the packet. So what leaves the ports of such a Service for a node goes by the pod's own node.
import { owner as ownerOf, partOf } from '../../lib/delta/ids.ts';
import type { Fact } from '../api/fact.ts';
import { nodePortPart, serviceRef } from '../api/refs.ts';
import type { ServiceRow } from '../api/service-row.ts';
import { nodesSetName } from '../nb/names.ts';
import { routerPolicy as priority } from '../nb/priorities.ts';
import { nodesSetId } from '../nb/rows/address-set.ts';
import { routerPolicy } from '../nb/rows/router.ts';
import { targetsByNode } from './backend.ts';
import type { Target } from './backend.ts';
import { joinAddresses } from './gateway.ts';
import { clusterOf, ofFamily } from './reconciler.ts';
import type { Reconciler } from './reconciler.ts';
import { slicesOf } from './service-slices.ts';
import { placeOf } from './service-vpc.ts';

export const nodePort: Reconciler<ServiceRow> = {
  kind: 'Service',
  *desired(row, read) {
    const { defaultVpc, nonPrimary } = clusterOf(read);
    // The way to the first interfaces of pods is the other plugin's, where there is one.
    if (!row.externalLocal || nonPrimary) return;
    const slices = slicesOf(row, read);
    // Nodes reach no other VPC.
    if (placeOf(row, slices, read).vpc !== defaultVpc) return;
    for (const [node, targets] of targetsByNode(row.ports, slices)) {
      const joins = joinAddresses(node, read);
      for (const family of [4, 6] as const) {
        const own = targets.filter(({ address }) => familyOf(address) === family);
        const nexthop = ofFamily(joins, family === 4 ? '.' : ':');
        if (own.length === 0 || nexthop === undefined) continue;
        yield answers(row, { node, family, targets: own, nexthop, vpc: defaultVpc });
      }
    }
  },
};

const familyOf = (address: string): 4 | 6 => (address.includes(':') ? 6 : 4);

interface Answers {
  readonly node: string;
  readonly family: 4 | 6;
  readonly targets: readonly Target[];
  readonly nexthop: string;
  readonly vpc: string;
}

function answers({ meta }: ServiceRow, { node, family, targets, nexthop, vpc }: Answers): Fact {
  const { namespace, name } = meta;
  return routerPolicy({
    owner: partOf(ownerOf(serviceRef(namespace, name)), nodePortPart),
    vpc,
    name: `${node}/${family}`,
    priority: priority.nodePort,
    match: `ip${family}.dst == $${nodesSetName(family)} && ${sources(targets, family)}`,
    action: 'reroute',
    nexthops: [nexthop],
    external: { service: `${namespace}/${name}`, 'service-node': node },
    needs: [nodesSetId(family)],
  });
}

/** A term for each port, so that no address is named with a port that it does not have. */
function sources(targets: readonly Target[], family: 4 | 6): string {
  const byPort = Map.groupBy(targets, ({ protocol, port }) => `${protocol}.src == ${port}`);
  const terms = [...byPort]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([port, own]) => {
      const addresses = [...new Set(own.map(({ address }) => address))].sort().join(', ');
      return `ip${family}.src == {${addresses}} && ${port}`;
    });
  return terms.length === 1 ? (terms[0] ?? '') : `(${terms.map((term) => `(${term})`).join(' || ')})`;
}
