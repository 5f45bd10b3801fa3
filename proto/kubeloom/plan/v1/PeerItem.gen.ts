// Original file: proto/plan.proto


export interface PeerItem {
  'name'?: (string);
  'internal_ips'?: (string)[];
}

export interface PeerItem__Output {
  'name': (string);
  'internal_ips': (string)[];
}
