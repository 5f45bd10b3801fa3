// Original file: proto/plan.proto

import type { NodeItem as _kubeloom_plan_v1_NodeItem, NodeItem__Output as _kubeloom_plan_v1_NodeItem__Output } from '../../../kubeloom/plan/v1/NodeItem.gen.ts';
import type { PeerItem as _kubeloom_plan_v1_PeerItem, PeerItem__Output as _kubeloom_plan_v1_PeerItem__Output } from '../../../kubeloom/plan/v1/PeerItem.gen.ts';
import type { SubnetItem as _kubeloom_plan_v1_SubnetItem, SubnetItem__Output as _kubeloom_plan_v1_SubnetItem__Output } from '../../../kubeloom/plan/v1/SubnetItem.gen.ts';
import type { PortItem as _kubeloom_plan_v1_PortItem, PortItem__Output as _kubeloom_plan_v1_PortItem__Output } from '../../../kubeloom/plan/v1/PortItem.gen.ts';
import type { GatewayItem as _kubeloom_plan_v1_GatewayItem, GatewayItem__Output as _kubeloom_plan_v1_GatewayItem__Output } from '../../../kubeloom/plan/v1/GatewayItem.gen.ts';

export interface Item {
  'node'?: (_kubeloom_plan_v1_NodeItem | null);
  'peer'?: (_kubeloom_plan_v1_PeerItem | null);
  'subnet'?: (_kubeloom_plan_v1_SubnetItem | null);
  'port'?: (_kubeloom_plan_v1_PortItem | null);
  'gateway'?: (_kubeloom_plan_v1_GatewayItem | null);
  'item'?: "node"|"peer"|"subnet"|"port"|"gateway";
}

export interface Item__Output {
  'node'?: (_kubeloom_plan_v1_NodeItem__Output | null);
  'peer'?: (_kubeloom_plan_v1_PeerItem__Output | null);
  'subnet'?: (_kubeloom_plan_v1_SubnetItem__Output | null);
  'port'?: (_kubeloom_plan_v1_PortItem__Output | null);
  'gateway'?: (_kubeloom_plan_v1_GatewayItem__Output | null);
  'item'?: "node"|"peer"|"subnet"|"port"|"gateway";
}
