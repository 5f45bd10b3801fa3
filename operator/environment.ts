// What is known of the process before it asks anybody.

/** What the process is told by its surroundings. */
export interface Environment {
  readonly podName: string;
  readonly namespace: string;
  /** Address of this pod, which is its node's: agents dial it. */
  readonly podIp: string;
  /** Addresses of the API server's Service, for a subnet must not contain them. */
  readonly apiServer: readonly string[];
  /** Members of ovn-central; when empty they are found by their pods. */
  readonly ovnDbIps: readonly string[];
}
