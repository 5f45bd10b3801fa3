// Original file: proto/plan.proto

import type { Join as _kubeloom_plan_v1_Join, Join__Output as _kubeloom_plan_v1_Join__Output } from '../../../kubeloom/plan/v1/Join.gen.ts';
import type { NodeNetwork as _kubeloom_plan_v1_NodeNetwork, NodeNetwork__Output as _kubeloom_plan_v1_NodeNetwork__Output } from '../../../kubeloom/plan/v1/NodeNetwork.gen.ts';

export interface NodeItem {
  'name'?: (string);
  'uid'?: (string);
  'internal_ips'?: (string)[];
  'join'?: (_kubeloom_plan_v1_Join | null);
  'southbound'?: (string)[];
  'service_cidrs'?: (string)[];
  /**
   * Further addresses for tunnels, that subnets choose by name.
   */
  'networks'?: (_kubeloom_plan_v1_NodeNetwork)[];
}

export interface NodeItem__Output {
  'name': (string);
  'uid': (string);
  'internal_ips': (string)[];
  'join': (_kubeloom_plan_v1_Join__Output | null);
  'southbound': (string)[];
  'service_cidrs': (string)[];
  /**
   * Further addresses for tunnels, that subnets choose by name.
   */
  'networks': (_kubeloom_plan_v1_NodeNetwork__Output)[];
}
