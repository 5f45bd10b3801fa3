// The cluster of the bench: its objects as the API would give them, taken through the product's own projection, and the
// rows that a pod comes to, for the side that writes them without asking anybody.
import type { RowFact, RowId } from '../../lib/delta/fact.ts';
import { owner as ownerOf } from '../../lib/delta/ids.ts';
import { podIpName, podRef, subnetRef } from '../../operator/api/refs.ts';
import { labelledRow, networkPolicyRow } from '../../operator/api/policy-row.ts';
import { ipRow, namespaceRow, nodeRow, podRow, subnetRow, vpcRow } from '../../operator/api/project.ts';
import { nodeGroupId } from '../../operator/nb/rows/group.ts';
import { vifPort } from '../../operator/nb/rows/switch.ts';
import type { World } from '../../operator/world.ts';
import { defaults } from '../../test/worlds/process.ts';

/** How the pods lie: so many subnets and so many nodes, pods dealt out to both in turn. */
export interface Shape {
  readonly subnets: number;
  readonly nodes: number;
  /** Nodes that take one round of the subnets among them; 1. More of them are needed to fill many nodes. */
  readonly spread?: number;
}

export const SHAPE: Shape = { subnets: 100, nodes: 100 };

/** Objects of one kind by their place in the scene; a pod comes with its IP object, which the API has accepted. */
export interface PodEvent {
  readonly index: number;
  readonly pod: object;
  readonly ip: object;
}

const hex = (value: number): string => value.toString(16).padStart(2, '0');
const mac = (at: number): string =>
  `02:00:${hex((at >> 24) & 255)}:${hex((at >> 16) & 255)}:${hex((at >> 8) & 255)}:${hex(at & 255)}`;
const nodeName = (at: number): string => `node-${at}`;
/** The first subnet is the default one. */
const subnetName = (at: number): string => (at === 0 ? defaults.defaultSubnet : `subnet-${at}`);
const NAMESPACE = 'bench';
/** 10.96.0.0/12 is the services'. */
const FIRST_BLOCK = 112;

const meta = (name: string, uid: string, namespace?: string): object => ({
  name,
  uid,
  ...(namespace !== undefined && { namespace }),
  generation: 1,
  creationTimestamp: '2026-01-01T00:00:00Z',
});

interface Seat {
  readonly name: string;
  readonly subnet: string;
  readonly node: string;
  readonly address: string;
  readonly mac: string;
}

/** Where the pod of this number is; a /16 for each of up to 144 subnets, or one /10 for all. */
function seat(index: number, { subnets, nodes, spread = 1 }: Shape): Seat {
  const subnet = index % subnets;
  const host = 256 + Math.floor(index / subnets);
  const base = (subnets === 1 ? 10 * 2 ** 24 : (10 * 256 + FIRST_BLOCK + subnet) * 65536) + host;
  const address = [base >>> 24, (base >>> 16) & 255, (base >>> 8) & 255, base & 255].join('.');
  const node = nodeName((Math.floor(index / subnets) * spread + (index % spread)) % nodes);
  return {
    name: `web-5d8f7c9b64-${index.toString(36).padStart(5, '0')}`,
    subnet: subnetName(subnet),
    node,
    address,
    mac: mac(index),
  };
}

export function podEvent(index: number, shape: Shape): PodEvent {
  const at = seat(index, shape);
  const uid = `6f0b5d3c-1f6e-4c0a-9d0e-${index.toString(16).padStart(12, '0')}`;
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { ...meta(at.name, uid, NAMESPACE), labels: { app: 'web', team: teamOf(index) } },
    spec: { nodeName: at.node },
    status: { phase: 'Pending' },
  };
  const ip = {
    apiVersion: 'kubeovn.io/v1',
    kind: 'IP',
    metadata: {
      ...meta(podIpName(NAMESPACE, at.name), `ip-${uid}`),
      finalizers: ['kubeovn.io/kube-ovn-controller'],
      labels: { 'ovn.kubernetes.io/node-name': at.node },
      annotations: { 'kubeloom.io/owner-uid': uid },
    },
    spec: {
      namespace: NAMESPACE,
      podName: at.name,
      subnet: at.subnet,
      nodeName: at.node,
      macAddress: at.mac,
      v4IpAddress: at.address,
      v6IpAddress: '',
      ipAddress: at.address,
    },
  };
  return { index, pod, ip };
}

export const podEvents = (from: number, count: number, shape: Shape): PodEvent[] =>
  Array.from({ length: count }, (_, at) => podEvent(from + at, shape));

/** Inside `graph.enter`, as the reflectors do it. */
export function enterPod(world: World, { pod, ip }: PodEvent): void {
  const row = podRow(pod);
  const key = `${row.meta.namespace}/${row.meta.name}`;
  world.pod.set(key, row);
  world.labelled.set(key, labelledRow(pod));
  const assigned = ipRow(ip);
  world.ip.set(assigned.meta.name, assigned);
}

