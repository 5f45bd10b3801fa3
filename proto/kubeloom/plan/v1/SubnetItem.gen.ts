// Original file: proto/plan.proto

import type { NatRule as _kubeloom_plan_v1_NatRule, NatRule__Output as _kubeloom_plan_v1_NatRule__Output } from '../../../kubeloom/plan/v1/NatRule.gen.ts';
import type { GatewayNode as _kubeloom_plan_v1_GatewayNode, GatewayNode__Output as _kubeloom_plan_v1_GatewayNode__Output } from '../../../kubeloom/plan/v1/GatewayNode.gen.ts';
import type { ExternalEgress as _kubeloom_plan_v1_ExternalEgress, ExternalEgress__Output as _kubeloom_plan_v1_ExternalEgress__Output } from '../../../kubeloom/plan/v1/ExternalEgress.gen.ts';

export interface SubnetItem {
  'name'?: (string);
  'uid'?: (string);
  'vpc'?: (string);
  'cidrs'?: (string)[];
  'gateways'?: (string)[];
  'nat_outgoing'?: (boolean);
  /**
   * distributed or centralized.
   */
  'gateway_type'?: (string);
  'mtu'?: (number);
  'provider'?: (string);
  'routed_by_nodes'?: (boolean);
  /**
   * Its traffic leaves the cluster another way: routes, and nothing else.
   */
  'routes_only'?: (boolean);
  'nat_rules'?: (_kubeloom_plan_v1_NatRule)[];
  'gateway_nodes'?: (_kubeloom_plan_v1_GatewayNode)[];
  'external_egress'?: (_kubeloom_plan_v1_ExternalEgress | null);
}

export interface SubnetItem__Output {
  'name': (string);
  'uid': (string);
  'vpc': (string);
  'cidrs': (string)[];
  'gateways': (string)[];
  'nat_outgoing': (boolean);
  /**
   * distributed or centralized.
   */
  'gateway_type': (string);
  'mtu': (number);
  'provider': (string);
  'routed_by_nodes': (boolean);
  /**
   * Its traffic leaves the cluster another way: routes, and nothing else.
   */
  'routes_only': (boolean);
  'nat_rules': (_kubeloom_plan_v1_NatRule__Output)[];
  'gateway_nodes': (_kubeloom_plan_v1_GatewayNode__Output)[];
  'external_egress': (_kubeloom_plan_v1_ExternalEgress__Output | null);
}
