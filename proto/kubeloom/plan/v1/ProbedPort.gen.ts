// Original file: proto/plan.proto


export interface ProbedPort {
  'port'?: (number);
  /**
   * A connection alone is the probe (tcpSocket).
   */
  'bare'?: (boolean);
}

export interface ProbedPort__Output {
  'port': (number);
  /**
   * A connection alone is the probe (tcpSocket).
   */
  'bare': (boolean);
}
