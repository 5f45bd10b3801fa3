import type * as grpc from '@grpc/grpc-js';
import type { MessageTypeDefinition } from '@grpc/proto-loader';

import type { Applied as _kubeloom_plan_v1_Applied, Applied__Output as _kubeloom_plan_v1_Applied__Output } from './kubeloom/plan/v1/Applied.gen.ts';
import type { Apply as _kubeloom_plan_v1_Apply, Apply__Output as _kubeloom_plan_v1_Apply__Output } from './kubeloom/plan/v1/Apply.gen.ts';
import type { Chassis as _kubeloom_plan_v1_Chassis, Chassis__Output as _kubeloom_plan_v1_Chassis__Output } from './kubeloom/plan/v1/Chassis.gen.ts';
import type { Condition as _kubeloom_plan_v1_Condition, Condition__Output as _kubeloom_plan_v1_Condition__Output } from './kubeloom/plan/v1/Condition.gen.ts';
import type { Delete as _kubeloom_plan_v1_Delete, Delete__Output as _kubeloom_plan_v1_Delete__Output } from './kubeloom/plan/v1/Delete.gen.ts';
import type { Event as _kubeloom_plan_v1_Event, Event__Output as _kubeloom_plan_v1_Event__Output } from './kubeloom/plan/v1/Event.gen.ts';
import type { ExternalEgress as _kubeloom_plan_v1_ExternalEgress, ExternalEgress__Output as _kubeloom_plan_v1_ExternalEgress__Output } from './kubeloom/plan/v1/ExternalEgress.gen.ts';
import type { Failure as _kubeloom_plan_v1_Failure, Failure__Output as _kubeloom_plan_v1_Failure__Output } from './kubeloom/plan/v1/Failure.gen.ts';
import type { Forward as _kubeloom_plan_v1_Forward, Forward__Output as _kubeloom_plan_v1_Forward__Output } from './kubeloom/plan/v1/Forward.gen.ts';
import type { FromAgent as _kubeloom_plan_v1_FromAgent, FromAgent__Output as _kubeloom_plan_v1_FromAgent__Output } from './kubeloom/plan/v1/FromAgent.gen.ts';
import type { GatewayItem as _kubeloom_plan_v1_GatewayItem, GatewayItem__Output as _kubeloom_plan_v1_GatewayItem__Output } from './kubeloom/plan/v1/GatewayItem.gen.ts';
import type { GatewayNode as _kubeloom_plan_v1_GatewayNode, GatewayNode__Output as _kubeloom_plan_v1_GatewayNode__Output } from './kubeloom/plan/v1/GatewayNode.gen.ts';
import type { Hello as _kubeloom_plan_v1_Hello, Hello__Output as _kubeloom_plan_v1_Hello__Output } from './kubeloom/plan/v1/Hello.gen.ts';
import type { Init as _kubeloom_plan_v1_Init, Init__Output as _kubeloom_plan_v1_Init__Output } from './kubeloom/plan/v1/Init.gen.ts';
import type { InitDone as _kubeloom_plan_v1_InitDone, InitDone__Output as _kubeloom_plan_v1_InitDone__Output } from './kubeloom/plan/v1/InitDone.gen.ts';
import type { Item as _kubeloom_plan_v1_Item, Item__Output as _kubeloom_plan_v1_Item__Output } from './kubeloom/plan/v1/Item.gen.ts';
import type { Join as _kubeloom_plan_v1_Join, Join__Output as _kubeloom_plan_v1_Join__Output } from './kubeloom/plan/v1/Join.gen.ts';
import type { NatRule as _kubeloom_plan_v1_NatRule, NatRule__Output as _kubeloom_plan_v1_NatRule__Output } from './kubeloom/plan/v1/NatRule.gen.ts';
import type { NodeItem as _kubeloom_plan_v1_NodeItem, NodeItem__Output as _kubeloom_plan_v1_NodeItem__Output } from './kubeloom/plan/v1/NodeItem.gen.ts';
import type { NodeNetwork as _kubeloom_plan_v1_NodeNetwork, NodeNetwork__Output as _kubeloom_plan_v1_NodeNetwork__Output } from './kubeloom/plan/v1/NodeNetwork.gen.ts';
import type { PeerItem as _kubeloom_plan_v1_PeerItem, PeerItem__Output as _kubeloom_plan_v1_PeerItem__Output } from './kubeloom/plan/v1/PeerItem.gen.ts';
import type { PlanClient as _kubeloom_plan_v1_PlanClient, PlanDefinition as _kubeloom_plan_v1_PlanDefinition } from './kubeloom/plan/v1/Plan.gen.ts';
import type { PodRef as _kubeloom_plan_v1_PodRef, PodRef__Output as _kubeloom_plan_v1_PodRef__Output } from './kubeloom/plan/v1/PodRef.gen.ts';
import type { PortItem as _kubeloom_plan_v1_PortItem, PortItem__Output as _kubeloom_plan_v1_PortItem__Output } from './kubeloom/plan/v1/PortItem.gen.ts';
import type { ProbedPort as _kubeloom_plan_v1_ProbedPort, ProbedPort__Output as _kubeloom_plan_v1_ProbedPort__Output } from './kubeloom/plan/v1/ProbedPort.gen.ts';
import type { Reach as _kubeloom_plan_v1_Reach, Reach__Output as _kubeloom_plan_v1_Reach__Output } from './kubeloom/plan/v1/Reach.gen.ts';
import type { Report as _kubeloom_plan_v1_Report, Report__Output as _kubeloom_plan_v1_Report__Output } from './kubeloom/plan/v1/Report.gen.ts';
import type { Revision as _kubeloom_plan_v1_Revision, Revision__Output as _kubeloom_plan_v1_Revision__Output } from './kubeloom/plan/v1/Revision.gen.ts';
import type { Route as _kubeloom_plan_v1_Route, Route__Output as _kubeloom_plan_v1_Route__Output } from './kubeloom/plan/v1/Route.gen.ts';
import type { SubnetItem as _kubeloom_plan_v1_SubnetItem, SubnetItem__Output as _kubeloom_plan_v1_SubnetItem__Output } from './kubeloom/plan/v1/SubnetItem.gen.ts';
import type { ToAgent as _kubeloom_plan_v1_ToAgent, ToAgent__Output as _kubeloom_plan_v1_ToAgent__Output } from './kubeloom/plan/v1/ToAgent.gen.ts';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  kubeloom: {
    plan: {
      v1: {
        Applied: MessageTypeDefinition<_kubeloom_plan_v1_Applied, _kubeloom_plan_v1_Applied__Output>
        Apply: MessageTypeDefinition<_kubeloom_plan_v1_Apply, _kubeloom_plan_v1_Apply__Output>
        Chassis: MessageTypeDefinition<_kubeloom_plan_v1_Chassis, _kubeloom_plan_v1_Chassis__Output>
        Condition: MessageTypeDefinition<_kubeloom_plan_v1_Condition, _kubeloom_plan_v1_Condition__Output>
        Delete: MessageTypeDefinition<_kubeloom_plan_v1_Delete, _kubeloom_plan_v1_Delete__Output>
        Event: MessageTypeDefinition<_kubeloom_plan_v1_Event, _kubeloom_plan_v1_Event__Output>
        ExternalEgress: MessageTypeDefinition<_kubeloom_plan_v1_ExternalEgress, _kubeloom_plan_v1_ExternalEgress__Output>
        Failure: MessageTypeDefinition<_kubeloom_plan_v1_Failure, _kubeloom_plan_v1_Failure__Output>
        Forward: MessageTypeDefinition<_kubeloom_plan_v1_Forward, _kubeloom_plan_v1_Forward__Output>
        FromAgent: MessageTypeDefinition<_kubeloom_plan_v1_FromAgent, _kubeloom_plan_v1_FromAgent__Output>
        GatewayItem: MessageTypeDefinition<_kubeloom_plan_v1_GatewayItem, _kubeloom_plan_v1_GatewayItem__Output>
        GatewayNode: MessageTypeDefinition<_kubeloom_plan_v1_GatewayNode, _kubeloom_plan_v1_GatewayNode__Output>
        Hello: MessageTypeDefinition<_kubeloom_plan_v1_Hello, _kubeloom_plan_v1_Hello__Output>
        Init: MessageTypeDefinition<_kubeloom_plan_v1_Init, _kubeloom_plan_v1_Init__Output>
        InitDone: MessageTypeDefinition<_kubeloom_plan_v1_InitDone, _kubeloom_plan_v1_InitDone__Output>
        Item: MessageTypeDefinition<_kubeloom_plan_v1_Item, _kubeloom_plan_v1_Item__Output>
        Join: MessageTypeDefinition<_kubeloom_plan_v1_Join, _kubeloom_plan_v1_Join__Output>
        NatRule: MessageTypeDefinition<_kubeloom_plan_v1_NatRule, _kubeloom_plan_v1_NatRule__Output>
        NodeItem: MessageTypeDefinition<_kubeloom_plan_v1_NodeItem, _kubeloom_plan_v1_NodeItem__Output>
        NodeNetwork: MessageTypeDefinition<_kubeloom_plan_v1_NodeNetwork, _kubeloom_plan_v1_NodeNetwork__Output>
        PeerItem: MessageTypeDefinition<_kubeloom_plan_v1_PeerItem, _kubeloom_plan_v1_PeerItem__Output>
        Plan: SubtypeConstructor<typeof grpc.Client, _kubeloom_plan_v1_PlanClient> & { service: _kubeloom_plan_v1_PlanDefinition }
        PodRef: MessageTypeDefinition<_kubeloom_plan_v1_PodRef, _kubeloom_plan_v1_PodRef__Output>
        PortItem: MessageTypeDefinition<_kubeloom_plan_v1_PortItem, _kubeloom_plan_v1_PortItem__Output>
        ProbedPort: MessageTypeDefinition<_kubeloom_plan_v1_ProbedPort, _kubeloom_plan_v1_ProbedPort__Output>
        Reach: MessageTypeDefinition<_kubeloom_plan_v1_Reach, _kubeloom_plan_v1_Reach__Output>
        Report: MessageTypeDefinition<_kubeloom_plan_v1_Report, _kubeloom_plan_v1_Report__Output>
        Revision: MessageTypeDefinition<_kubeloom_plan_v1_Revision, _kubeloom_plan_v1_Revision__Output>
        Route: MessageTypeDefinition<_kubeloom_plan_v1_Route, _kubeloom_plan_v1_Route__Output>
        SubnetItem: MessageTypeDefinition<_kubeloom_plan_v1_SubnetItem, _kubeloom_plan_v1_SubnetItem__Output>
        ToAgent: MessageTypeDefinition<_kubeloom_plan_v1_ToAgent, _kubeloom_plan_v1_ToAgent__Output>
      }
    }
  }
}

