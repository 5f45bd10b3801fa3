// Original file: proto/plan.proto


export interface NodeNetwork {
  'name'?: (string);
  'address'?: (string);
}

export interface NodeNetwork__Output {
  'name': (string);
  'address': (string);
}
