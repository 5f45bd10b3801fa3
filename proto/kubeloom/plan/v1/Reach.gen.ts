// Original file: proto/plan.proto


/**
 * Whether a gateway node can be reached from this one by its join address. A loss is said again every second.
 */
export interface Reach {
  'node'?: (string);
  'lost'?: (boolean);
}

/**
 * Whether a gateway node can be reached from this one by its join address. A loss is said again every second.
 */
export interface Reach__Output {
  'node': (string);
  'lost': (boolean);
}
