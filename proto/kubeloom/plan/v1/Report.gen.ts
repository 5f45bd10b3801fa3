// Original file: proto/plan.proto

import type { Event as _kubeloom_plan_v1_Event, Event__Output as _kubeloom_plan_v1_Event__Output } from '../../../kubeloom/plan/v1/Event.gen.ts';
import type { Chassis as _kubeloom_plan_v1_Chassis, Chassis__Output as _kubeloom_plan_v1_Chassis__Output } from '../../../kubeloom/plan/v1/Chassis.gen.ts';
import type { Condition as _kubeloom_plan_v1_Condition, Condition__Output as _kubeloom_plan_v1_Condition__Output } from '../../../kubeloom/plan/v1/Condition.gen.ts';
import type { Reach as _kubeloom_plan_v1_Reach, Reach__Output as _kubeloom_plan_v1_Reach__Output } from '../../../kubeloom/plan/v1/Reach.gen.ts';

/**
 * What the agent learns and the operator writes to the API.
 */
export interface Report {
  'event'?: (_kubeloom_plan_v1_Event | null);
  'chassis'?: (_kubeloom_plan_v1_Chassis | null);
  'condition'?: (_kubeloom_plan_v1_Condition | null);
  'reach'?: (_kubeloom_plan_v1_Reach | null);
  'report'?: "event"|"chassis"|"condition"|"reach";
}

/**
 * What the agent learns and the operator writes to the API.
 */
export interface Report__Output {
  'event'?: (_kubeloom_plan_v1_Event__Output | null);
  'chassis'?: (_kubeloom_plan_v1_Chassis__Output | null);
  'condition'?: (_kubeloom_plan_v1_Condition__Output | null);
  'reach'?: (_kubeloom_plan_v1_Reach__Output | null);
  'report'?: "event"|"chassis"|"condition"|"reach";
}
