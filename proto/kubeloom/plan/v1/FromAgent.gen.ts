// Original file: proto/plan.proto

import type { Hello as _kubeloom_plan_v1_Hello, Hello__Output as _kubeloom_plan_v1_Hello__Output } from '../../../kubeloom/plan/v1/Hello.gen.ts';
import type { Applied as _kubeloom_plan_v1_Applied, Applied__Output as _kubeloom_plan_v1_Applied__Output } from '../../../kubeloom/plan/v1/Applied.gen.ts';
import type { Report as _kubeloom_plan_v1_Report, Report__Output as _kubeloom_plan_v1_Report__Output } from '../../../kubeloom/plan/v1/Report.gen.ts';

export interface FromAgent {
  'hello'?: (_kubeloom_plan_v1_Hello | null);
  'applied'?: (_kubeloom_plan_v1_Applied | null);
  'report'?: (_kubeloom_plan_v1_Report | null);
  'message'?: "hello"|"applied"|"report";
}

export interface FromAgent__Output {
  'hello'?: (_kubeloom_plan_v1_Hello__Output | null);
  'applied'?: (_kubeloom_plan_v1_Applied__Output | null);
  'report'?: (_kubeloom_plan_v1_Report__Output | null);
  'message'?: "hello"|"applied"|"report";
}
