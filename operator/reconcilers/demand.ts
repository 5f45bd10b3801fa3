// Who needs an address: interfaces of bound pods that live in the pod network, and the join port of every node.
import { nodeIpName, nodeRef, podRef } from '../api/refs.ts';
import type { Demand, NodeRow, PodRow } from '../api/tables.ts';
import { identityOf } from './identity.ts';
import { nicsOf } from './nics.ts';
import { clusterOf } from './reconciler.ts';
import { type Decision, decided } from './module-ipam.ts';
import type { Projection, WorldRead } from './reconciler.ts';

const labels = (node: string): Readonly<Record<string, string>> => ({ 'ovn.kubernetes.io/node-name': node });

/** A pod holds its addresses from the moment it is bound to a node until it is completed. */
export const needsAddress = (pod: PodRow): boolean => pod.node !== '' && !pod.hostNetwork && !pod.completed;

/** Table `demand`, as far as policy modules have nothing against it; and what they are asked. */
export function* podDemand(pod: PodRow, read: WorldRead): Generator<Decision> {
  if (!needsAddress(pod)) return;
  const { namespace } = pod.meta;
  const self = identityOf(pod, read);
  if (self.pods[0]?.meta.uid !== pod.meta.uid) return;
  for (const { ip, subnets, wish, provider } of nicsOf(pod, self, read).nics) {
    const demand: Demand = {
      ip,
      owner: podRef(namespace, pod.meta.name),
      uid: self.uid,
      node: pod.node,
      subnets,
      podName: self.name,
      namespace,
      podType: pod.podType,
      ...(pod.podType === 'StatefulSet' && { controllerUid: pod.controller.uid }),
      labels: labels(pod.node),
      ...(wish && { wish }),
    };
    yield* decided({ demand, pod, provider }, read);
  }
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
