// Who needs an address: bound pods that live in the pod network, and the join port of every node.
import { nodeIpName, nodeRef, podRef } from '../api/refs.ts';
import { commaList } from '../api/json.ts';
import type { Demand, NodeRow, PodRow, Wish } from '../api/tables.ts';
import { wishOf } from '../api/wish.ts';
import { identityOf } from './identity.ts';
import { clusterOf } from './reconciler.ts';
import type { Projection, WorldRead } from './reconciler.ts';
import { lentAddress } from './vip-holding.ts';

const labels = (node: string): Readonly<Record<string, string>> => ({ 'ovn.kubernetes.io/node-name': node });

/** A pod holds its address from the moment it is bound to a node until it is completed. */
export const needsAddress = (pod: PodRow): boolean => pod.node !== '' && !pod.hostNetwork && !pod.completed;

export const podDemand: Projection<PodRow, Demand> = function* (pod, read) {
  if (!needsAddress(pod)) return;
  const { namespace } = pod.meta;
  const { name, uid, ip, pods } = identityOf(pod, read);
  if (pods[0]?.meta.uid !== pod.meta.uid) return;
  const lent = lentAddress(pod, read);
  const wish = lent?.wish ?? podWish(pod, podPools(pod, read));
  const demand: Demand = {
    ip,
    owner: podRef(namespace, pod.meta.name),
    uid,
    node: pod.node,
    subnets: lent?.subnets ?? podSubnets(pod, wish, read),
    podName: name,
    namespace,
    podType: pod.podType,
    ...(pod.podType === 'StatefulSet' && { controllerUid: pod.controller.uid }),
    labels: labels(pod.node),
    ...(wish && { wish }),
  };
  yield [ip, demand];
};

/** What the pod asks of its address on the default network. `pools`: those of its namespace. */
export function podWish({ meta, podType, announced }: PodRow, pools: readonly string[] = []): Wish | undefined {
  const { name, annotations } = meta;
  const said = Object.entries(annotations).filter(([key]) => !announced.includes(key));
  return wishOf({
    annotations: announced.length === 0 ? annotations : Object.fromEntries(said),
    provider: 'ovn',
    pools,
    // As it stands in the name, whatever spec.ordinals.start says: that is Kube-OVN's rule.
    ...(podType === 'StatefulSet' && { ordinal: Number(name.slice(name.lastIndexOf('-') + 1)) }),
  });
}

const ownSubnets = ({ meta }: PodRow): string[] =>
  commaList(meta.annotations['ovn.kubernetes.io/logical_switch'] ?? '');

/** The pools of the namespace, as far as they are of subnets that the pod itself names, if it names any. */
function podPools(pod: PodRow, read: WorldRead): readonly string[] {
  const pools = read.get('binding', pod.meta.namespace)?.pools ?? [];
  const own = ownSubnets(pod);
  return own.length === 0 ? pools : pools.filter((name) => own.includes(read.get('pool', name)?.subnet ?? ''));
}

/** The pod's own choice, else where the pools that it may use are, else its namespace's. */
function podSubnets(pod: PodRow, wish: Wish | undefined, read: WorldRead): readonly string[] {
  const own = ownSubnets(pod);
  if (own.length > 0) return own;
  const ofPools = (wish?.pools ?? []).flatMap((name) => read.get('pool', name)?.subnet ?? []);
  if (ofPools.length > 0) return [...new Set(ofPools)];
  return read.get('binding', pod.meta.namespace)?.subnets ?? [clusterOf(read).defaultSubnet];
}

export const nodeDemand: Projection<NodeRow, Demand> = function* (node, read) {
  const { name, uid } = node.meta;
  const ip = nodeIpName(name);
  const demand: Demand = {
    ip,
    owner: nodeRef(name),
    uid,
    node: name,
    subnets: [clusterOf(read).joinSubnet],
    podName: name,
    namespace: '',
    podType: '',
    labels: labels(name),
  };
  yield [ip, demand];
};