export function leavePod(world: World, index: number, shape: Shape): void {
  const { name } = seat(index, shape);
  world.pod.delete(`${NAMESPACE}/${name}`);
  world.labelled.delete(`${NAMESPACE}/${name}`);
  world.ip.delete(podIpName(NAMESPACE, name));
}

/** Everything but pods; nodes with their join addresses. */
export function enterBase(world: World, { subnets, nodes }: Shape): void {
  world.cluster.set('cluster', defaults);
  enterRoutes(world, 0);
  world.namespace.set(NAMESPACE, namespaceRow({ metadata: meta(NAMESPACE, 'namespace') }));
  for (let at = 0; at < subnets; at++) enterSubnet(world, at, subnets === 1 ? '10.0.0.0/10' : undefined);
  const { joinSubnet } = defaults;
  world.subnet.set(joinSubnet, subnetRow({ metadata: meta(joinSubnet, 'join'), spec: { cidrBlock: '100.64.0.0/16' } }));
  for (let at = 0; at < nodes; at++) enterNode(world, at);
}

/** The router of the cluster, with so many policies of its user. */
export function enterRoutes(world: World, count: number): void {
  const policyRoutes = Array.from({ length: count }, (_, at) => ({
    priority: 31_500,
    match: `ip4.src == 10.${FIRST_BLOCK}.${at >> 8}.${at & 255}`,
    action: 'allow',
  }));
  world.vpc.set(defaults.defaultVpc, vpcRow({ metadata: meta(defaults.defaultVpc, 'vpc'), spec: { policyRoutes } }));
}

export function enterSubnet(world: World, at: number, cidrBlock = `10.${FIRST_BLOCK + at}.0.0/16`): void {
  const name = subnetName(at);
  world.subnet.set(name, subnetRow({ metadata: meta(name, `subnet-${at}`), spec: { cidrBlock, default: at === 0 } }));
}

/** Ten pods of each, on ten subnets. */
const teamOf = (index: number): string => `team-${Math.floor(index / 10)}`;

/** Policy number `at`: ten pods are isolated, and ten others let in to one port. */
export function enterPolicy(world: World, at: number): void {
  const [to, from] = [at * 2, at * 2 + 1].map((team) => ({ podSelector: { matchLabels: { team: `team-${team}` } } }));
  const name = `policy-${at}`;
  const spec = { ...to, ingress: [{ from: [from], ports: [{ port: 80 }] }] };
  world.networkPolicy.set(`${NAMESPACE}/${name}`, networkPolicyRow({ metadata: meta(name, name, NAMESPACE), spec }));
}

/** A node with its join address. */
export function enterNode(world: World, at: number): void {
  const name = nodeName(at);
  const status = {
    addresses: [{ type: 'InternalIP', address: `172.18.${(at >> 8) + 1}.${at & 255}` }],
    conditions: [{ type: 'Ready', status: 'True' }],
  };
  world.node.set(name, nodeRow({ metadata: meta(name, `node-${at}`), status }));
  const address = `100.64.${(at >> 8) + 1}.${at & 255}`;
  const spec = {
    podName: name,
    namespace: '',
    subnet: defaults.joinSubnet,
    nodeName: name,
    macAddress: `02:01:00:00:${hex(at >> 8)}:${hex(at & 255)}`,
    v4IpAddress: address,
  };
  const annotations = { 'kubeloom.io/owner-uid': `node-${at}` };
  world.ip.set(
    `node-${name}`,
    ipRow({
      metadata: {
        ...meta(`node-${name}`, `ip-node-${at}`),
        annotations,
        finalizers: ['kubeovn.io/kube-ovn-controller'],
      },
      spec,
    }),
  );
}

/** What of a pod is in the northbound database: its port, and the rows that hold it. */
export interface PodRows {
  readonly port: RowFact;
  readonly switch: RowId;
  readonly groups: readonly RowId[];
}

export function podRows(index: number, shape: Shape): PodRows {
  const at = seat(index, shape);
  const owner = ownerOf(podRef(NAMESPACE, at.name));
  const port = vifPort({
    owner,
    name: podIpName(NAMESPACE, at.name),
    subnet: at.subnet,
    mac: at.mac,
    addresses: [at.address],
    chassis: at.node,
    external: { pod: `${NAMESPACE}/${at.name}` },
  });
  const parent = port.in?.id;
  if (parent === undefined) throw new Error(`a port hangs on a switch (${ownerOf(subnetRef(at.subnet))})`);
  return { port, switch: parent, groups: [nodeGroupId(at.node, 'all'), nodeGroupId(at.node, 'distributed')] };
}
