// Original file: proto/plan.proto


export interface Delete {
  'key'?: (string);
}

export interface Delete__Output {
  'key': (string);
}
