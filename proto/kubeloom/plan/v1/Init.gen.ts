// Original file: proto/plan.proto

import type { Long } from '@grpc/proto-loader';

export interface Init {
  'version'?: (number);
  'epoch'?: (number | string | Long);
}

export interface Init__Output {
  'version': (number);
  'epoch': (string);
}
