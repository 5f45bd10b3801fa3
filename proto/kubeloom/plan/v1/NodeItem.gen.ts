// Original file: proto/plan.proto

import type { Join as _kubeloom_plan_v1_Join, Join__Output as _kubeloom_plan_v1_Join__Output } from '../../../kubeloom/plan/v1/Join.gen.ts';

export interface NodeItem {
  'name'?: (string);
  'uid'?: (string);
  'internal_ips'?: (string)[];
  'join'?: (_kubeloom_plan_v1_Join | null);
  'southbound'?: (string)[];
  'service_cidrs'?: (string)[];
}

export interface NodeItem__Output {
  'name': (string);
  'uid': (string);
  'internal_ips': (string)[];
  'join': (_kubeloom_plan_v1_Join__Output | null);
  'southbound': (string)[];
  'service_cidrs': (string)[];
}
