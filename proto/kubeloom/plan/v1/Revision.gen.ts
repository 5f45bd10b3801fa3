// Original file: proto/plan.proto

import type { Long } from '@grpc/proto-loader';

export interface Revision {
  'revision'?: (number | string | Long);
}

export interface Revision__Output {
  'revision': (string);
}
