// Original file: proto/plan.proto

import type { Item as _kubeloom_plan_v1_Item, Item__Output as _kubeloom_plan_v1_Item__Output } from '../../../kubeloom/plan/v1/Item.gen.ts';

export interface Apply {
  'key'?: (string);
  'item'?: (_kubeloom_plan_v1_Item | null);
}

export interface Apply__Output {
  'key': (string);
  'item': (_kubeloom_plan_v1_Item__Output | null);
}
