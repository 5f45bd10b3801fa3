// Original file: proto/plan.proto

import type { Failure as _kubeloom_plan_v1_Failure, Failure__Output as _kubeloom_plan_v1_Failure__Output } from '../../../kubeloom/plan/v1/Failure.gen.ts';
import type { Long } from '@grpc/proto-loader';

/**
 * The agent has brought the node to this revision, but for the failed items.
 */
export interface Applied {
  'revision'?: (number | string | Long);
  'failed'?: (_kubeloom_plan_v1_Failure)[];
}

/**
 * The agent has brought the node to this revision, but for the failed items.
 */
export interface Applied__Output {
  'revision': (string);
  'failed': (_kubeloom_plan_v1_Failure__Output)[];
}
