// Original file: proto/plan.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { FromAgent as _kubeloom_plan_v1_FromAgent, FromAgent__Output as _kubeloom_plan_v1_FromAgent__Output } from '../../../kubeloom/plan/v1/FromAgent.gen.ts';
import type { ToAgent as _kubeloom_plan_v1_ToAgent, ToAgent__Output as _kubeloom_plan_v1_ToAgent__Output } from '../../../kubeloom/plan/v1/ToAgent.gen.ts';

export interface PlanClient extends grpc.Client {
  /**
   * Metadata: authorization = "Bearer <ServiceAccount token bound to the agent's pod, audience kubeloom-plan>".
   */
  Watch(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_kubeloom_plan_v1_FromAgent, _kubeloom_plan_v1_ToAgent__Output>;
  Watch(options?: grpc.CallOptions): grpc.ClientDuplexStream<_kubeloom_plan_v1_FromAgent, _kubeloom_plan_v1_ToAgent__Output>;
  /**
   * Metadata: authorization = "Bearer <ServiceAccount token bound to the agent's pod, audience kubeloom-plan>".
   */
  watch(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_kubeloom_plan_v1_FromAgent, _kubeloom_plan_v1_ToAgent__Output>;
  watch(options?: grpc.CallOptions): grpc.ClientDuplexStream<_kubeloom_plan_v1_FromAgent, _kubeloom_plan_v1_ToAgent__Output>;
  
}

export interface PlanHandlers extends grpc.UntypedServiceImplementation {
  /**
   * Metadata: authorization = "Bearer <ServiceAccount token bound to the agent's pod, audience kubeloom-plan>".
   */
  Watch: grpc.handleBidiStreamingCall<_kubeloom_plan_v1_FromAgent__Output, _kubeloom_plan_v1_ToAgent>;
  
}

export interface PlanDefinition extends grpc.ServiceDefinition {
  Watch: MethodDefinition<_kubeloom_plan_v1_FromAgent, _kubeloom_plan_v1_ToAgent, _kubeloom_plan_v1_FromAgent__Output, _kubeloom_plan_v1_ToAgent__Output>
}
