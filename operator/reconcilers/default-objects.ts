// What is there once per cluster. The default VPC, the default subnet and the join subnet: made when they are absent, with
// the values of the settings, and from then on the user's. And what is there
// once in the northbound database: its keys, and the sets of all nodes.
import { owner as ownerOf } from '../../lib/delta/ids.ts';
import type { Fact, JsonObject, Ref } from '../api/fact.ts';
import { commaList } from '../api/json.ts';
import { manager } from '../api/managers.ts';
import { clusterRef, subnetRef, vpcRef } from '../api/refs.ts';
import type { Cluster, RangeSetting } from '../api/tables.ts';
import { nodesSet } from '../nb/rows/address-set.ts';
import { globalKeys } from '../nb/rows/global.ts';
import type { Reconciler } from './reconciler.ts';

export const defaultObjects: Reconciler<Cluster> = {
  kind: 'Cluster',
  *desired(cluster, read) {
    const { defaultVpc, defaultSubnet, joinSubnet } = cluster;
    yield* globalKeys(ownerOf(clusterRef));
    yield nodesSet(4);
    yield nodesSet(6);
    if (!read.get('realm', defaultVpc)) yield made(vpcRef(defaultVpc), {});
    if (!read.get('subnet', defaultSubnet)) {
      const own = { default: true, gatewayType: 'distributed', natOutgoing: true, private: false };
      yield made(subnetRef(defaultSubnet), { ...range(cluster, cluster.defaultRange), ...own });
    }
    if (!read.get('subnet', joinSubnet)) {
      yield made(subnetRef(joinSubnet), { ...range(cluster, cluster.joinRange), gatewayType: 'distributed' });
    }
  },
};

const range = ({ defaultVpc }: Cluster, { cidrBlock, gateway, excludeIps }: RangeSetting): JsonObject => ({
  vpc: defaultVpc,
  provider: 'ovn',
  cidrBlock,
  ...(gateway !== '' && { gateway }),
  ...(excludeIps !== '' && { excludeIps: commaList(excludeIps) }),
});

const made = (object: Ref, spec: JsonObject): Fact => ({
  object,
  manifest: { spec },
  owner: ownerOf(object),
  manager,
  generated: false,
  create: true,
});
