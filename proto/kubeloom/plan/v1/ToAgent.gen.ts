// Original file: proto/plan.proto

import type { Init as _kubeloom_plan_v1_Init, Init__Output as _kubeloom_plan_v1_Init__Output } from '../../../kubeloom/plan/v1/Init.gen.ts';
import type { Apply as _kubeloom_plan_v1_Apply, Apply__Output as _kubeloom_plan_v1_Apply__Output } from '../../../kubeloom/plan/v1/Apply.gen.ts';
import type { Delete as _kubeloom_plan_v1_Delete, Delete__Output as _kubeloom_plan_v1_Delete__Output } from '../../../kubeloom/plan/v1/Delete.gen.ts';
import type { InitDone as _kubeloom_plan_v1_InitDone, InitDone__Output as _kubeloom_plan_v1_InitDone__Output } from '../../../kubeloom/plan/v1/InitDone.gen.ts';
import type { Revision as _kubeloom_plan_v1_Revision, Revision__Output as _kubeloom_plan_v1_Revision__Output } from '../../../kubeloom/plan/v1/Revision.gen.ts';

export interface ToAgent {
  'init'?: (_kubeloom_plan_v1_Init | null);
  'apply'?: (_kubeloom_plan_v1_Apply | null);
  'delete'?: (_kubeloom_plan_v1_Delete | null);
  'init_done'?: (_kubeloom_plan_v1_InitDone | null);
  /**
   * Closes a batch of Apply and Delete: what came before is one consistent revision.
   */
  'revision'?: (_kubeloom_plan_v1_Revision | null);
  'message'?: "init"|"apply"|"delete"|"init_done"|"revision";
}

export interface ToAgent__Output {
  'init'?: (_kubeloom_plan_v1_Init__Output | null);
  'apply'?: (_kubeloom_plan_v1_Apply__Output | null);
  'delete'?: (_kubeloom_plan_v1_Delete__Output | null);
  'init_done'?: (_kubeloom_plan_v1_InitDone__Output | null);
  /**
   * Closes a batch of Apply and Delete: what came before is one consistent revision.
   */
  'revision'?: (_kubeloom_plan_v1_Revision__Output | null);
  'message'?: "init"|"apply"|"delete"|"init_done"|"revision";
}
