// Original file: proto/plan.proto


/**
 * A condition of the node, e.g. NetworkUnavailable.
 */
export interface Condition {
  'type'?: (string);
  'status'?: (string);
  'reason'?: (string);
  'message'?: (string);
}

/**
 * A condition of the node, e.g. NetworkUnavailable.
 */
export interface Condition__Output {
  'type': (string);
  'status': (string);
  'reason': (string);
  'message': (string);
}
