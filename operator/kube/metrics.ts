// The operator's metrics. Gauges are read from their sources when somebody asks; Kube-OVN's names are kept where its
// dashboards have them, without a prefix, ours begin with kubeloom_.
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Usage } from '../api/tables.ts';
import type { RequestSample } from './client.ts';
import { queueMetrics } from './queue-metrics.ts';
import type { QueueMeter } from './queue.ts';
import type { RestartReason } from './reflector.ts';

export interface SubnetSample {
  readonly name: string;
  readonly protocol: string;
  readonly cidrs: readonly string[];
  readonly excludeIps: readonly string[];
  readonly usage: Usage;
}

export interface AssignmentSample {
  readonly subnet: string;
  readonly ip: string;
  readonly pod: string;
}

/** A centralized subnet, one for each CIDR. */
export interface CentralizedSample {
  readonly subnet: string;
  readonly ecmp: boolean;
  /** Nodes that may be its gateway, with commas between. */
  readonly nodes: string;
  readonly active: string;
  readonly match: string;
  readonly nexthops: string;
}

/** Counts of the differ, at the moment of the call. */
export interface DifferSample {
  readonly pending: number;
  readonly parked: number;
  readonly frozen: number;
}

export interface MetricSources {
  readonly subnets: () => Iterable<SubnetSample>;
  readonly assignments: () => Iterable<AssignmentSample>;
  readonly centralized: () => Iterable<CentralizedSample>;
  readonly differ: () => DifferSample;
  /** Length of each queue by name, e.g. applier, status, finalizer, events. */
  readonly queues: () => Readonly<Record<string, number>>;
  /** Objects known by kind. */
  readonly reflectors: () => Readonly<Record<string, number>>;
  /** Kinds that cannot be read at the moment, and why. */
  readonly troubles: () => Readonly<Record<string, { readonly reason: RestartReason }>>;
  readonly leading: () => boolean;
}

export interface OperatorMetrics {
  readonly registry: Registry;
  readonly request: (sample: RequestSample) => void;
  readonly restart: (kind: string, reason: RestartReason) => void;
  /** What becomes of the keys of a queue. */
  readonly queue: (name: string) => QueueMeter;
  /** One transaction with the northbound database. */
  readonly transaction: (result: 'done' | 'refused' | 'lost', seconds: number) => void;
}

/** `host` is the API server's, as client-go labels its metrics. */
export function operatorMetrics(sources: MetricSources, host: string): OperatorMetrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  subnetGauges(registry, sources);
  stateGauges(registry, sources);
  return { registry, ...counters(registry, host), queue: queueMetrics(registry) };
}

function subnetGauges(registry: Registry, { subnets, assignments, centralized }: MetricSources): void {
  const perSubnet = ['subnet_name', 'protocol', 'subnet_cidr'] as const;
  const count = (name: string, help: string, of: (usage: Usage) => number): void => {
    gauge(registry, { name, help, labelNames: perSubnet }, (set) => {
      for (const { name: subnet_name, protocol, cidrs, usage } of subnets()) {
        set({ subnet_name, protocol, subnet_cidr: cidrs.join(',') }, of(usage));
      }
    });
  };
  count('subnet_available_ip_count', 'Addresses of the subnet that can be assigned.', availableOf);
  count('subnet_used_ip_count', 'Addresses of the subnet that are in use.', usingOf);
  const ipam = ['subnet_name', 'cidr', 'free', 'reserved', 'available', 'using'] as const;
  gauge(registry, { name: 'subnet_ipam_info', help: 'Ranges of the subnet, as labels.', labelNames: ipam }, (set) => {
    for (const { name, cidrs, excludeIps, usage } of subnets()) {
      const available = joined(usage, 'availableRange');
      const labels = { free: available, available, using: joined(usage, 'usingRange'), reserved: excludeIps.join(',') };
      set({ subnet_name: name, cidr: cidrs.join(','), ...labels }, 1);
    }
  });
  const assigned = ['subnet_name', 'ip', 'pod_name'] as const;
  gauge(registry, { name: 'subnet_ip_assign_info', help: 'One per assigned address.', labelNames: assigned }, (set) => {
    for (const { subnet, ip, pod } of assignments()) set({ subnet_name: subnet, ip, pod_name: pod }, 1);
  });
  const way = ['subnet_name', 'enable_ecmp', 'gateway_node', 'active_gateway', 'match', 'nexthops'] as const;
  const help = 'How centralized subnets leave the cluster, as labels.';
  gauge(registry, { name: 'centralized_subnet_info', help, labelNames: way }, (set) => {
    for (const { subnet, ecmp, nodes, active, match, nexthops } of centralized()) {
      const gateways = { enable_ecmp: String(ecmp), gateway_node: nodes, active_gateway: active };
      set({ subnet_name: subnet, ...gateways, match, nexthops }, 1);
    }
  });
}

