// Original file: proto/plan.proto


export interface Chassis {
  'system_id'?: (string);
}

export interface Chassis__Output {
  'system_id': (string);
}
