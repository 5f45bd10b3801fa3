// Original file: proto/plan.proto

import type { PodRef as _kubeloom_plan_v1_PodRef, PodRef__Output as _kubeloom_plan_v1_PodRef__Output } from '../../../kubeloom/plan/v1/PodRef.gen.ts';
import type { Route as _kubeloom_plan_v1_Route, Route__Output as _kubeloom_plan_v1_Route__Output } from '../../../kubeloom/plan/v1/Route.gen.ts';
import type { ProbedPort as _kubeloom_plan_v1_ProbedPort, ProbedPort__Output as _kubeloom_plan_v1_ProbedPort__Output } from '../../../kubeloom/plan/v1/ProbedPort.gen.ts';

export interface PortItem {
  'pod'?: (_kubeloom_plan_v1_PodRef | null);
  'provider'?: (string);
  'iface_id'?: (string);
  'subnet'?: (string);
  'mac'?: (string);
  'addresses'?: (string)[];
  'gateways'?: (string)[];
  'routes'?: (_kubeloom_plan_v1_Route)[];
  'default_route'?: (boolean);
  'mtu'?: (number);
  'nic_type'?: (string);
  'announced'?: (boolean);
  /**
   * CNI_IFNAME, where the pod has several interfaces of the provider; '' is any.
   */
  'ifname'?: (string);
  /**
   * Name of the node's network whose address the port's tunnels have; '' is the default one.
   */
  'node_network'?: (string);
  /**
   * What to do about neighbours on a physical network: '' on an overlay; announce; detect, which asks for conflicts first;
   * gateway, which asks for the gateways last.
   */
  'wire'?: (string);
  /**
   * Ports that the node's kubelet probes and cannot reach: the pod is in a VPC of its own.
   */
  'probes'?: (_kubeloom_plan_v1_ProbedPort)[];
}

export interface PortItem__Output {
  'pod': (_kubeloom_plan_v1_PodRef__Output | null);
  'provider': (string);
  'iface_id': (string);
  'subnet': (string);
  'mac': (string);
  'addresses': (string)[];
  'gateways': (string)[];
  'routes': (_kubeloom_plan_v1_Route__Output)[];
  'default_route': (boolean);
  'mtu': (number);
  'nic_type': (string);
  'announced': (boolean);
  /**
   * CNI_IFNAME, where the pod has several interfaces of the provider; '' is any.
   */
  'ifname': (string);
  /**
   * Name of the node's network whose address the port's tunnels have; '' is the default one.
   */
  'node_network': (string);
  /**
   * What to do about neighbours on a physical network: '' on an overlay; announce; detect, which asks for conflicts first;
   * gateway, which asks for the gateways last.
   */
  'wire': (string);
  /**
   * Ports that the node's kubelet probes and cannot reach: the pod is in a VPC of its own.
   */
  'probes': (_kubeloom_plan_v1_ProbedPort__Output)[];
}
