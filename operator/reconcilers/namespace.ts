// A namespace in the API: where its pods get their addresses, shown in annotations.
import { owner as ownerOf } from '../../lib/delta/ids.ts';
import { manager } from '../api/managers.ts';
import { namespaceRef } from '../api/refs.ts';
import type { NamespaceRow } from '../api/tables.ts';
import type { Reconciler } from './reconciler.ts';

export const namespace: Reconciler<NamespaceRow> = {
  kind: 'Namespace',
  *desired(row, read) {
    const { name, uid } = row.meta;
    const { subnets, pools } = read.get('binding', name) ?? { subnets: [], pools: [] };
    const networks = subnets.map((subnet) => read.get('network', subnet)).filter((network) => network !== undefined);
    if (networks.length === 0 || row.meta.deleting) return;
    yield {
      object: namespaceRef(name),
      uid,
      owner: ownerOf(namespaceRef(name)),
      manager,
      generated: false,
      manifest: {
        metadata: {
          annotations: {
            'ovn.kubernetes.io/logical_switch': subnets.join(','),
            'ovn.kubernetes.io/cidr': networks.map((network) => network.cidrs.join(',')).join(';'),
            'ovn.kubernetes.io/exclude_ips': networks.map((network) => network.excludeIps.join(',')).join(';'),
            ...(pools.length > 0 && { 'ovn.kubernetes.io/ip_pool': pools.join(',') }),
          },
        },
      },
    };
  },
};
