// Original file: proto/plan.proto


/**
 * Where gateway nodes pass on what leaves.
 */
export interface ExternalEgress {
  'gateways'?: (string)[];
  'table'?: (number);
  'priority'?: (number);
}

/**
 * Where gateway nodes pass on what leaves.
 */
export interface ExternalEgress__Output {
  'gateways': (string)[];
  'table': (number);
  'priority': (number);
}
