// What the agent counts, under Kube-OVN's names where it has one.
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';

export interface Metrics {
  readonly registry: Registry;
  answered(method: string, status: number, seconds: number): void;
  waited(what: 'address' | 'route' | 'connectivity', seconds: number): void;
  applied(driver: string, ok: boolean): void;
  programStarted(program: string): void;
  planConnected(connected: boolean): void;
  planItems(count: number): void;
  /** Replaces all that was said before. */
  gatewayCounts(counts: readonly GatewayCount[]): void;
}

/** What passed this node from or to a subnet. */
export interface GatewayCount {
  readonly family: 4 | 6;
  readonly subnet: string;
  readonly cidr: string;
  readonly direction: 'ingress' | 'egress';
  readonly packets: number;
  readonly bytes: number;
}

const BUCKETS = [0.005, 0.01, 0.02, 0.035, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** Registers everything; one call per process. */
export function createMetrics(nodeName: string): Metrics {
  const registry = new Registry();
  // At the default of 10 ms looking at the event loop would be most of what an agent with nothing to do costs.
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 500 });
  const registers = [registry];
  const latency = new Histogram({
    name: 'cni_op_latency_seconds',
    help: 'The latency of a CNI call, by command and HTTP status of its answer',
    labelNames: ['node_name', 'method', 'status_code'],
    buckets: BUCKETS,
    registers,
  });
  const wait = (what: string, help: string): Counter =>
    new Counter({ name: `cni_wait_${what}_seconds_total`, help, labelNames: ['node_name'], registers });
  const waits = {
    address: wait('address', 'Time that ADD has waited for an address'),
    route: wait('route', "Time that ADD has waited for the pod's annotations"),
    connectivity: wait('connectivity', 'Time that CNI calls have waited for Open vSwitch and OVN'),
  };
  const applies = new Counter({
    name: 'kubeloom_agent_driver_applies_total',
    help: 'Changes that a driver made to the node, and failures',
    labelNames: ['driver', 'result'],
    registers,
  });
  const programs = new Counter({
    name: 'kubeloom_agent_programs_total',
    help: 'Programs that the agent has started',
    labelNames: ['program'],
    registers,
  });
  const connected = new Gauge({
    name: 'kubeloom_agent_plan_connected',
    help: '1 while the agent follows a leader',
    registers,
  });
  const items = new Gauge({
    name: 'kubeloom_agent_plan_items',
    help: 'Items of the plan that the agent holds',
    registers,
  });
  return {
    registry,
    gatewayCounts: gatewayGauges(nodeName, registers),
    answered: (method, status, seconds) =>
      latency.observe({ node_name: nodeName, method, status_code: String(status) }, seconds),
    waited: (what, seconds) => waits[what].inc({ node_name: nodeName }, seconds),
    applied: (driver, ok) => applies.inc({ driver, result: ok ? 'changed' : 'failed' }),
    programStarted: (program) => programs.inc({ program }),
    planConnected: (value) => connected.set(value ? 1 : 0),
    planItems: (count) => items.set(count),
  };
}

/** What shows the counts, those and no others. */
function gatewayGauges(hostname: string, registers: Registry[]): Metrics['gatewayCounts'] {
  const labelNames = ['hostname', 'subnet_name', 'cidr', 'direction', 'protocol'] as const;
  const gauge = (name: string, help: string): Gauge<(typeof labelNames)[number]> =>
    new Gauge({ name, help, labelNames, registers });
  const packets = gauge('ovn_subnet_gateway_packets', 'Packets that this node has passed on for a subnet');
  const bytes = gauge('ovn_subnet_gateway_packet_bytes', 'Bytes that this node has passed on for a subnet');
  return (counts) => {
    packets.reset();
    bytes.reset();
    for (const { family, subnet, cidr, direction, ...count } of counts) {
      const labels = { hostname, subnet_name: subnet, cidr, direction, protocol: `IPv${family}` };
      packets.set(labels, count.packets);
      bytes.set(labels, count.bytes);
    }
  };
}
