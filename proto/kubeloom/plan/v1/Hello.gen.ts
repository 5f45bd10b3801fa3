// Original file: proto/plan.proto

import type { Long } from '@grpc/proto-loader';

export interface Hello {
  /**
   * Version of this protocol; 1.
   */
  'version'?: (number);
  /**
   * Highest epoch that this agent has obeyed; an operator with a lower one is refused by the agent.
   */
  'epoch'?: (number | string | Long);
  'agent_version'?: (string);
  /**
   * system-id of the node's Open vSwitch, '' until it is known.
   */
  'chassis'?: (string);
}

export interface Hello__Output {
  /**
   * Version of this protocol; 1.
   */
  'version': (number);
  /**
   * Highest epoch that this agent has obeyed; an operator with a lower one is refused by the agent.
   */
  'epoch': (string);
  'agent_version': (string);
  /**
   * system-id of the node's Open vSwitch, '' until it is known.
   */
  'chassis': (string);
}
