// Original file: proto/plan.proto

import type { Long } from '@grpc/proto-loader';

export interface InitDone {
  'revision'?: (number | string | Long);
}

export interface InitDone__Output {
  'revision': (string);
}
