// Original file: proto/plan.proto


export interface SubnetItem {
  'name'?: (string);
  'uid'?: (string);
  'vpc'?: (string);
  'cidrs'?: (string)[];
  'gateways'?: (string)[];
  'nat_outgoing'?: (boolean);
  /**
   * distributed or centralized.
   */
  'gateway_type'?: (string);
  'mtu'?: (number);
  'provider'?: (string);
  'routed_by_nodes'?: (boolean);
}

export interface SubnetItem__Output {
  'name': (string);
  'uid': (string);
  'vpc': (string);
  'cidrs': (string)[];
  'gateways': (string)[];
  'nat_outgoing': (boolean);
  /**
   * distributed or centralized.
   */
  'gateway_type': (string);
  'mtu': (number);
  'provider': (string);
  'routed_by_nodes': (boolean);
}
