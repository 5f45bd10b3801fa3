// Original file: proto/plan.proto


/**
 * What comes to an address and a port goes on to a target's port of the same number.
 */
export interface Forward {
  /**
   * tcp, udp or sctp.
   */
  'protocol'?: (string);
  'address'?: (string);
  'port'?: (number);
  'target'?: (string);
  /**
   * CIDRs from which it is taken; none is any.
   */
  'sources'?: (string)[];
}

/**
 * What comes to an address and a port goes on to a target's port of the same number.
 */
export interface Forward__Output {
  /**
   * tcp, udp or sctp.
   */
  'protocol': (string);
  'address': (string);
  'port': (number);
  'target': (string);
  /**
   * CIDRs from which it is taken; none is any.
   */
  'sources': (string)[];
}
