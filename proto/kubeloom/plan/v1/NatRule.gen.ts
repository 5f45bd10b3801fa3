// Original file: proto/plan.proto


/**
 * An exception from nat_outgoing; the first that matches decides.
 */
export interface NatRule {
  'id'?: (string);
  /**
   * nat or forward.
   */
  'action'?: (string);
  /**
   * Addresses and CIDRs of one family; none is any.
   */
  'sources'?: (string)[];
  'targets'?: (string)[];
}

/**
 * An exception from nat_outgoing; the first that matches decides.
 */
export interface NatRule__Output {
  'id': (string);
  /**
   * nat or forward.
   */
  'action': (string);
  /**
   * Addresses and CIDRs of one family; none is any.
   */
  'sources': (string)[];
  'targets': (string)[];
}
