// Original file: proto/plan.proto


export interface Join {
  'iface_id'?: (string);
  'mac'?: (string);
  'addresses'?: (string)[];
  'gateways'?: (string)[];
  'cidrs'?: (string)[];
}

export interface Join__Output {
  'iface_id': (string);
  'mac': (string);
  'addresses': (string)[];
  'gateways': (string)[];
  'cidrs': (string)[];
}
