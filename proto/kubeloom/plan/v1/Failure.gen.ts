// Original file: proto/plan.proto


export interface Failure {
  'key'?: (string);
  'message'?: (string);
}

export interface Failure__Output {
  'key': (string);
  'message': (string);
}
