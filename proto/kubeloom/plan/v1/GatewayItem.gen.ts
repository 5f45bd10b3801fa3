// Original file: proto/plan.proto

import type { PodRef as _kubeloom_plan_v1_PodRef, PodRef__Output as _kubeloom_plan_v1_PodRef__Output } from '../../../kubeloom/plan/v1/PodRef.gen.ts';
import type { Forward as _kubeloom_plan_v1_Forward, Forward__Output as _kubeloom_plan_v1_Forward__Output } from '../../../kubeloom/plan/v1/Forward.gen.ts';

/**
 * A pod that passes on what comes to an interface outside; what does so is made in its namespace.
 */
export interface GatewayItem {
  'pod'?: (_kubeloom_plan_v1_PodRef | null);
  /**
   * external_ids:iface-id of an interface of the pod in Open vSwitch, by which its namespace is known.
   */
  'iface_id'?: (string);
  /**
   * The interface outside, its addresses with their lengths, and the gateways there.
   */
  'ifname'?: (string);
  'addresses'?: (string)[];
  'gateways'?: (string)[];
  /**
   * The interface by which the cluster is reached.
   */
  'inner_ifname'?: (string);
  'inner_gateways'?: (string)[];
  'forwards'?: (_kubeloom_plan_v1_Forward)[];
}

/**
 * A pod that passes on what comes to an interface outside; what does so is made in its namespace.
 */
export interface GatewayItem__Output {
  'pod': (_kubeloom_plan_v1_PodRef__Output | null);
  /**
   * external_ids:iface-id of an interface of the pod in Open vSwitch, by which its namespace is known.
   */
  'iface_id': (string);
  /**
   * The interface outside, its addresses with their lengths, and the gateways there.
   */
  'ifname': (string);
  'addresses': (string)[];
  'gateways': (string)[];
  /**
   * The interface by which the cluster is reached.
   */
  'inner_ifname': (string);
  'inner_gateways': (string)[];
  'forwards': (_kubeloom_plan_v1_Forward__Output)[];
}