function stateGauges(registry: Registry, { differ, queues, reflectors, troubles, leading }: MetricSources): void {
  gauge(
    registry,
    { name: 'kubeloom_rows_pending', help: 'Rows that the database does not have as they should be.', labelNames: [] },
    (set) => set({}, differ().pending),
  );
  gauge(
    registry,
    { name: 'kubeloom_owners_parked', help: 'Owners that wait for a row which does not exist yet.', labelNames: [] },
    (set) => set({}, differ().parked),
  );
  gauge(registry, { name: 'kubeloom_owners_frozen', help: 'Owners whose reconciler failed.', labelNames: [] }, (set) =>
    set({}, differ().frozen),
  );
  gauge(
    registry,
    { name: 'workqueue_depth', help: 'Keys that wait, run or are retried.', labelNames: ['name'] },
    (set) => {
      for (const [name, depth] of Object.entries(queues())) set({ name }, depth);
    },
  );
  gauge(registry, { name: 'kubeloom_reflector_objects', help: 'Objects known.', labelNames: ['kind'] }, (set) => {
    for (const [kind, size] of Object.entries(reflectors())) set({ kind }, size);
  });
  gauge(
    registry,
    {
      name: 'kubeloom_reflector_waiting',
      help: '1 while a kind cannot be listed or watched; the reason forbidden means a missing RBAC rule.',
      labelNames: ['kind', 'reason'],
    },
    (set) => {
      for (const [kind, { reason }] of Object.entries(troubles())) set({ kind, reason }, 1);
    },
  );
  gauge(registry, { name: 'kubeloom_leader', help: '1 while this process leads.', labelNames: [] }, (set) =>
    set({}, leading() ? 1 : 0),
  );
}

function counters(registry: Registry, host: string): Omit<OperatorMetrics, 'registry' | 'queue'> {
  const registers = [registry];
  const requests = new Counter({
    name: 'rest_client_requests_total',
    help: 'Requests to the API server by status code, method and host.',
    labelNames: ['code', 'method', 'host'],
    registers,
  });
  const latency = new Histogram({
    name: 'rest_client_request_latency_seconds',
    help: 'Time until the answer was complete; of a watch, until it began.',
    labelNames: ['verb', 'host'],
    buckets: [0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1, 5, 30],
    registers,
  });
  const restarts = new Counter({
    name: 'kubeloom_reflector_restarts_total',
    help: 'Watches begun again, by why the one before ended.',
    labelNames: ['kind', 'reason'],
    registers,
  });
  const transactions = new Counter({
    name: 'kubeloom_nb_transactions_total',
    help: 'Transactions with the northbound database.',
    labelNames: ['result'],
    registers,
  });
  const transactionTime = new Histogram({
    name: 'ovs_client_request_latency_milliseconds',
    help: 'Time of a transaction until its reply.',
    labelNames: ['db', 'method', 'code'],
    buckets: [0.25, 0.5, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024],
    registers,
  });
  return {
    request: ({ method, code, seconds }) => {
      requests.inc({ code, method, host });
      latency.observe({ verb: method, host }, seconds);
    },
    restart: (kind, reason) => restarts.inc({ kind, reason }),
    transaction: (result, seconds) => {
      transactions.inc({ result });
      const code = result === 'done' ? '0' : '1';
      transactionTime.observe({ db: 'OVN_Northbound', method: 'transact', code }, seconds * 1000);
    },
  };
}

type Set = (labels: Record<string, string>, value: number) => void;

interface GaugeNames {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly string[];
}

// Labels of what is gone must go too, so each collection starts from nothing; and ends with nothing, since one sample for
// each address of a large cluster is megabytes that nobody reads until the next.
function gauge(registry: Registry, names: GaugeNames, collect: (set: Set) => void): void {
  const registered = new Gauge({
    ...names,
    registers: [registry],
    collect: () => {
      registered.reset();
      collect((values, value) => registered.set(values, value));
    },
  });
  const read = registered.get.bind(registered);
  registered.get = async () => {
    const answer = await read();
    registered.reset();
    return answer;
  };
}

// Both families of a dual-stack subnet hold the same addresses' owners: what can be assigned is the smaller of the two.
function availableOf({ families }: Usage): number {
  const counts = families.map(({ available }) => available);
  return counts.length === 0 ? 0 : Number(counts.reduce((a, b) => (a < b ? a : b)));
}

function usingOf({ families }: Usage): number {
  return Number(families[0]?.using ?? 0n);
}

function joined({ families }: Usage, range: 'usingRange' | 'availableRange'): string {
  return families
    .map((family) => family[range])
    .filter((text) => text !== '')
    .join(',');
}
