// Original file: proto/plan.proto


export interface Event {
  'api_version'?: (string);
  'kind'?: (string);
  'namespace'?: (string);
  'name'?: (string);
  'uid'?: (string);
  /**
   * Normal or Warning.
   */
  'type'?: (string);
  'reason'?: (string);
  'message'?: (string);
}

export interface Event__Output {
  'api_version': (string);
  'kind': (string);
  'namespace': (string);
  'name': (string);
  'uid': (string);
  /**
   * Normal or Warning.
   */
  'type': (string);
  'reason': (string);
  'message': (string);
}
